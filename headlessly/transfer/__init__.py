"""Import and export of many records at once, in files, for every noun from its declaration.

An import is stored in the database with its file, runs in the background in chunks, and never imports a row
twice, because rows, events and progress are one transaction. An export streams what a list would show.
"""
