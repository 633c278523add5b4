"""Benchmarks: the product beside the limit, in one run. ``make bench``, or see ``__main__``."""
