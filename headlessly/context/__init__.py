"""Ambient state: the time, the request id, the tenant in scope, and the verb that is being executed."""
