"""Live updates of open pages: which of their records changed, and who else looks at one."""
