"""Creates tables whose keys begin with the tenant.

A table belongs to tenants if it has a column called tenant. Then its primary key is (tenant, id) in the
database, and a reference to another such table is (tenant, reference) to (tenant, id), so that PostgreSQL
itself refuses another tenant's record. Django's models need not know: for them the key is ``id``, and a
reference one column. Migrations are as Django writes them, so that new nouns and references get such keys
automatically.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.backends.ddl_references import Columns
from django.db.backends.postgresql.features import DatabaseFeatures as PostgreSQLFeatures
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.models import CompositePrimaryKey, Field, Model


def tenant_field(model: type[Model]) -> Field[Any, Any] | None:
    """Returns the tenant field of a table; None for a table that belongs to no tenant."""
    try:
        field = model._meta.get_field("tenant")
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, Field) else None


#: The columns that only a table of versions has. They are in its key, before the number of the version, so
#: that a record's past is found by the key and needs no second index.
OF_A_PAST = ("record", "valid_from")

#: How full a page of records or of their versions is written, in percent. An update of columns without an
#: index then finds room next to the row, and writes no index entry.
FILLED = 90

#: The stubs hardly cover it.
_DjangosEditor: Any = DatabaseSchemaEditor


class SchemaEditor(_DjangosEditor):
    # The reference has two columns, so it cannot be part of one column's definition.
    sql_create_column_inline_fk = None

    def _create_like_index_sql(self, model: Any, field: Any) -> Any:
        """Skips the additional index for LIKE on columns that are compared byte by byte, whose own index will
        do."""
        if field.db_parameters(self.connection).get("collation") == "C":
            return None
        return super()._create_like_index_sql(model, field)

    def table_sql(self, model: Any) -> tuple[str, Any]:
        sql, parameters = super().table_sql(model)
        if columns := _key_columns(model):
            sql = f"{sql.removesuffix(')')}, {self._pk_constraint_sql(columns)})"
        if any(field.name == "updated_at" for field in model._meta.concrete_fields):
            sql = f"{sql} WITH (fillfactor = {FILLED})"
        return sql, parameters

    def _iter_column_sql(
        self, column_type: Any, params: Any, model: Any, field: Any, *more: Any
    ) -> Iterator[str]:
        within_tenant = field.primary_key and _key_columns(model)
        for part in super()._iter_column_sql(column_type, params, model, field, *more):
            if not (within_tenant and part == "PRIMARY KEY"):
                yield part

    def _create_primary_key_sql(self, model: Any, field: Any) -> Any:
        statement = super()._create_primary_key_sql(model, field)
        if columns := _key_columns(model):
            statement.parts["columns"] = Columns(model._meta.db_table, columns, self.quote_name)
        return statement

    def _create_fk_sql(self, model: Any, field: Any, suffix: str) -> Any:
        statement = super()._create_fk_sql(model, field, suffix)
        here, there = tenant_field(model), tenant_field(field.target_field.model)
        if here and there:
            for part, tenant, own in (
                ("column", here, field),
                ("to_column", there, field.target_field),
            ):
                columns = [tenant.column, own.column]
                table = own.model._meta.db_table
                statement.parts[part] = Columns(table, columns, self.quote_name)
        return statement

    def _constraint_names(
        self, model: Any, column_names: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        """Finds a reference also by its own column, so that Django can drop it."""
        found: list[str] = super()._constraint_names(model, column_names, *args, **kwargs)
        tenant = tenant_field(model)
        if column_names and tenant and (kwargs.get("foreign_key") or kwargs.get("primary_key")):
            both = [tenant.column, *column_names]
            found += super()._constraint_names(model, both, *args, **kwargs)
        return found


def _key_columns(model: Any) -> list[str]:
    """Returns the primary key of a tenant's table in the database; nothing if Django declares it itself."""
    key, tenant = model._meta.pk, tenant_field(model)
    if tenant is None or key is tenant or isinstance(key, CompositePrimaryKey):
        return []
    columns = {field.name: field.column for field in model._meta.concrete_fields}
    past = [columns[name] for name in OF_A_PAST] if columns.keys() >= set(OF_A_PAST) else []
    return [tenant.column, *past, key.column]


class DatabaseFeatures(PostgreSQLFeatures):
    def allows_group_by_selected_pks_on_model(self, model: Any) -> bool:
        """Whether ``GROUP BY id`` determines all columns of a row: not if the key is (tenant, id)."""
        return tenant_field(model) is None and super().allows_group_by_selected_pks_on_model(model)
