"""Reading: filters, search, sorting, pages, rows, counts and reports, in work that is bounded."""
