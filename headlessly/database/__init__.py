"""The database; its server is an embedded PostgreSQL if there is no DATABASE_URL.

The embedded server starts with the first connection, not with an import. Every process using it holds a
shared lock on `<data>/postgres.users`; the last one to leave stops the server. The kernel drops a dead
process's lock, so that a process killed with -9 never keeps the server running for ever.

    database.start()  -> Server   start it, or share the running one
    database.stop()               leave, and stop it if nobody else uses it
"""

from headlessly.database.server import Server, start, stop

__all__ = ["Server", "start", "stop"]
