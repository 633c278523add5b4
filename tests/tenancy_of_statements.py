"""Checks that every statement of the product names the tenant of each tenant's table in it.

:func:`watch` checks all statements while tests run, each text once. A table is recognized after ``FROM``,
``JOIN``, ``UPDATE`` or ``INTO``; its tenant is named if its alias has ``tenant_id`` in a comparison, or if
it is inserted.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parent.parent
#: Functions whose statements concern all tenants, as ``module.function``, and why.
OVER_ALL_TENANTS: dict[str, str] = {
    "headlessly.webhooks.outbox.catch_up": "once a minute, for whom no job has looked",
    "headlessly.transfer.import_job.clear_old_imports": "once a day, what old imports left",
    "headlessly.undo.undo_job.clear_old_undos": "once a day, what old undos left",
    "headlessly.api.cleaning.delete_what_is_over": "once an hour, answers that are over",
    "headlessly.access.models.revoke_all": "of a person, who leaves or is in several tenants",
    "headlessly.log.security_events.record_of_person": "the tenants of a person, to write it in each",
    "headlessly.accounts.passwords._make_hash_value": "the tenants of a person, for the link's worth",
    "headlessly.web.metrics.collect": "the numbers of the installation",
    "headlessly.admin.watching.presence.renew": "now and then, who has been gone for an hour",
    "headlessly.admin.installation.waiting_numbers": "the same, for the operator",
    "headlessly.admin.operator.save_model": "the operator's own page of a place, by its number",
    "headlessly.log.unique_values._keep_declared": "`migrate`, when a table begins to be kept",
    "headlessly.access.models.find_valid": "a key by its secret, whose tenant it tells",
    "headlessly.admin.sites.<lambda>": "the operator's pages read a row by its key",
    "django.db.models.deletion.collect": "Django reads what goes with a row, by its key",
    "django.db.models.deletion.delete": "Django deletes rows that it has just read, by their keys",
}
#: Modules that send statements for others: the caller is further out.
SENDERS = (
    "headlessly/database/",
    "headlessly/access/managers.py",
    "tests/tenancy_of_statements.py",
)

TABLE = re.compile(
    r'\b(FROM|JOIN|UPDATE|INTO|COPY)\s+(?:ONLY\s+)?"?([a-z]\w*)"?(?:\s+(?:AS\s+)?"?((?!\b(?:'
    r"WHERE|SET|ON|ORDER|LIMIT|INNER|LEFT|CROSS|JOIN|GROUP|UNION|FOR|USING|VALUES|SELECT|LATERAL|"
    r'RETURNING|OFFSET|HAVING|TO|IN)\b)[A-Za-z]\w*)"?)?'
)
COMPARED = r"\s*(?:=|IN\b)"


@cache
def tables() -> frozenset[str]:
    from django.apps import apps

    from headlessly.database.schema_editor import tenant_field

    return frozenset(m._meta.db_table for m in apps.get_models() if tenant_field(m))


@cache
def without_tenant(sql: str) -> tuple[str, ...]:
    """Returns the tenants' tables in a statement that does not name their tenant."""
    found = []
    for word, table, alias in TABLE.findall(sql):
        if table not in tables():
            continue
        if word in ("INTO", "COPY"):
            said = "tenant_id" in sql
        else:
            names = {alias, table} - {""} if word == "UPDATE" or not alias else {alias}
            own = "|".join(map(re.escape, names))
            column = rf'(?:"?\b(?:{own})"?\.)"?tenant_id"?'
            bare = r'(?<![\w."])"?tenant_id"?' if not alias else r"(?!)"
            said = bool(
                re.search(rf"(?:{column}|{bare}){COMPARED}", sql)
                or re.search(rf"=\s*\(?(?:{column}|{bare})", sql)
                or re.search(rf"\(\s*(?:{column}|{bare}),[^()]*\)\s*IN\b", sql)
            )
        if not said:
            found.append(table)
    return tuple(found)


def asker() -> str | None:
    """Returns the innermost running function of the product as ``module.function``; None if a test itself
    asks.

    A function of the list that is further out takes precedence.
    """
    frame, first = sys._getframe(2), None
    while frame is not None:
        path = frame.f_code.co_filename
        if path.endswith("django/db/models/deletion.py"):
            return f"django.db.models.deletion.{frame.f_code.co_name}"
        if path.startswith(str(HOUSE)) and ".venv" not in path:
            name = Path(path).relative_to(HOUSE).as_posix()
            if not name.startswith(SENDERS):
                this = f"{name.removesuffix('.py').replace('/', '.')}.{frame.f_code.co_name}"
                if this in OVER_ALL_TENANTS:
                    return this
                if first is None:
                    if name.startswith("tests/"):
                        return None
                    first = this
        frame = frame.f_back  # type: ignore[assignment]
    return first


@contextmanager
def watch() -> Iterator[list[str]]:
    """Yields a list that collects the statements without a tenant inside the block, each with its
    function."""
    from headlessly.database import prepared, slow

    found: list[str] = []
    outer = slow.timed
    timed = getattr(outer, "beneath", outer)  # only the innermost one collects

    def look(sql: Any) -> Any:
        text = sql if isinstance(sql, str) else str(sql)
        if (tables := without_tenant(text)) and (who := asker()) and who not in OVER_ALL_TENANTS:
            found.append(f"{who}: {', '.join(tables)} in {text}")
        return timed(sql)

    look.beneath = timed  # type: ignore[attr-defined]
    put: Callable[[Any], None] = lambda function: [  # noqa: E731
        setattr(module, "timed", function) for module in (prepared, slow)
    ]
    put(look)
    try:
        yield found
    finally:
        put(outer)
