"""Finds referenced records by what people call them: an email address, a domain, or a unique name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Count, Min
from django.utils.translation import gettext as _

from headlessly.access.models import Membership
from headlessly.declaration import labels, values
from headlessly.declaration.folding import fold, fold_words
from headlessly.declaration.schema import Field
from headlessly.declaration.surface import SETUP, WORKERS
from headlessly.errors import did_you_mean
from headlessly.language import wording
from headlessly.log.unique_lookups import having_unique
from headlessly.query.scope import Scope
from headlessly.transfer.bulk_create import key_of
from headlessly.transfer.cells import NAMED_ADDRESS

if TYPE_CHECKING:
    from headlessly.declaration.record import Record


#: Up to how many names of a noun that is set up once are listed.
MOST_NAMED = 20
#: How many of the newest names are compared with a wrong one, and for how many wrong ones of a file.
MOST_COMPARED = 200


def by_unique(
    found: models.QuerySet, field: Field, wanted: Iterable[Any], *, merged: bool = False
) -> dict[Any, str]:
    """Returns the ids of the records with these unique values, by the value as it is compared.

    With ``merged``, includes the records into which a record with the value was merged.
    """
    keys = {
        key_of(normalize_unique(field, value))
        for value in wanted
        if value is not None and values.is_storable(value)
    }
    if not keys:
        return {}
    noun = found.model
    columns = [each.column for each in noun.schema.kept_with(field)]
    rows = having_unique(found, field, keys).order_by().values_list("pk", field.column, *columns)
    there: dict[Any, str] = {}
    for id, first, *others in rows:
        held = [first, *(value for each in others for value in each or ())]
        there |= {key_of(value): id for value in held}
    if columns:  # whoever has the value may have further ones
        there = {key: id for key, id in there.items() if key in keys}
    if not merged or not (rest := keys - there.keys()):
        return there
    return noun.survivors_by_unique(field, rest) | there


def by_name(found: models.QuerySet, texts: Iterable[str]) -> dict[str, dict[str, tuple[int, str]]]:
    """Returns the number of records with these names, and the id of one, by the compared name and then the
    exact one."""
    called: dict[str, dict[str, tuple[int, str]]] = defaultdict(dict)
    if names := {fold_words(text) for text in texts}:
        name = found.model.schema.name_field.name
        named = found.filter(**{f"{name}__folded__in": names}).order_by().values_list(name)
        for own, count, id in named.annotate(Count("pk"), Min("pk")):
            called[fold_words(own)][own] = count, id
    return called


def normalize_unique(field: Field, value: Any) -> Any:
    """Returns a unique value in its stored spelling."""
    return values.normalize_operand(field, value) if field.type in values.TEXT_TYPES else value


class References:
    """The targets of some rows' references, looked up for all of them at once."""

    def __init__(self, noun: type[Record]) -> None:
        self.fields = {f.wire: f for f in noun.schema.references.values()}
        self.registry = noun.registry
        self.known: dict[tuple[str, str], str] = {}
        self.many: dict[tuple[str, str], int] = {}
        self.members = Members()
        self.near: dict[
            tuple[str, str], str
        ] = {}  #: a sentence with the nearest name for each wrong one
        self.named: dict[str, list[str]] = {}  #: all names of nouns with few records

    def look_up(self, rows: Iterable[dict[str, Any]]) -> None:
        """Look up what these rows refer to by other values than ids."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            for wire, field in self.fields.items():
                if (text := self._text_of(field, row.get(wire))) is not None:
                    wanted[field.target_noun.__name__].add(text)
        for name, texts in wanted.items():
            self._find(self.registry[name], {t for t in texts if values.is_storable(t)})

    def ids(self, rows: Iterable[dict[str, Any]]) -> dict[str, set[str]]:
        """Returns the ids that the rows refer to, by noun."""
        found: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            for wire, field in self.fields.items():
                value = row.get(wire)
                if isinstance(value, str) and field.prefix and value.startswith(field.prefix + "_"):
                    found[field.target_noun.__name__].add(value)
        return {n: {id for id in ids if values.is_storable(id)} for n, ids in found.items()}

    def resolve(self, row: dict[str, Any]) -> dict[str, str]:
        """Replace other values by ids in the row; returns the problems by field."""
        problems = {}
        for wire, field in self.fields.items():
            text = self._text_of(field, row.get(wire))
            if text is None:
                continue
            other = field.target_noun
            place = (other.__name__, text)
            id = self.members.find(text) if field.name in WORKERS else None
            if id := id or self.known.get(place):
                row[wire] = id
            elif count := self.many.get(place):
                problems[wire] = _(
                    "There are %(count)s %(nouns)s called '%(name)s': give %(ways)s."
                ) % {
                    "count": values.group_thousands(count),
                    "nouns": labels.plural_in_sentence(other),
                    "name": text[:64],
                    "ways": self._ways(field),
                }
            else:
                problems[wire] = _(
                    "There is no %(noun)s '%(name)s'. Give %(ways)s, or the exact %(field)s when only "
                    "one has it."
                ) % {
                    "noun": labels.noun_in_error(other),
                    "name": text[:64],
                    "ways": self._ways(field),
                    "field": labels.field_in_error(other.schema.name_field),
                } + self._there_are(other, text)
        return problems

    def _there_are(self, noun: type[Record], text: str) -> str:
        """Returns a sentence with all names for nouns that are set up once (pipelines, teams); for others
        with the nearest of the newest names."""
        is_setup = noun.Surface.area == SETUP
        if noun.__name__ not in self.named:
            name = noun.schema.name_field.column
            found = Scope(noun).queryset().order_by(name if is_setup else "-created_at")
            most = MOST_NAMED + 1 if is_setup else MOST_COMPARED
            self.named[noun.__name__] = list(found.values_list(name, flat=True)[:most])
        names = [str(name) for name in self.named[noun.__name__] if name]
        if not is_setup:
            return self._near(noun.__name__, text, names)
        if not 0 < len(names) <= MOST_NAMED:
            return ""
        return " " + _("There are: %s.") % ", ".join(names)

    def _near(self, noun: str, text: str, names: list[str]) -> str:
        place = (noun, text)
        if place not in self.near:
            if len(self.near) >= MOST_COMPARED:
                return ""
            self.near[place] = did_you_mean(text, names)
        return self.near[place]

    def _text_of(self, field: Field, value: Any) -> str | None:
        """Returns a row's text for a reference, unless it is an id."""
        if not isinstance(value, str) or not value.strip():
            return None
        if value.startswith(f"{field.prefix}_"):
            return None
        named = NAMED_ADDRESS.match(value)
        return named[1] if named else value.strip()

    def _ways(self, field: Field) -> str:
        """Returns by what a record can be identified, starting with what people know: few know an id."""
        unique = [labels.field_in_error(f) for f in text_keys(field.target_noun)]
        return wording.join_with_or([*unique, _("its id (%s_…)") % field.prefix])

    def _find(self, noun: type[Record], texts: set[str]) -> None:
        scope = Scope(noun).queryset()
        rest = texts - {text for to, text in self.known if to == noun.__name__}
        for field in text_keys(noun):
            found = by_unique(scope, field, rest, merged=True)
            keys = {text: key_of(normalize_unique(field, text)) for text in rest}
            hits = {text: found[key] for text, key in keys.items() if key in found}
            self.known.update({(noun.__name__, text): id for text, id in hits.items()})
            rest = rest - hits.keys()
        called = by_name(scope, rest)
        for text in rest:
            self._take_named((noun.__name__, text), called[fold_words(text)])

    def _take_named(self, place: tuple[str, str], called: dict[str, tuple[int, str]]) -> None:
        """Choose among records whose names differ only in case, accents and spaces: the one with exactly this
        name, else the only one."""
        found = [called[place[1]]] if place[1] in called else list(called.values())
        count = sum(count for count, _id in found)
        if count == 1:
            self.known[place] = found[0][1]
        elif count:
            self.many[place] = count


class Members:
    """Finds members by parts of their names, as people write who works on something: ``Ben``, ``B.
    Whitlock``."""

    @cached_property
    def _names(self) -> list[tuple[str, list[str]]]:
        return [(id, _words(name)) for id, name in member_names()]

    @cache  # noqa: B019  (dropped with the import)
    def find(self, text: str) -> str | None:
        """Returns the id of the only member whose name has all of these words; else None.

        A single letter matches a word that begins with it.
        """
        sought = _words(text)
        if not any(len(word) > 1 for word in sought):
            return None
        found = [id for id, words in self._names if _are_within(sought, words)]
        return found[0] if len(found) == 1 else None


def _words(name: str) -> list[str]:
    return re.findall(r"\w+", fold(name))


def _are_within(sought: list[str], words: list[str]) -> bool:
    """Whether these are among the words, each of them once."""
    rest = list(words)
    for word in sought:
        fitting = next((w for w in rest if w == word or (len(word) == 1 and w[:1] == word)), None)
        if fitting is None:
            return False
        rest.remove(fitting)
    return True


def member_names() -> list[tuple[str, str]]:
    """Returns the ids and names of the members' contacts."""
    people: type[Record] = apps.get_model(settings.PERSON_MODEL)
    ids = list(Membership.of_contacts().values_list("contact_id", flat=True))
    named = people.objects.filter(pk__in=ids).order_by(people.schema.name_field.name)
    return list(named.values_list("pk", people.schema.name_field.name))


def text_keys(noun: type[Record]) -> list[Field]:
    return [f for f in noun.schema.stored if f.unique and f.type in values.TEXT_TYPES]
