"""The database itself keeps tenants apart: keys, references and indexes begin with the tenant."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from headlessly.context.tenant_scope import every_tenant
from headlessly.database.schema_editor import tenant_field
from headlessly.declaration.registry import registry
from headlessly.log.versions import Version

TABLES = {m._meta.db_table: m for m in apps.get_models() if tenant_field(m)}
REFERENCES = sorted(
    f"{model.__name__}.{field.name}"
    for model in TABLES.values()
    for field in model._meta.concrete_fields
    if field.remote_field
    and tenant_field(field.remote_field.model)
    and not issubclass(model, Version)
)
#: Indexes that do not begin with the tenant, and who reads them.
OF_ALL_TENANTS = {
    "headlessly_membership_user_id": "who signs in is shown the tenants that they are in",
}


def _rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def test_its_keys_and_indexes_begin_with_the_tenant(db: None) -> None:
    found = _rows(
        "SELECT c.relname, t.relname, a.attname FROM pg_index AS i "
        "JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_class AS t ON t.oid = i.indrelid "
        "LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = i.indkey[0] "
        "WHERE t.relname = ANY(%s)",
        list(TABLES),
    )
    assert {table for _, table, _ in found} == set(TABLES)
    others = {index for index, _, first in found if first != "tenant_id"}
    assert {name.rpartition("_")[0] for name in others} == set(OF_ALL_TENANTS)


def test_every_table_has_a_tenant_or_is_of_all() -> None:
    """A table without one is of people, of counts or of jobs; none has a tenant's records."""
    without = {
        model.__name__
        for model in apps.get_models()
        if model._meta.app_label in ("headlessly", "crm", "marketing") and not tenant_field(model)
    }
    assert without == {"Device", "Guess", "KeyUse", "SecondFactor", "Session", "Tenant", "User"}


def test_every_noun_has_a_reference_that_is_tried() -> None:
    named = {name.partition(".")[0] for name in REFERENCES}
    assert {"Activity", "Contact", "Deal", "Delivery", "Lead", "Membership"} <= named
    assert all(tenant_field(noun) for noun in registry.values())


@pytest.mark.parametrize("name", REFERENCES)
@every_tenant()
def test_it_refuses_another_tenants_record(name: str, acme: Any, rival: Any) -> None:
    """Whatever a statement says: PostgreSQL itself does not take it."""
    model = next(m for m in TABLES.values() if m.__name__ == name.partition(".")[0])
    field: Any = model._meta.get_field(name.partition(".")[2])
    target: type[models.Model] = field.remote_field.model
    _row(target, rival.pk, "theirs")
    _row(target, acme.pk, "ours")
    # A row that refers to itself has to be another one.
    _row(model, acme.pk, "mine", **{field.column: _key(target, "ours")})
    table, key = model._meta.db_table, model._meta.pk.column
    change = f'UPDATE {table} SET "{field.column}" = %s WHERE tenant_id = %s AND {key} = %s'

    def set_to(which: str) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change, [_key(target, which), acme.pk, _key(model, "mine")])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    set_to("ours")
    with pytest.raises(IntegrityError, match="foreign key"):
        set_to("theirs")


def _key(model: type[models.Model], which: str) -> Any:
    if model._meta.pk.get_internal_type() == "BigAutoField":
        return 9_000_000 + {"ours": 1, "theirs": 2, "mine": 3}[which]
    return f"{model.__name__.lower()}_{which}"[:32]


#: What a column without a value gets, by its type in the database.
VALUES = {
    "timestamp with time zone": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "boolean": False,
    "jsonb": "{}",
    "ARRAY": "{}",
    "bytea": b"",
    "xid8": "1",
    "USER-DEFINED": "1",
}


def _row(model: type[models.Model], tenant: int, which: str, **given: Any) -> None:
    """A row of nothing but what its table asks for, written as no verb would."""
    table = model._meta.db_table
    asked = _rows(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s "
        "AND is_nullable = 'NO' AND column_default IS NULL",
        table,
    )
    values: dict[str, Any] = {}
    for column, kind in asked:
        field: Any = next(f for f in model._meta.concrete_fields if f.column == column)
        if column == "user_id":
            values[column] = _user()
        elif field.remote_field and column != "tenant_id" and column not in given:
            _row(field.remote_field.model, tenant, which)
            values[column] = _key(field.remote_field.model, which)
        else:
            text = "character" in kind or kind == "text"
            values[column] = VALUES.get(kind, which[: field.max_length] if text else 1)
    values |= given | {"tenant_id": tenant, model._meta.pk.column: _key(model, which)}
    columns = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({marks}) "
            "ON CONFLICT DO NOTHING",
            list(values.values()),
        )


def _user() -> str:
    from headlessly.access.models import User

    return User.objects.get_or_create(email="keys@acme.example")[0].pk
