"""The numbers of sales with several parts: a row for each stage, source or month."""
