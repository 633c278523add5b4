"""The numbers of sales by name that have several parts: a row for each stage, source or month."""
