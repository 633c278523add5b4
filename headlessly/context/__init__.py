"""What is ambient: the time, the request id, and the verb that is being executed."""
