"""What scripts propose and a person decides."""
