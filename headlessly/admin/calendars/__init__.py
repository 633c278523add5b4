"""Calendars: the records of a noun on the days on which they stand."""
