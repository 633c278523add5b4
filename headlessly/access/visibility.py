"""Row-level access: a limited rep sees their own records and those without an owner, and no others.

A tenant may limit its reps (``Tenant.limits_reps``). The noun declares which reference names the owner
(``Surface.owner``; by default the reference called ``owner``). A record without an owner that is about other
records (``Surface.about``) is visible to those who see all of these. The current owner decides, also about
the record's events and its past.

A rep also sees the card of the person, the company and the campaign of their own records
(``Surface.introduces``), that is the name and how to reach them (``Surface.card``), and no more. The card is
shown behind the reference, and a search finds the record by it; but the introduced record itself has no page
for the rep, and is in no list.

The condition is part of every manager, and of the few handwritten statements. So it holds for lists, counts,
searches, includes, filters over references, exports, the log and the pages alike. Hooks see everything, so
that the effects of a verb do not depend on who executed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connection, models
from django.db.models import Exists, ExpressionWrapper, OuterRef, Q
from django.db.models.query import ModelIterable

from headlessly.access import actors, tenancy
from headlessly.context import running
from headlessly.database.prepared import quoted_column

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

Found = TypeVar("Found", bound=models.QuerySet[Any])


def visible_owner() -> str | None:
    """Returns the id of the contact whose records are visible now, "" for no contact, None if all are
    visible.

    Raises PermissionError without an actor, because every read depends on it.
    """
    person = visible_owner_of_actor()
    return None if person is None or running.is_in_verb() else person


def visible_owner_of_actor() -> str | None:
    """Returns that of the actor even while a verb runs: for references that the actor sent themselves."""
    actor = actors.current()
    return actor.contact_id or "" if actor.limited else None


def visible_condition(noun: type[Record], person: str, path: str = "") -> Q:
    """Returns the condition that ``person`` sees a record. ``path`` leads to it over references:
    ``"lead__"``."""
    owner = noun.schema.owner
    nobodys = Q() if owner is None else Q(**{f"{path}{owner.name}__isnull": True})
    for field in noun.schema.about:
        nobodys &= visible_condition(field.target_noun, person, f"{path}{field.name}__")
    return nobodys if owner is None else Q(**{f"{path}{owner.column}": person}) | nobodys


def visible_records(found: Found) -> Found:
    """Returns the queryset without the records that the actor does not see."""
    person = visible_owner()
    return found if person is None else found.filter(visible_condition(found.model, person))


def made_by_actor(found: Found) -> Found:
    """Returns the background jobs, such as imports, that the actor may see: managers see all, others their
    own."""
    actor = actors.current()
    if actor.role in (actors.ADMIN, actors.MANAGER):
        return found
    return found.filter(created_by=actor.id)


def visible_versions(found: Found, noun: type[Record]) -> Found:
    """Returns the queryset of versions without those of records that the actor does not see."""
    if visible_owner() is None or not noun.schema.is_limited:
        return found
    return found.filter(Exists(noun.with_deleted.filter(pk=OuterRef("record"))))


def visible_rows(
    noun: type[Record], alias: str, *, person: str | None = None, past: bool = False
) -> tuple[str, list[Any]]:
    """Returns the predicate of every handwritten statement, and its parameters: rows of the active tenant
    that are not deleted and that the actor, or ``person`` instead, sees.

    With ``past``, ``alias`` is the noun's table of versions.
    """
    condition, parameters = tenant_rows(alias)
    sql, persons = visible_past_clause(noun, alias) if past else visible_clause(noun, alias, person)
    return condition + sql, [*parameters, *persons]


def tenant_rows(alias: str, *, deleted: bool = False) -> tuple[str, list[Any]]:
    """Returns the predicate without visibility, for what a verb itself looks up; with ``deleted`` it includes
    deleted rows."""
    condition = f"{alias}.tenant_id = %s"
    if not deleted:
        condition += f" AND {alias}.deleted_at IS NULL"
    return condition, [tenancy.require().pk]


def visible_clause(
    noun: type[Record], alias: str, person: str | None = None
) -> tuple[str, list[str]]:
    """Returns the visibility as SQL, `` AND (...)``, and its parameters."""
    person = visible_owner() if person is None else person
    if person is None or not noun.schema.is_limited:
        return "", []
    sql, count = _visible_sql(noun, alias)
    return f" AND {sql}", [person] * count


def card_clause(noun: type[Record], alias: str, person: str | None = None) -> tuple[str, list[str]]:
    """Returns the clause for rows of which the actor sees at least the card: its name, and how to reach
    it."""
    person = visible_owner() if person is None else person
    if person is None or not noun.schema.is_limited:
        return "", []
    seen, count = _visible_sql(noun, alias)
    quote, introduced = connection.ops.quote_name, []
    for number, each in enumerate(noun.schema.introduced_by):
        by = owning = f"{alias}_by_{number}"
        tables = f"{quote(each.noun._meta.db_table)} {by}"
        if each.of is not None:
            owning = f"{by}_of"
            tables += (
                f" JOIN {quote(each.owning._meta.db_table)} {owning} ON {owning}.tenant_id = {by}.tenant_id "
                f"AND {owning}.id = {by}.{quoted_column(each.noun, each.of.name)} "
                f"AND {owning}.deleted_at IS NULL"
            )
        assert each.owning.schema.owner is not None
        introduced.append(
            f"EXISTS (SELECT FROM {tables} "
            f"WHERE {by}.tenant_id = {alias}.tenant_id AND {by}.deleted_at IS NULL "
            f"AND {owning}.{quoted_column(each.owning, each.owning.schema.owner.name)} = %s "
            f"AND {by}.{quoted_column(each.noun, each.field.name)} = {alias}.id)"
        )
    return f" AND ({' OR '.join([seen, *introduced])})", [person] * (count + len(introduced))


def visible_past_clause(noun: type[Record], alias: str) -> tuple[str, list[str]]:
    """Returns the clause for a table of versions."""
    sql, parameters = visible_clause(noun, "own")
    if not sql:
        return "", []
    table = connection.ops.quote_name(noun._meta.db_table)
    same = f"own.tenant_id = {alias}.tenant_id AND own.id = {alias}.id"
    return f" AND EXISTS (SELECT FROM {table} own WHERE {same}{sql})", parameters


def _visible_sql(noun: type[Record], alias: str) -> tuple[str, int]:
    """Returns the condition as SQL, and how often it has the person as a parameter."""
    quote, owner = connection.ops.quote_name, noun.schema.owner
    column = "" if owner is None else f"{alias}.{quoted_column(noun, owner.name)}"
    nobodys, count = (f"{column} IS NULL", 1) if owner else ("true", 0)
    for number, field in enumerate(noun.schema.about):
        other = field.target_noun
        if not other.schema.is_limited:
            continue
        inner = f"{alias}_{number}"
        sql, more = _visible_sql(other, inner)
        reference = f"{alias}.{quoted_column(noun, field.name)}"
        nobodys += (
            f" AND ({reference} IS NULL OR EXISTS (SELECT FROM {quote(other._meta.db_table)} {inner} "
            f"WHERE {inner}.tenant_id = {alias}.tenant_id AND {inner}.id = {reference} AND {sql}))"
        )
        count += more
    return (f"({column} = %s OR ({nobodys}))" if owner else f"({nobodys})"), count


def load_visible_references(
    found: Found, names: Iterable[str], *, to_be_named: bool = False
) -> Found:
    """Returns the queryset with these references loaded; one that the actor does not see is None, or a card.

    References are joined if everything is visible, and otherwise read through the managers, which have the
    condition. The tenant's own references, which Django does not know, are read for all records at once. With
    ``to_be_named``, as in a list, only the columns of the names are joined.
    """
    own = {field.name for field in found.model.schema.custom}
    asked = list(names)
    if mine := [name for name in asked if name in own]:
        found = found.all()
        found._iterable_class = _loading_own(mine, found._iterable_class)
    names = [name for name in asked if name not in own]
    if not names:
        return found
    if (person := visible_owner()) is None:
        found = found.select_related(*names)
        noun: type[Record] = found.model
        return found.only(*_to_name(noun, tuple(names))) if to_be_named else found
    fields = (found.model.schema.references[name] for name in names)
    others = {field.name: field.target_noun for field in fields}
    return found.prefetch_related(
        *(
            models.Prefetch(name, queryset=_whole_or_card(other, person))
            if other.schema.owner is not None and other.schema.introduced_by
            else name
            for name, other in others.items()
        )
    )


@cache
def _to_name(noun: type[Record], references: tuple[str, ...]) -> list[str]:
    """Returns all columns of a noun, and the columns with the names of these references."""
    found = [field.name for field in noun._meta.concrete_fields]
    for name in references:
        if (column := noun.schema.references[name].target_noun.schema.named_by) is not None:
            found.append(f"{name}__{column}")
    return found


def _loading_own(names: list[str], inner: Any) -> Any:
    """Returns a subclass of the iterable ``inner`` that loads these own references of the tenant."""

    class OwnReferences(inner):
        def __iter__(self) -> Iterator[Any]:
            records = list(super().__iter__())
            for name in names if records else ():
                field = records[0].schema.by_name[name]
                ids = {id for record in records if (id := field.value_of(record))}
                there = field.target_noun.with_deleted.in_bulk(list(ids)) if ids else {}
                for record in records:
                    record._state.fields_cache[name] = there.get(field.value_of(record))
            yield from records

    return OwnReferences


def introduced_rows(noun: type[Record], alias: str, person: str | None) -> tuple[str, list[Any]]:
    """Returns the predicate of handwritten statements for rows that ``person`` may refer to: those they see,
    even if only the card. None means a person who sees everything."""
    condition, parameters = tenant_rows(alias)
    if person is None:
        return condition, parameters
    sql, persons = card_clause(noun, alias, person)
    return condition + sql, [*parameters, *persons]


def is_introduced_to(noun: type[Record], person: str) -> Q:
    """Returns the condition that a record of ``person`` introduces this one."""
    found = Q()
    for each in noun.schema.introduced_by:
        assert each.owning.schema.owner is not None
        path = "" if each.of is None else f"{each.of.name}__"
        own: dict[str, Any] = {f"{path}{each.owning.schema.owner.column}": person}
        own |= {each.field.column: OuterRef("pk"), "tenant_id": OuterRef("tenant_id")}
        own |= {"deleted_at": None, f"{path}deleted_at": None}
        found |= Q(Exists(models.QuerySet(each.noun).filter(**own)))
    return found


def with_cards(noun: type[Record], *, deleted: bool = False) -> models.QuerySet:
    """Returns the records of which the actor sees at least the card, with ``deleted`` also deleted ones that
    they saw. They may be searched and named, but never shown as a whole."""
    person = visible_owner()
    if person is None or not noun.schema.introduced_by:
        return (noun.with_deleted if deleted else noun.objects).all()
    seen, introduced = visible_condition(noun, person), is_introduced_to(noun, person)
    if deleted:
        return _unlimited(noun, deleted=True).filter(seen | introduced & Q(deleted_at=None))
    return _unlimited(noun).filter(seen | introduced)


def is_seen_by(noun: type[Record], id: str, person: str) -> bool:
    """Whether ``person`` sees a record, and not just its card."""
    return bool(_unlimited(noun).filter(visible_condition(noun, person), pk=id).exists())


def introduced_ids(noun: type[Record], ids: Iterable[str]) -> set[str]:
    """Returns those of the ids, all of hidden records, whose card the actor sees."""
    person, wanted = visible_owner(), set(ids)
    if not person or not wanted or not noun.schema.introduced_by:
        return set()
    found = _unlimited(noun).filter(is_introduced_to(noun, person), pk__in=wanted)
    return set(found.values_list("pk", flat=True))


def _unlimited(noun: type[Record], *, deleted: bool = False) -> models.QuerySet[Any]:
    found: models.QuerySet[Any] = models.QuerySet(noun).filter(tenant_id=tenancy.typed_id())
    return found if deleted else found.filter(deleted_at=None)


def _whole_or_card(noun: type[Record], person: str) -> models.QuerySet:
    """Returns the records that ``person`` sees, including deleted ones, and cards for those of which they see
    no more."""
    whole = visible_condition(noun, person)
    found: models.QuerySet[Any] = with_cards(noun, deleted=True)
    found = found.annotate(is_whole=ExpressionWrapper(whole, models.BooleanField()))
    found._iterable_class = _Cards
    return found


class _Cards(ModelIterable):
    """Iterates over records, some of which are reduced to their card."""

    def __iter__(self) -> Iterator[Any]:
        for record in super().__iter__():
            yield record if record.is_whole else _card(record)


def _card(record: Record) -> Record:
    noun = type(record)
    kept = {"id", "tenant_id", *(field.column for field in noun.schema.card)}
    columns = (field.attname for field in noun._meta.concrete_fields)
    values = {name: getattr(record, name) if name in kept else None for name in columns}
    card = noun.from_db(record._state.db, list(values), list(values.values()))
    card.is_card = True
    return card


def invisible_ids(noun: type[Record], ids: Iterable[Any]) -> set[Any]:
    """Returns those of the ids whose records the actor does not see."""
    wanted = set(ids)
    if not wanted or visible_owner() is None or not noun.schema.is_limited:
        return set()
    return wanted - set(noun.with_deleted.filter(pk__in=wanted).values_list("pk", flat=True))
