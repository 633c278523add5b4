"""Which touches earned a deal: six models share its value among the touchpoints of its path."""
