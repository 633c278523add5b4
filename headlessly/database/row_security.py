"""Row-level security: the database itself shows only the rows of one tenant.

Each tenant's table has a policy for the role ``ROLE``, which owns nothing. A statement runs as that role and
in the current tenant; without a tenant, these tables look empty. Code that works on all tenants
(:func:`~headlessly.context.tenant_scope.every_tenant`) runs as the user of DATABASE_URL, who owns the tables.

The tenant is set whenever it differs from that of the connection. On a connection of our own it is set for
the session, which costs a request nothing if it is in the same tenant as the one before. Behind a pooler,
which may give the connection to somebody else after each transaction, it is set in the transaction, or in the
same round trip as the statement.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

from psycopg import OperationalError
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

from headlessly.context.tenant_scope import EVERY, tenant_in_scope

ROLE = "headlessly_tenant"
#: The setting with the number of the tenant.
SETTING = "headlessly.tenant"

#: Selects the server process, which shows whether there is a pooler, and whether the role exists and can be
#: used (see :mod:`.policies`).
STATE = f"""
SELECT pg_backend_pid(), coalesce(
    (SELECT c.relrowsecurity AND pg_has_role(session_user, r.oid, 'SET')
        AND has_table_privilege(r.oid, c.oid, 'SELECT')
     FROM pg_class AS c, pg_roles AS r
     WHERE c.oid = to_regclass('headlessly_event') AND r.rolname = '{ROLE}'), false)
"""

#: The block for a statement before which nothing has to be set.
AS_IT_IS = nullcontext()
#: The tenant of a connection that is not known.
UNKNOWN = object()


class ConnectionScope:
    """What was set on a psycopg connection."""

    def __init__(self, pg: Any) -> None:
        result = execute_below(pg, STATE)
        #: Whether it belongs to us from the first statement to the last.
        self.is_direct = result.get_value(0, 0) == str(pg.pgconn.backend_pid).encode()
        self.is_enforced = result.get_value(0, 1) == b"t"
        self.told: Any = UNKNOWN

    def set_for_session(self, pg: Any, tenant: int | None) -> None:
        self.told = UNKNOWN
        execute_below(pg, setting_statement(tenant, local=False))
        self.told = tenant


def execute_below(pg: Any, statement: str) -> Any:
    """Run a statement below psycopg, which would begin a transaction first. Raises psycopg's errors: after a
    failed setting, the next statement would run in another tenant."""
    result = pg.pgconn.exec_(statement.encode())
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return result
    if pg.closed:
        raise OperationalError("the connection is lost")
    raise error_from_result(result, encoding="utf-8")


def setting_statement(tenant: int | None, *, local: bool) -> str:
    """Returns the statement that switches a connection to ``tenant``."""
    role = "none" if tenant == EVERY else ROLE
    number = "" if tenant in (None, EVERY) else int(tenant)  # type: ignore[arg-type]
    return f"SELECT set_config('role', '{role}', {local}), set_config('{SETTING}', '{number}', {local})"


def scope_of(pg: Any) -> ConnectionScope:
    scope: ConnectionScope | None = pg.__dict__.get("tenant_scope")
    if scope is None:
        scope = pg.tenant_scope = ConnectionScope(pg)
    return scope


def renew(pg: Any) -> None:
    """Check again whether the database enforces row-level security."""
    pg.__dict__.pop("tenant_scope", None)


def forget(pg: Any) -> None:
    """Forget the tenant of a connection, because a rollback, or behind a pooler the end of a transaction, has
    undone the setting."""
    if pg is not None and (scope := pg.__dict__.get("tenant_scope")) is not None:
        scope.told = UNKNOWN


def forget_unless_idle(pg: Any) -> None:
    """Forget the tenant of a connection that is returned inside a transaction, which the pool rolls back."""
    if pg is not None and pg.pgconn.transaction_status != TransactionStatus.IDLE:
        forget(pg)


def forget_transaction(pg: Any) -> None:
    """Forget a tenant that was only set for the transaction that has ended."""
    if pg is not None and (scope := pg.__dict__.get("tenant_scope")) and not scope.is_direct:
        scope.told = UNKNOWN


def in_scope(wrapper: Any) -> AbstractContextManager[Any]:
    """A block for one statement on Django's connection, in the current tenant."""
    pg = wrapper.connection
    if pg.pgconn.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
        # A failed transaction accepts only the statement that ends it.
        return AS_IT_IS
    scope = scope_of(pg)
    tenant = tenant_in_scope()
    if not scope.is_enforced or scope.told == tenant:
        return AS_IT_IS
    if scope.is_direct:
        scope.set_for_session(pg, tenant)
    elif pg.autocommit:
        return _pipelined(pg, tenant)
    else:
        pg.execute(setting_statement(tenant, local=True))
        scope.told = tenant
    return AS_IT_IS


def _pipelined(pg: Any, tenant: int | None) -> AbstractContextManager[Any]:
    """Send the setting and the statement in one round trip, which PostgreSQL treats as one transaction."""
    stack = ExitStack()
    stack.enter_context(pg.pipeline())
    pg.execute(setting_statement(tenant, local=True))
    return stack


def set_before_statement(
    execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """An execute wrapper that sets the tenant (``connection.execute_wrappers``)."""
    wrapper = context["connection"]
    with wrapper.wrap_database_errors, in_scope(wrapper):
        return execute(sql, params, many, context)
