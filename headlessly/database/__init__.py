"""The embedded PostgreSQL: what a checkout runs on when nobody gave it a DATABASE_URL.

It starts with the first connection, not with an import. Every process using it holds a shared lock
on `<data>/postgres.users`; whoever leaves last stops the server. The kernel drops a dead process's
lock, so that one killed with -9 never keeps the server alive for good.

    database.start()  -> Server   start it, or share the one that runs
    database.stop()               leave, and stop it when nobody else uses it
"""

from headlessly.database.server import Server, start, stop

__all__ = ["Server", "start", "stop"]
