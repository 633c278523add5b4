"""The past of every noun: a table of versions, each valid from one moment until another.

The database maintains it: a trigger on the noun's table closes the valid version and adds the new one,
whichever code writes. As-of questions are then ordinary queries.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import connection, models
from django.db.models import F, OuterRef
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from headlessly.access import tenancy, visibility
from headlessly.access.managers import BoundedQuerySet
from headlessly.database.tenant_joins import TenantForeignKey
from headlessly.declaration import indexes, labels
from headlessly.declaration.custom_values import COLUMN, CustomValues, HoldsCustomValues
from headlessly.declaration.fields import Others, Stated, StatusField
from headlessly.errors import Conflict, NotFound
from headlessly.log import kept

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field


class Version(HoldsCustomValues):
    """Base of the models made by :func:`make_version_model`."""

    noun: ClassVar[type[Record]]

    seq = models.BigAutoField(primary_key=True)
    record = models.CharField(max_length=32, db_column="id", db_collation="C")
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)

    objects = BoundedQuerySet.as_manager()

    class Meta:
        abstract = True

    def as_record(self) -> Record:
        """Returns the record as it was; it cannot be saved."""
        names = [f.attname for f in self.noun._meta.concrete_fields]
        values = [self.record if name == "id" else getattr(self, name) for name in names]
        record = self.noun.from_db(self._state.db, names, values)
        record.as_of = self.valid_from
        return record


@dataclass(frozen=True)
class RowsMoment:
    """Stands for a moment of each row's own: the beginning of its version. Behind references it is that of
    the outer query's version, ``depth`` queries further out."""

    depth: int = 0

    def within(self) -> RowsMoment:
        return RowsMoment(self.depth + 1)

    @property
    def expression(self) -> Any:
        found: Any = "valid_from"
        for _each in range(self.depth):
            found = OuterRef(found)
        return found


class PastIterable(models.query.ModelIterable):
    """Makes a query on versions return records."""

    def __iter__(self) -> Any:
        for version in super().__iter__():
            yield version.as_record()


def make_version_model(noun: type[Record]) -> type[Version]:
    """Returns the model of a noun's versions: the same columns without their constraints."""
    meta = noun._meta
    attributes: dict[str, Any] = {
        "__module__": noun.__module__,
        "__doc__": f"The past of {noun.__name__}.",
        "noun": noun,
        "Meta": type(
            "Meta",
            (),
            {
                "app_label": meta.app_label,
                "db_table": version_table(noun),
                "indexes": [
                    models.Index(
                        fields=["tenant", "-created_at", "-record"],
                        name=f"{meta.model_name}_past_by_created",
                    ),
                    *_state_indexes(noun),
                    *noun.past_indexes,
                ],
            },
        ),
    }
    for field in meta.concrete_fields:
        if not field.primary_key:
            attributes[field.name] = _copy_column(field)
    model = type(f"{noun.__name__}Version", (Version,), attributes)
    setattr(sys.modules[noun.__module__], model.__name__, model)
    return model


def _state_indexes(noun: type[Record]) -> list[models.Index]:
    """Returns an index for the past of a list of one state, like the one that the noun declares for the
    present."""
    state = next((f.name for f in noun._meta.concrete_fields if isinstance(f, StatusField)), None)
    found = []
    fields = {field.attname: field for field in noun._meta.concrete_fields}
    for index in noun._meta.indexes:
        steps = indexes.index_columns(noun, index)
        if [n for n, _ in steps[:2]] != ["tenant_id", state]:
            continue
        if index.condition not in (None, indexes.LIVE):
            continue
        columns = []
        for name, descending in steps:
            field = fields[name]
            name = "record" if field.primary_key else field.name
            nullable = {"nulls_last": True} if field.null else {}
            columns.append(F(name).desc(**nullable) if descending else F(name))
        name = f"{noun._meta.model_name}_past_by_{state}"
        found.append(models.Index(*columns, condition=index.condition, name=name))
    return found[:1]


def _copy_column(field: models.Field) -> models.Field:
    if field.remote_field is not None:
        kind = TenantForeignKey if isinstance(field, TenantForeignKey) else models.ForeignKey
        return kind(
            field.remote_field.model,
            models.DO_NOTHING,
            null=True,
            related_name="+",
            db_constraint=False,
            db_index=False,
        )
    if isinstance(field, CustomValues):
        return CustomValues()
    if isinstance(field, Others):
        return Others(beside=field.beside)
    _, path, args, kwargs = field.deconstruct()
    for word in ("unique", "default", "blank", "editable"):
        kwargs.pop(word, None)
    return import_string(path)(*args, **kwargs | {"null": True})


def version_table(noun: type[Record]) -> str:
    return f"{noun._meta.db_table}_version"


def install_triggers(noun: type[Record]) -> None:
    """Create or replace the triggers that maintain the noun's past. Runs after every migration."""
    table, past = noun._meta.db_table, version_table(noun)
    names = [f'"{f.column}"' for f in noun._meta.concrete_fields]
    columns = ", ".join(names)
    insert = f"INSERT INTO {past} ({columns}, valid_from)"
    # For a thousand rows of an import, one statement is faster. For updates it is not: once planned for many
    # rows, it would scan the whole past for each, as long as the connection lasts.
    add = f"{insert} SELECT {columns}, updated_at FROM new_rows;"
    change = (
        f"UPDATE {past} SET valid_to = NEW.updated_at "
        "WHERE tenant_id = NEW.tenant_id AND id = NEW.id AND valid_to IS NULL; "
        f"{insert} VALUES ({', '.join(f'NEW.{name}' for name in names)}, NEW.updated_at);"
    )
    by_statement = "REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT"
    with connection.cursor() as cursor:
        for event, body, rows in (
            ("insert", add, by_statement),
            ("update", change, "FOR EACH ROW"),
        ):
            cursor.execute(
                f"""
                CREATE OR REPLACE FUNCTION {past}_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN {body} RETURN NULL; END $$;
                CREATE OR REPLACE TRIGGER {past}_{event} AFTER {event} ON {table}
                {rows} EXECUTE FUNCTION {past}_{event}();
                """
            )


def versions_at(noun: type[Record], moment: datetime | RowsMoment) -> models.QuerySet:
    """Returns the versions, valid at ``moment``, of the active tenant's records that the actor sees.

    Raises InvalidFilter if that past is in files.
    """
    if isinstance(moment, RowsMoment):
        return valid_at(noun, moment.expression)
    kept.refuse_before_kept(moment, "asOf")
    return valid_at(noun, moment)


def valid_at(noun: type[Record], moment: Any) -> models.QuerySet:
    """Returns these versions without that check; ``moment`` may be an expression."""
    found = noun.past.objects.filter(
        models.Q(valid_to=None) | models.Q(valid_to__gt=moment),
        tenant_id=tenancy.require().pk,
        deleted_at=None,
        valid_from__lte=moment,
        created_at__lte=moment,  # redundant, but tells an index by age where to begin
    )
    # For queries on what a version was worth at the moment.
    found = found.alias(moment=_expression_of(moment))
    return visibility.visible_versions(found, noun)


def _expression_of(moment: Any) -> Any:
    is_one = isinstance(moment, datetime)
    return models.Value(moment, output_field=models.DateTimeField()) if is_one else moment


#: How many times the condition below takes the moment.
VALID_TAKES = 3


def valid_sql(alias: str) -> str:
    """Returns the condition that a version was valid at a moment, as SQL."""
    return (
        f"{alias}.created_at <= %s AND {alias}.valid_from <= %s "
        f"AND ({alias}.valid_to IS NULL OR {alias}.valid_to > %s)"
    )


def restore_values(record: Record, moment: datetime) -> None:
    """Give ``record`` the values it had at ``moment``.

    Raises NotFound if it did not exist then, and Conflict if its state does not allow the change, or a record
    that it referred to is gone.
    """
    noun, machine = type(record), record.schema.machine
    past = versions_at(noun, moment).filter(record=record.pk).order_by("-seq").first()
    if past is None:
        raise NotFound(
            _("There was no %(noun)s %(id)s then.")
            % {"noun": labels.noun_in_error(noun), "id": record.pk},
            type=noun.__name__,
            id=record.pk,
        )
    _refuse_if_closed(record, past)
    problems: dict[str, str] = {}
    record.validate({f.name: getattr(past, f.column) for f in record.schema.stored}, problems)
    if problems:
        raise Conflict(
            _("This %(noun)s cannot be again as it was: %(problems)s")
            % {"noun": labels.noun_in_error(noun), "problems": " ".join(problems.values())},
            type=noun.__name__,
            id=record.pk,
            field=record.schema.by_name[next(iter(problems))].wire,
            details=[
                {"field": record.schema.by_name[name].wire, "message": said}
                for name, said in problems.items()
            ],
        )
    if machine:
        record.reached = past.reached  # a step that is taken back does not count
    for column in record.schema.followers:
        name = f"{column.name}{Stated.SUFFIX}"
        setattr(record, name, bool(getattr(past, name)))
    for field in record.schema.stored:
        value = field.value_of(past)
        if value == field.value_of(record):
            continue
        _refuse_if_gone(record, field, value)
        field.set_value(record, value)


def _refuse_if_closed(record: Record, past: Any) -> None:
    """Raise Conflict if the record's final state closes a field that had another value then."""
    machine = record.schema.machine
    if machine is None:
        return
    state = getattr(record, machine.name)
    closed = (record.schema.by_name[name] for name in machine.closed.get(state, ()))
    if all(field.value_of(past) == field.value_of(record) for field in closed):
        return
    raise Conflict(
        _("This %(noun)s is %(state)s and stays so.")
        % {
            "noun": labels.noun_in_error(type(record)),
            "state": machine.state_in_error(state),
        },
        type=type(record).__name__,
        id=record.pk,
        **record.status_for_conflict(),
    )


def _refuse_if_gone(record: Record, field: Field, value: Any) -> None:
    """Raise Conflict if ``value`` is a reference to a record that no longer exists."""
    if field.type != "reference" or value is None:
        return
    if not field.target_noun.objects.filter(pk=value).exists():
        raise Conflict(
            _("Its %(field)s of then, %(value)s, no longer exists.")
            % {"field": labels.field_in_error(field), "value": value},
            type=type(record).__name__,
            id=record.pk,
            field=field.wire,
        )


#: The columns that belong to a version and not to the record.
OF_THE_VERSION = {"id", "tenant_id", "version", "created_at", "created_by", "updated_at"}


def restore_changed_values(record: Record, before: int, after: int) -> None:
    """Take back the changes of ``record`` from its version ``before`` to ``after``, including columns that no
    surface shows. Values that have been changed since stay.

    Raises NotFound if there is no such version, and Conflict if a record that it referred to is gone.
    """
    was, became = (_version(record, number) for number in (before, after))
    own = [f.attname for f in record._meta.concrete_fields if f.attname not in OF_THE_VERSION]
    columns = [name for name in own if name != COLUMN]
    values = {
        name: getattr(was, name)
        for name in columns
        if getattr(was, name) != getattr(became, name) == getattr(record, name)
    }
    by_column = {field.column: field for field in record.schema.stored}
    for name, value in values.items():
        if name in by_column:
            _refuse_if_gone(record, by_column[name], value)
        setattr(record, name, value)
    record.custom = _taken_back(was.custom, became.custom, record.custom)
    for field in record.schema.day_moments:
        if field.day_if in values:
            # Keep the very object: the moment that stands for the day must not be converted again.
            setattr(record, field.column, getattr(was, field.column))


def _taken_back(
    was: dict[str, Any] | None, became: dict[str, Any] | None, now: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Returns the values of the tenant's own fields, each as before unless somebody has changed it since."""
    was, became, found = was or {}, became or {}, dict(now or {})
    for key in was.keys() | became.keys():
        if was.get(key) != became.get(key) == found.get(key):
            if key in was:
                found[key] = was[key]
            else:
                found.pop(key, None)
    return found or None


def _version(record: Record, number: int) -> Record:
    """Returns one version of a record. Searches from the newest on, because recent ones are taken back."""
    noun = type(record)
    past = noun.past.objects.filter(tenant_id=record.tenant_id, record=record.pk, version=number)
    if (found := past.order_by("-valid_from").first()) is None:
        raise NotFound(
            _("There is no version %(version)s of %(noun)s %(id)s.")
            % {"version": number, "noun": labels.noun_in_error(noun), "id": record.pk},
            type=noun.__name__,
            id=record.pk,
        )
    return found
