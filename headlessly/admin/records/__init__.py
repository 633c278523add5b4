"""The page of one record: facts, timeline, verbs, editing in place."""
