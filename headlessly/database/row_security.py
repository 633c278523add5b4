"""Row-level security: the database itself answers the rows of one tenant only.

Each tenant's table has a policy for the role ``ROLE``, which owns nothing. A statement runs as that role, and
in the tenant of the moment; in none, every tenant's table is empty to it. What goes over all
tenants (:func:`~headlessly.context.tenant_scope.every_tenant`) runs as the user of DATABASE_URL, who owns
the tables.

The tenant is set where it differs from what the connection has: for the session where the connection is our
own, which costs a request nothing that stays in the tenant of the one before; in the transaction, or in the
round trip of the statement, where a pooler gives it to somebody else behind each.
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

#: Whether the connection leads to the process of the server that answered first, or through a pooler; and
#: whether there is a role to become (see :mod:`.policies`).
STATE = f"""
SELECT pg_backend_pid(), coalesce(
    (SELECT c.relrowsecurity AND pg_has_role(session_user, r.oid, 'SET')
        AND has_table_privilege(r.oid, c.oid, 'SELECT')
     FROM pg_class AS c, pg_roles AS r
     WHERE c.oid = to_regclass('headlessly_event') AND r.rolname = '{ROLE}'), false)
"""

#: The block of a statement before which nothing is set.
AS_IT_IS = nullcontext()
#: What the attribute of a connection holds whose tenant is not known.
UNKNOWN = object()


class ConnectionScope:
    """What a connection of psycopg's was told."""

    def __init__(self, pg: Any) -> None:
        result = execute_below(pg, STATE)
        #: Whether it is ours from the first statement to the last.
        self.is_direct = result.get_value(0, 0) == str(pg.pgconn.backend_pid).encode()
        self.is_enforced = result.get_value(0, 1) == b"t"
        self.told: Any = UNKNOWN

    def set_for_session(self, pg: Any, tenant: int | None) -> None:
        self.told = UNKNOWN
        execute_below(pg, setting_statement(tenant, local=False))
        self.told = tenant


def execute_below(pg: Any, statement: str) -> Any:
    """Run a statement below psycopg, which would begin a transaction first. Raises psycopg's errors: after a
    setting that failed, what comes next would be answered in another tenant."""
    result = pg.pgconn.exec_(statement.encode())
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return result
    if pg.closed:
        raise OperationalError("the connection is lost")
    raise error_from_result(result, encoding="utf-8")


def setting_statement(tenant: int | None, *, local: bool) -> str:
    """The statement that makes a connection one of ``tenant``."""
    role = "none" if tenant == EVERY else ROLE
    number = "" if tenant in (None, EVERY) else int(tenant)  # type: ignore[arg-type]
    return f"SELECT set_config('role', '{role}', {local}), set_config('{SETTING}', '{number}', {local})"


def scope_of(pg: Any) -> ConnectionScope:
    scope: ConnectionScope | None = pg.__dict__.get("tenant_scope")
    if scope is None:
        scope = pg.tenant_scope = ConnectionScope(pg)
    return scope


def renew(pg: Any) -> None:
    """Ask anew whether the database enforces it."""
    pg.__dict__.pop("tenant_scope", None)


def forget(pg: Any) -> None:
    """What was set is undone, or may be: by a rollback, and behind a pooler by the end of a transaction."""
    if pg is not None and (scope := pg.__dict__.get("tenant_scope")) is not None:
        scope.told = UNKNOWN


def forget_unless_idle(pg: Any) -> None:
    """The same where a connection is given back on the way: whoever has it next rolls back."""
    if pg is not None and pg.pgconn.transaction_status != TransactionStatus.IDLE:
        forget(pg)


def forget_transaction(pg: Any) -> None:
    """A transaction has ended: what was set in it alone is over."""
    if pg is not None and (scope := pg.__dict__.get("tenant_scope")) and not scope.is_direct:
        scope.told = UNKNOWN


def in_scope(wrapper: Any) -> AbstractContextManager[Any]:
    """A block for one statement on Django's connection, in the tenant of the moment."""
    pg = wrapper.connection
    if pg.pgconn.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
        # It has failed already, and takes no statement but the one that ends it.
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
    """Send the setting and the statement in one round trip, which PostgreSQL takes as one transaction."""
    stack = ExitStack()
    stack.enter_context(pg.pipeline())
    pg.execute(setting_statement(tenant, local=True))
    return stack


def set_before_statement(
    execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Django's wrapper of a statement (``connection.execute_wrappers``)."""
    wrapper = context["connection"]
    with wrapper.wrap_database_errors, in_scope(wrapper):
        return execute(sql, params, many, context)
