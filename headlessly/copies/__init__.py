"""Copies: of the whole database to a file and back, of one tenant to a folder and to another database."""
