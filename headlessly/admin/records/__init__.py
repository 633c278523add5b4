"""Pages of single records: facts, timeline, verbs, editing in place, the quick form."""
