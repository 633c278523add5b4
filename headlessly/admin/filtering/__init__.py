"""A filter that people put together row by row, on lists, in segments and wherever else one is stored."""
