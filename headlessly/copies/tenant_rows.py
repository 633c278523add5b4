"""Reads the rows of a tenant from one database as JSON, and writes them to another, in chunks.

PostgreSQL itself writes and reads the JSON, so that amounts, moments and bytes stay exactly the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import psycopg
from django.contrib.auth.hashers import make_password
from django.db import connection

from headlessly.access.encryption import Undecipherable, decrypt, encrypt
from headlessly.access.models import Tenant
from headlessly.copies.programs import connection_words
from headlessly.copies.tenant_tables import (
    PERSON_COLUMNS,
    WITHOUT_SECRET,
    TenantTable,
    tenant_tables,
)
from headlessly.database.cluster import CLOSED
from headlessly.webhooks.signing import new_secret

#: How many rows, and how many bytes of them, are written at once.
ROWS, BYTES = 1_000, 4_000_000
#: Settings that the text of a value depends on, and no timeouts, as copying takes as long as it needs.
SESSION = (
    "SET timezone = 'UTC'; SET bytea_output = 'hex'; SET extra_float_digits = 1; SET statement_timeout = 0;"
    " SET idle_in_transaction_session_timeout = 0; SET datestyle = 'ISO'"
)
Connection = psycopg.Connection[Any]


class CopyRefused(Exception):
    """The tenant was not copied; the message says why, and what to do."""


def connect(url: str | None = None) -> Connection:
    """Returns a new connection to the database of the settings or to the one at ``url``.

    Raises CopyRefused.
    """
    where: str | None = url
    environment: dict[str, str] = {}
    if url is None:
        connection.ensure_connection()  # starts an embedded server
        where, environment = connection_words()
    try:
        made = psycopg.connect(where or "", password=environment.get("PGPASSWORD"))
        made.execute(SESSION)
        made.commit()
    except psycopg.Error as problem:
        raise CopyRefused(f"The database cannot be reached: {str(problem).strip()}") from None
    return made


def read_rows(
    source: Connection,
    table: TenantTable,
    tenant: int,
    *,
    with_secrets: bool,
    only: str = "true",
    given: tuple[Any, ...] = (),
) -> Iterator[str]:
    """Yields the rows of a tenant as lines of JSON; ``only`` those that fulfil a condition on ``t``."""
    columns = table.columns
    if not with_secrets:
        columns = tuple(c for c in columns if c not in table.encrypted)
    listed = ", ".join(f't."{column}"' for column in columns)
    query = (
        f"COPY (SELECT row_to_json(r) FROM (SELECT {listed} FROM {table.name} AS t "
        f"WHERE {table.owned_by} AND ({only}) ORDER BY {table.order}) AS r) TO STDOUT"
    )
    with source.cursor() as cursor, cursor.copy(query, (tenant, *given)) as copy:
        for (line,) in copy.rows():
            yield _legible(table, line, with_secrets) if table.encrypted else line


def _legible(table: TenantTable, line: str, with_secrets: bool) -> str:
    row = orjson.loads(line)
    if not with_secrets:
        row |= WITHOUT_SECRET.get(table.label, {})
    for column in table.encrypted:
        if row.get(column) is not None:
            try:
                row[column] = decrypt(row[column])
            except Undecipherable as problem:
                raise CopyRefused(f"{table.name}: {problem}") from None
    return orjson.dumps(row).decode()


def _unreadable(table: TenantTable, line: str) -> str:
    """Returns the line with its secrets encrypted, or with new ones if it has none."""
    row = orjson.loads(line)
    for column in table.encrypted:
        row[column] = encrypt(row.get(column) or new_secret())
    return orjson.dumps(row).decode()


@dataclass
class Arrival:
    """A tenant that arrives in a database, and what differs from where it comes from."""

    target: Connection
    tenant: int = 0
    people: dict[str, str] = field(default_factory=dict)  #: new ids of users, by their former ones
    fixed: dict[str, Any] = field(default_factory=dict)  #: columns of the tenant to change
    #: Whether rows of tables that only grow are skipped if they have arrived before; else they are an error.
    goes_on: bool = False

    def write_rows(self, table: TenantTable, lines: Iterable[str]) -> int:
        """Writes rows in chunks. Returns how many. Raises CopyRefused if the database refuses one, for
        example because it exists already."""
        count = 0
        known = " ON CONFLICT DO NOTHING" if table.only_grows and self.goes_on else ""
        for chunk in in_chunks(map(self._as_here, lines) if self.people else lines):
            if table.encrypted:
                chunk = [_unreadable(table, line) for line in chunk]
            sql, given = self._insert(table)
            given["rows"] = f"[{','.join(chunk)}]"
            first, count = count + 1, count + len(chunk)
            try:
                self.target.execute(sql + known, given)  # type: ignore[arg-type]
            except psycopg.errors.UniqueViolation as problem:
                raise CopyRefused(
                    f"{table.name}: there is one here already. {problem.diag.message_detail}"
                ) from None
            except (psycopg.DataError, psycopg.IntegrityError) as problem:
                raise CopyRefused(f"{table.name}, rows {first} to {count}: {problem}") from None
        return count

    def _as_here(self, line: str) -> str:
        """Returns the line with the ids that users have here, wherever in it they stand."""
        for there, here in self.people.items():
            line = line.replace(f'"{there}"', f'"{here}"')
        return line

    def _insert(self, table: TenantTable) -> tuple[str, dict[str, Any]]:
        given: dict[str, Any] = {}
        columns, values = [], []
        if table.has_tenant:
            columns, values = ["tenant_id"], ["%(tenant)s::bigint"]
            given["tenant"] = self.tenant
        for column in table.columns:
            value = f'r."{column}"'
            if table.model is Tenant and column in self.fixed:
                value, given[column] = f"%({column})s", self.fixed[column]
            columns.append(f'"{column}"')
            values.append(value)
        sql = (
            f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {', '.join(values)} "
            f"FROM json_populate_recordset(NULL::{table.name}, %(rows)s::json) AS r"
        )
        return sql, given

    def add_tenant(self, line: str) -> None:
        """Creates the tenant with a closed log, which nobody writes to until it is opened."""
        table = next(t for t in tenant_tables(with_secrets=False) if t.model is Tenant)
        sql, given = self._insert(table)
        columns = ", has_webhooks, log_offset, log_cluster) SELECT "
        sql = sql.replace(") SELECT ", columns, 1).replace(
            " FROM json_populate", ", false, 0, %(closed)s FROM json_populate", 1
        )
        given |= {"rows": f"[{line}]", "closed": CLOSED}
        self.tenant = self.target.execute(sql + " RETURNING id", given).fetchone()[0]  # type: ignore[arg-type,index]

    def add_people(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Creates the accounts that are missing here. Returns the email addresses of those that exist.

        Raises CopyRefused if another account has one of the ids.
        """
        known = []
        for row in rows:
            here = self.target.execute(
                "SELECT id, lower(email) = lower(%s) FROM headlessly_user "
                "WHERE lower(email) = lower(%s) OR id = %s ORDER BY 2 DESC",
                (row["email"], row["email"], row["id"]),
            ).fetchone()
            if here and not here[1]:
                raise CopyRefused(f"The user {row['email']} has the id of somebody else here.")
            if here:
                if here[0] != row["id"]:
                    self.people[row["id"]] = here[0]
                known.append(row["email"])
                continue
            columns = [*PERSON_COLUMNS, "password", "is_staff", "is_superuser"]
            password = row.get("password") or make_password(None)
            values = [row[c] for c in PERSON_COLUMNS] + [password, False, False]
            marks = ", ".join(["%s"] * len(columns))
            self.target.execute(
                f"INSERT INTO headlessly_user ({', '.join(columns)}) VALUES ({marks})",  # type: ignore[arg-type]
                values,
            )
        return known


def in_chunks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yields the lines in chunks that are limited in number and size."""
    chunk: list[str] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += len(line)
        if len(chunk) == ROWS or size > BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
