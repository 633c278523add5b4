"""Copies: of the whole database to a file and back, and of one tenant to a folder or another database."""
