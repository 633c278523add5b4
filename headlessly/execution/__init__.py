"""The one place where a verb is executed, on every surface and in one transaction."""
