"""Open pages hear of what others do: which of their records changed, and who else looks at one."""
