"""Sets up the database so that it separates tenants itself; runs after each ``migrate``."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
from django.apps import apps
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from headlessly.database.row_security import ROLE, SETTING, renew
from headlessly.database.schema_editor import tenant_field

logger = logging.getLogger("headlessly.database")

POLICY = "one_tenant"
#: Compares with the tenant that each statement sets, so that it can be evaluated without any other row.
OWN = f"tenant_id = nullif(current_setting('{SETTING}', true), '')::bigint"

#: The functions that conditions use before a row is known to be the tenant's, so that indexes can answer
#: them. PostgreSQL evaluates only functions early that reveal nothing of a row except by their result. These
#: are such, but a superuser has to declare it.
LEAKPROOF = (
    *("lower(text)", "upper(text)", "char_length(text)", "octet_length(text)"),
    *("headlessly_fold(text)", "headlessly_fold_letters(text)"),
    *("translate(text,text,text)", "to_tsvector(regconfig,text)", "ts_match_vq(tsvector,tsquery)"),
    *("textlike(text,text)", "textregexeq(text,text)", "regexp_replace(text,text,text,text)"),
    # For values of tenants' own fields, and for all of these as one text.
    *("jsonb_contains(jsonb,jsonb)", "jsonb_object_field_text(jsonb,text)"),
    *(
        "jsonb_out(jsonb)",
        "textin(cstring)",
        "jsonb_path_query_array(jsonb,jsonpath,jsonb,boolean)",
    ),
    *(
        f"jsonb_exists{ending}"
        for ending in ("(jsonb,text)", "_any(jsonb,text[])", "_all(jsonb,text[])")
    ),
    *("arraycontains(anyarray,anyarray)", "arrayoverlap(anyarray,anyarray)"),
    *(f"numeric_{name}(numeric,numeric)" for name in ("eq", "lt", "le", "gt", "ge")),
)
#: Selects those that are not declared so yet.
LACKING = """
SELECT f FROM unnest(%s::text[]) AS f JOIN pg_proc AS p ON p.oid = to_regprocedure(f) WHERE NOT proleakproof
"""


def install_row_security() -> bool:
    """Create the role, its rights and the policies. Returns whether the database enforces them; the log says
    what is missing.

    If something is missing, they are not enforced for the first time. Once they are, connections continue to
    use the role, which then needs its rights in every new table as well.
    """
    tables = [
        model._meta.db_table for model in apps.get_models() if tenant_field(model) is not None
    ]
    with connection.cursor() as cursor:
        is_ready = all([_declare_leakproof(cursor), _make_role(cursor)])
        if not is_ready and not _is_enforced(cursor):
            logger.warning("Row-level security is not enforced: the database lacks what it needs.")
            return False
        cursor.execute(
            "SELECT c.relname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid "
            "WHERE p.polname = %s AND c.relrowsecurity",
            [POLICY],
        )
        there = {name for (name,) in cursor.fetchall()}
        existing = set(connection.introspection.table_names(cursor))
        quote = connection.ops.quote_name
        for table in sorted(existing.intersection(tables) - there):
            name = quote(table)
            cursor.execute(
                f"DROP POLICY IF EXISTS {POLICY} ON {name}; "
                f"CREATE POLICY {POLICY} ON {name} USING ({OWN}) WITH CHECK ({OWN}); "
                f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
            )
        cursor.execute(
            # A newly created schema, as after a restore, grants nothing to others.
            f"GRANT USAGE ON SCHEMA public TO {ROLE}; "
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}; "
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {ROLE}"
        )
    renew(connection.connection)
    return True


def _is_enforced(cursor: Any) -> bool:
    """Whether there are connections that use the role."""
    cursor.execute(
        "SELECT has_table_privilege(oid, to_regclass(%s), 'SELECT') FROM pg_roles WHERE rolname = %s",
        ["headlessly_event", ROLE],
    )
    return cursor.fetchone() == (True,)


def _declare_leakproof(cursor: Any) -> bool:
    cursor.execute(LACKING, [list(LEAKPROOF)])
    if not (lacking := [f for (f,) in cursor.fetchall()]):
        return True
    declare = "; ".join(f"ALTER FUNCTION {f} LEAKPROOF" for f in lacking)
    if connection.settings_dict.get("EMBEDDED"):
        host = connection.settings_dict["HOST"]
        name = connection.settings_dict["NAME"]
        with psycopg.connect(host=host, user="postgres", dbname=name, autocommit=True) as admin:
            admin.execute(declare.encode())
        return True
    return _attempt(cursor, declare, "A superuser of PostgreSQL declares once in this database")


def _make_role(cursor: Any) -> bool:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
    if cursor.fetchone() is None and not _attempt(
        cursor, f"CREATE ROLE {ROLE} NOLOGIN", "Somebody with CREATEROLE says once"
    ):
        return False
    cursor.execute("SELECT pg_has_role(session_user, %s, 'SET')", [ROLE])
    if cursor.fetchone() == (True,):
        return True
    cursor.execute("SELECT quote_ident(session_user)")
    grant = f"GRANT {ROLE} TO {cursor.fetchone()[0]}"
    return _attempt(cursor, grant, f"Whoever made {ROLE} says once")


def _attempt(cursor: Any, statement: str, who: str) -> bool:
    try:
        with transaction.atomic():
            cursor.execute(statement)
    except ProgrammingError:
        logger.warning(
            "Row-level security lacks something in the database. %s, and `manage.py migrate` is run "
            "again: %s",
            who,
            statement,
        )
        return False
    return True
