"""A believable year of a company that sells, created through the verbs like every other history.

Acme sells planning software to companies with shifts, crews, vehicles and stock. Its year is told by stories
(:mod:`.leads`, :mod:`.deals`, :mod:`.campaigns`, :mod:`.forms`), which :mod:`.timeline` interleaves by time,
so that the log reads as if it had been written day by day.

The same cast, seed and day always give the same names, numbers and histories; only ids differ.
"""
