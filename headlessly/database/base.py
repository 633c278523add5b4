"""Django's PostgreSQL backend as this product uses it. (Django dictates the module's name.)"""

import atexit
import select
import threading
import time
from datetime import UTC
from functools import cache

from django.conf import settings
from django.db.backends.postgresql import base
from django.db.utils import OperationalError as DjangoOperationalError
from psycopg import OperationalError, adapters, connect
from psycopg.pq import Format, TransactionStatus
from psycopg_pool import ConnectionPool

from headlessly.context.running import write_rows_before
from headlessly.database import row_security
from headlessly.database.schema_editor import DatabaseFeatures, SchemaEditor
from headlessly.database.server import start
from headlessly.database.slow import time_statement

#: How many statements a connection keeps prepared. There are about six for each noun, and those of the
#: platform: with the driver's default of 100, a server that uses all of them would prepare half of its
#: statements again.
PREPARED = 300
DRIVERS_LOADER = adapters.get_loader(adapters.types["timestamptz"].oid, Format.TEXT)


class MomentLoader:
    """Loads moments with the driver's own loader, which is compiled, for connections in UTC. Django's loader
    is written in Python and takes ten times as long to arrive at the same time zone."""

    format = Format.TEXT
    timezone = UTC  #: an attribute that Django reads

    def __new__(cls, oid, context=None):
        return DRIVERS_LOADER(oid, context)


class DatabaseWrapper(base.DatabaseWrapper):
    """Starts the embedded server when it is first needed, and never hands out a dead connection."""

    SchemaEditorClass = SchemaEditor
    features_class = DatabaseFeatures

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.execute_wrappers += [
            write_rows_first, row_security.set_before_statement, time_statement
        ]  # fmt: skip

    def _commit(self):
        super()._commit()
        row_security.forget_transaction(self.connection)

    def _rollback(self):
        super()._rollback()
        row_security.forget(self.connection)

    def _savepoint(self, sid):
        self._mark(self.ops.savepoint_create_sql(sid))

    def _savepoint_commit(self, sid):
        self._mark(self.ops.savepoint_commit_sql(sid))

    def _mark(self, statement):
        """Begin or end a savepoint below Django's and psycopg's cursors, which cost several times as much as
        the savepoint: each record of a batch or an import has its own. Uses a normal cursor if statements are
        logged or traced, and for the first statement, before which psycopg begins the transaction."""
        within = self.connection.pgconn.transaction_status == TransactionStatus.INTRANS
        if not within or self.queries_logged or settings.TRACES:
            with self.cursor() as cursor:
                cursor.execute(statement)
            return
        write_rows_before(statement)
        with self.wrap_database_errors:
            row_security.execute_below(self.connection, statement)

    def _savepoint_rollback(self, sid):
        super()._savepoint_rollback(sid)
        row_security.forget(self.connection)

    def _close(self):
        # The pool silently rolls back an open transaction.
        row_security.forget_unless_idle(self.connection)
        return super()._close()

    def get_connection_params(self):
        if self.settings_dict.get("EMBEDDED"):
            # Written back, so that dbshell and other readers of settings_dict find the socket too.
            self.settings_dict["HOST"] = str(start(settings.DATA_DIR).socket_dir)
            _close_pools_first()
        parameters = super().get_connection_params()
        if self.timezone == UTC:
            parameters["context"].register_loader("timestamptz", MomentLoader)
        return parameters

    def get_new_connection(self, conn_params):
        server_watch.refuse_if_away(conn_params)
        try:
            connection = super().get_new_connection(conn_params)
        except OperationalError:
            server_watch.note_absence()
            raise
        while self.pool and _closed_by_server(connection):
            connection.close()
            self.pool.putconn(connection)  # the pool replaces it
            # The server has closed this connection and may be away itself, which waiting for the pool would
            # not tell.
            server_watch.look(conn_params)
            connection = super().get_new_connection(conn_params)
        connection.prepared_max = PREPARED
        return connection


def write_rows_first(execute, sql, params, many, context):
    """An execute wrapper that first writes rows that verbs have changed and the statement may read."""
    write_rows_before(sql)
    return execute(sql, params, many, context)


class ServerWatch:
    """Whether the server is there, as far as this process knows.

    Without a server, every thread would wait for a connection of the pool in vain. So the first one that
    finds it away tells the others, which are refused at once. After ``REST`` seconds one of them looks again.
    """

    REST = 0.5

    def __init__(self):
        self._lock = threading.Lock()
        self._look_at = None  #: when to look again; None while it is there

    def refuse_if_away(self, parameters):
        """Raise OperationalError while the server is away."""
        if self._look_at is None:
            return
        with self._lock:
            if self._look_at is None:
                return
            if time.monotonic() < self._look_at:
                raise DjangoOperationalError("The database is away.") from OperationalError("away")
            self._look_at = time.monotonic() + self.REST
        self.look(parameters)

    def look(self, parameters):
        """Connect, to see whether the server is there. Raises OperationalError if it is not."""
        try:
            connect(**{**parameters, "connect_timeout": 2}).close()
        except OperationalError:
            self.note_absence()
            raise
        self._look_at = None

    def note_absence(self):
        with self._lock:
            self._look_at = time.monotonic() + self.REST


server_watch = ServerWatch()


def _closed_by_server(connection):
    """Whether the server has closed this idle connection, mostly determined without asking it.

    Nothing is expected on an idle connection, so its socket is readable only if the other end is gone or has
    sent a message. psycopg's own check sends a query each time, which adds a round trip to every request.
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
    # Exit handlers run in reverse order: close the pools before the server stops, or they would reconnect.
    atexit.register(close_pools)


def close_pools():
    """Close all idle connections of this process: before it forks, before it ends."""
    for pool in list(DatabaseWrapper._connection_pools.values()):
        pool.close()
    DatabaseWrapper._connection_pools.clear()
