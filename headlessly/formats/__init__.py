"""How days, times and numbers are written, by language. Django reads these modules by their names."""
