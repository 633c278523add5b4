"""The list of a noun: columns, filters, ranges, saved views, bulk verbs, editing in a cell."""
