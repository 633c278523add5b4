"""The content of the files that are kept with records."""
