"""What a limited rep sees: their own records and nobody's, and nothing of the others'.

A tenant may limit its reps (``Tenant.limits_reps``). Whose a record is, its noun declares
(``Surface.owner``, by itself the reference called ``owner``); a record that nobody owns and that is about
others (``Surface.about``) shows to those who see all of these. What counts is who owns it now: with a
record go its events and its past.

Of the person and the company that a record of one's own is about (``Surface.introduces``) one sees the
card, that is the name and how to reach them (``Surface.card``), and no more: it stands behind the reference,
and the record is found by it. Their own pages and lists are not there for one.

The condition is part of every manager, and of the few statements that are written by hand; so lists,
counts, searches, includes, filters over references, exports, the log and the pages have it at once. Hooks
see everything: what a verb causes does not depend on who asked for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.db.models import Exists, ExpressionWrapper, OuterRef, Q
from django.db.models.query import ModelIterable

from headlessly.access import actors, tenancy
from headlessly.context import running

if TYPE_CHECKING:
    from headlessly.declaration.record import Record as Noun


def visible_owner() -> str | None:
    """The Contact to whose records a reader is limited now ("" for nobody's), or None for all."""

    person = visible_owner_of_actor()
    return None if person is None or running.is_in_verb() else person


def visible_owner_of_actor() -> str | None:
    """The same for what the actor said themselves, whatever is under way."""
    actor = actors.current_or_none()
    return None if actor is None or not actor.limited else actor.contact_id or ""


def visible_condition(noun: type[Noun], person: str, path: str = "") -> Q:
    """The condition that ``person`` sees a record, which lies at the end of ``path``."""
    owner = noun.schema.owner
    if owner is None:
        return Q()
    nobodys = Q(**{f"{path}{owner.name}__isnull": True})
    for field in noun.schema.about:
        nobodys &= visible_condition(noun.registry[field.to], person, f"{path}{field.name}__")
    return Q(**{f"{path}{owner.column}": person}) | nobodys


def visible_records(found: models.QuerySet) -> models.QuerySet:
    """Those of the noun's records that the actor sees."""
    person = visible_owner()
    return found if person is None else found.filter(visible_condition(found.model, person))


def visible_versions(found: models.QuerySet, noun: type[Noun]) -> models.QuerySet:
    """Those of the noun's versions whose records the actor sees."""
    if visible_owner() is None or noun.schema.owner is None:
        return found
    return found.filter(Exists(noun.with_deleted.filter(pk=OuterRef("record"))))


def visible_clause(
    noun: type[Noun], alias: str, person: str | None = None
) -> tuple[str, list[str]]:
    """The same condition for a statement written by hand: `` AND (...)`` and its parameters."""
    person = visible_owner() if person is None else person
    if person is None or noun.schema.owner is None:
        return "", []
    sql, count = _visible_sql(noun, alias)
    return f" AND {sql}", [person] * count


def visible_past_clause(noun: type[Noun], alias: str) -> tuple[str, list[str]]:
    """The same for a table of versions."""
    sql, parameters = visible_clause(noun, "own")
    if not sql:
        return "", []
    table = connection.ops.quote_name(noun._meta.db_table)
    return f" AND EXISTS (SELECT FROM {table} own WHERE own.id = {alias}.id{sql})", parameters


def _visible_sql(noun: type[Noun], alias: str) -> tuple[str, int]:
    quote = connection.ops.quote_name
    column = f"{alias}.{quote(noun._meta.get_field(noun.schema.owner.name).column)}"
    nobodys, count = f"{column} IS NULL", 1
    for number, field in enumerate(noun.schema.about):
        other = noun.registry[field.to]
        if other.schema.owner is None:
            continue
        inner = f"{alias}_{number}"
        sql, more = _visible_sql(other, inner)
        reference = f"{alias}.{quote(noun._meta.get_field(field.name).column)}"
        nobodys += (
            f" AND ({reference} IS NULL OR EXISTS (SELECT FROM {quote(other._meta.db_table)} {inner} "
            f"WHERE {inner}.id = {reference} AND {sql}))"
        )
        count += more
    return f"({column} = %s OR ({nobodys}))", count


def load_visible_references(found: models.QuerySet, names: Iterable[str]) -> models.QuerySet:
    """The queryset with these references loaded; those that are hidden from the actor are None, or a card.

    Joined where everything shows; else read through the managers, which know what does not.
    """
    names = list(names)
    if not names:
        return found
    if (person := visible_owner()) is None:
        return found.select_related(*names)
    fields = (found.model.schema.references[name] for name in names)
    others = {field.name: found.model.registry[field.to] for field in fields}
    return found.prefetch_related(
        *(
            models.Prefetch(name, queryset=_whole_or_card(other, person))
            if other.schema.owner is not None and other.schema.introduced_by
            else name
            for name, other in others.items()
        )
    )


def is_introduced_to(noun: type[Noun], person: str) -> Q:
    """The condition that a record is referred to by one that ``person`` owns, and that introduces it."""
    found = Q()
    for other, field in noun.schema.introduced_by:
        own = models.QuerySet(other).filter(
            **{other.schema.owner.column: person, field.column: OuterRef("pk")}, deleted_at=None
        )
        found |= Q(Exists(own))
    return found


def with_cards(noun: type[Noun]) -> models.QuerySet:
    """The records of which the actor sees the card at least: to be looked for, never to be shown whole."""
    person = visible_owner()
    if person is None or not noun.schema.introduced_by:
        return noun.objects.all()
    return _unlimited(noun).filter(visible_condition(noun, person) | is_introduced_to(noun, person))


def introduced_ids(noun: type[Noun], ids: Iterable[str]) -> set[str]:
    """Those of the ids, all of them hidden, of which the actor sees the card."""
    person, wanted = visible_owner(), set(ids)
    if not person or not wanted or not noun.schema.introduced_by:
        return set()
    found = _unlimited(noun).filter(is_introduced_to(noun, person), pk__in=wanted)
    return set(found.values_list("pk", flat=True))


def _unlimited(noun: type[Noun]) -> models.QuerySet:
    return models.QuerySet(noun).filter(tenant_id=tenancy.require().pk, deleted_at=None)


def _whole_or_card(noun: type[Noun], person: str) -> models.QuerySet:
    """The records that ``person`` sees, deleted ones too, and those of which they see the card as that."""
    whole = visible_condition(noun, person)
    found = models.QuerySet(noun).filter(tenant_id=tenancy.require().pk)
    found = found.filter(whole | is_introduced_to(noun, person) & Q(deleted_at=None))
    found = found.annotate(is_whole=ExpressionWrapper(whole, models.BooleanField()))
    found._iterable_class = _Cards
    return found


class _Cards(ModelIterable):
    """Records, of some of which there is no more than the card."""

    def __iter__(self) -> Iterator[Any]:
        for record in super().__iter__():
            yield record if record.is_whole else _card(record)


def _card(record: Noun) -> Noun:
    noun = type(record)
    kept = {"id", "tenant_id", *(field.column for field in noun.schema.card)}
    columns = (field.attname for field in noun._meta.concrete_fields)
    values = {name: getattr(record, name) if name in kept else None for name in columns}
    card = noun.from_db(record._state.db, list(values), list(values.values()))
    card.is_card = True
    return card


def invisible_ids(noun: type[Noun], ids: Iterable[Any]) -> set[Any]:
    """Those of the ids whose records the actor does not see."""
    wanted = set(ids)
    if not wanted or visible_owner() is None or noun.schema.owner is None:
        return set()
    return wanted - set(noun.with_deleted.filter(pk__in=wanted).values_list("pk", flat=True))
