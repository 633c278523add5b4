"""Which touches earned a deal: six models, which share its value among the touchpoints of its path."""
