"""Filters that people build row by row, on lists, in segments and wherever else one is stored."""
