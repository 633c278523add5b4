"""What a noun is: fields, state machine, verbs, hooks and how it appears, read from its class."""
