"""Django's PostgreSQL backend as this product uses it. (Django dictates the module's name.)"""

import atexit
import select
from functools import cache

from django.conf import settings
from django.db.backends.postgresql import base, schema
from psycopg import OperationalError
from psycopg_pool import ConnectionPool

from headlessly.database.server import start
from headlessly.database.slow import time_statement


class SchemaEditor(schema.DatabaseSchemaEditor):
    """Adds no second index for LIKE to a column that is compared byte by byte: its own does that."""

    def _create_like_index_sql(self, model, field):
        if field.db_parameters(self.connection).get("collation") == "C":
            return None
        return super()._create_like_index_sql(model, field)


class DatabaseWrapper(base.DatabaseWrapper):
    """Starts the embedded server when it is first needed; never hands out a dead connection."""

    SchemaEditorClass = SchemaEditor

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(time_statement)

    def get_connection_params(self):
        if self.settings_dict.get("EMBEDDED"):
            # Written back, so that dbshell and whoever reads settings_dict find the socket too.
            self.settings_dict["HOST"] = str(start(settings.DATA_DIR).socket_dir)
            _close_pools_first()
        return super().get_connection_params()

    def get_new_connection(self, conn_params):
        connection = super().get_new_connection(conn_params)
        while self.pool and _closed_by_server(connection):
            connection.close()
            self.pool.putconn(connection)  # the pool makes a new one for it
            connection = super().get_new_connection(conn_params)
        return connection


def _closed_by_server(connection):
    """Whether the server has closed this idle connection, mostly told without asking the server.

    Nothing is awaited on it, so that its socket is readable only when the other end is gone or has
    news. Asking with a query each time, as psycopg's own check does, adds a round trip to every
    request.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return False
    try:
        ConnectionPool.check_connection(connection)
    except OperationalError:
        return True
    return False


@cache
def _close_pools_first():
    # Exit handlers run backwards: before the server stops, or the pools would try to reconnect.
    atexit.register(close_pools)


def close_pools():
    """Close every idle connection of this process: before it forks, before it ends."""
    for pool in list(DatabaseWrapper._connection_pools.values()):
        pool.close()
    DatabaseWrapper._connection_pools.clear()
