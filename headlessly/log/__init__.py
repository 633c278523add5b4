"""The events and the past of records: appending, reading on, who may see what, time travel."""
