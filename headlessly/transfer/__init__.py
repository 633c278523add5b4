"""Import and export: many records at once, in files, for every noun from its declaration.

An import is kept in the database with its file, done in the background in chunks, and never does a row
twice: rows, events and progress are one transaction. An export streams what a list would show.
"""
