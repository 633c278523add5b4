"""Accounts: invitations, passwords, sessions, second factors, and the emails about them."""
