"""How people get in and stay safe: invitations, passwords, sessions, second factors, and what is told of
it."""
