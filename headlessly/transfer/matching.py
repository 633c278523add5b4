"""Finds the record that a row is about: the one with the same values in some fields."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Count, F, Func, Max, Min, Q, QuerySet, TextField, Value
from django.utils.translation import gettext as _

from headlessly.database.among import Among
from headlessly.declaration import labels, values
from headlessly.declaration.folding import Digits, Folded, fold_words, phone_digits, small_letters
from headlessly.declaration.schema import Field
from headlessly.errors import Invalid, InvalidFilter
from headlessly.language import wording
from headlessly.log.external_ids import records_with
from headlessly.query.external_ids import field_of_system
from headlessly.query.scope import Scope
from headlessly.transfer.bulk_create import key_of
from headlessly.transfer.cell_reader import is_phone
from headlessly.transfer.headings import plain_heading
from headlessly.transfer.references import by_unique

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

ID = "$id"
#: The maximum number of fields by which a record is found.
MOST = 5
#: For how many rows we remember what they created, to recognize later duplicates in the file.
MOST_ROWS = 200_000


def unique_fields(noun: type[Record]) -> list[Field]:
    return [f for f in noun.schema.stored if f.unique]


def matchable_fields(noun: type[Record]) -> list[Field]:
    """Returns the fields by which records can be found: those with comparable values."""
    return [f for f in noun.schema.stored if f.type not in ("json", "text", "choices")]


def read_match(noun: type[Record], names: str | None) -> str | None:
    """Returns the wire names of the fields to find records by, separated by commas. Raises Invalid for other
    names."""
    if not names:
        return None
    allowed = {ID: ID} | {plain_heading(f.wire): f.wire for f in matchable_fields(noun)}
    head, dot, system = names.strip().partition(".")
    if dot and (whole := noun.schema.field(head)) is not None and whole.parts:
        try:
            return field_of_system(whole, system).wire
        except InvalidFilter as problem:
            raise Invalid.for_fields({"match": str(problem)}, type=noun.__name__) from None
    found = []
    for name in names.split(","):
        wire = allowed.get(name.strip()) or allowed.get(plain_heading(name.strip()))
        if wire is None:
            raise Invalid.for_fields(
                {"match": f"Records are found by {ID} or by some of these: "
                          f"{', '.join(list(allowed.values())[1:])}."},
                type=noun.__name__,
            )  # fmt: skip
        found.append(wire)
    found = list(dict.fromkeys(found))
    if len(found) > MOST or (ID in found and len(found) > 1):
        raise Invalid.for_fields(
            {"match": f"Give {ID} alone, or {MOST} fields at most."}, type=noun.__name__
        )
    return ",".join(found)


class Matcher:
    """Finds records of a noun by the values of some fields together."""

    def __init__(self, noun: type[Record], fields: Collection[Field]) -> None:
        self.noun, self.fields = noun, list(fields)
        unique = [f for f in self.fields if f.unique]
        #: The only field, if it is unique: then its value identifies a record; text ignoring case.
        self.unique = unique[0] if len(self.fields) == 1 and unique else None
        #: The number of records with the same values, if there are several.
        self.many: dict[Hashable, int] = {}

    def key(self, data: Mapping[str, Any], text: bool) -> Hashable | None:
        """Returns the key of a row's record; None if the row has none of the values."""
        key = tuple(self._read(f, data.get(f.wire), text) for f in self.fields)
        return None if all(part is None for part in key) else key

    def _read(self, field: Field, value: Any, text: bool) -> Any:
        """Returns a value as it would be stored and compared; None if it would be refused."""
        try:
            value = None if value in (None, "") else field.clean(value, text=text)
        except (ValueError, TypeError):
            return None
        return _comparable(field, value)

    def find(self, keys: Iterable[Hashable]) -> dict[Hashable, str]:
        """Returns the ids of the records with these values, if only one has them; else see ``many``."""
        wanted = {key for key in keys if isinstance(key, tuple)}
        if not wanted:
            return {}
        scope = Scope(self.noun).queryset()
        if self.unique is not None:
            found = by_unique(scope, self.unique, [key[0] for key in wanted], merged=True)
            return {(part,): id for part, id in found.items() if (part,) in wanted}
        ids: dict[Hashable, str] = {}
        for *parts, count, id in self.grouped(scope, wanted, Count("pk"), Min("pk")):
            key = tuple(map(values.to_json_value, parts))
            if count > 1:
                self.many[key] = count
            else:
                ids[key] = id
        return {key: id for key, id in ids.items() if key in wanted}

    def grouped(self, scope: QuerySet, wanted: Iterable[Any], *told: Any) -> QuerySet:
        """Returns rows of each of these keys, and perhaps a few more, followed by the aggregates ``told`` of
        its records."""
        columns = [f"_{position}" for position in range(len(self.fields))]
        scope = scope.alias(
            **{name: _compared(field) for name, field in zip(columns, self.fields, strict=True)}
        )
        for position, name in enumerate(columns):
            given = {key[position] for key in wanted}
            scope = scope.filter(_among(name, self.fields[position], given))
        grouped = scope.order_by().values_list(*map(F, columns))
        return grouped.annotate(*told)

    def ambiguous(self, key: Hashable) -> str:
        """Returns the error for values that several records have."""
        return _("There are %(count)s %(nouns)s with this %(fields)s.") % {
            "count": self.many[key],
            "nouns": labels.plural_in_sentence(self.noun),
            "fields": wording.join_with_and(labels.field_in_error(f) for f in self.fields),
        }


class ExternalIdMatcher(Matcher):
    """Finds records by their id in another system."""

    def __init__(self, noun: type[Record], ids: Field, system: str) -> None:
        super().__init__(noun, [])
        self.ids, self.system = ids, system

    def key(self, data: Mapping[str, Any], text: bool) -> Hashable | None:
        """Returns the row's id in the system; None if it has none, or several."""
        value = data.get(self.ids.wire)
        try:
            found = self.ids.clean(value) or [] if value else []
        except ValueError:
            return None
        own = [each["id"] for each in found if each["system"] == self.system]
        return (own[0],) if len(own) == 1 else None

    def find(self, keys: Iterable[Hashable]) -> dict[Hashable, str]:
        wanted = [key[0] for key in keys if isinstance(key, tuple)]
        found = records_with(self.noun, self.system, wanted).values_list("value", "record")
        there = dict(found)
        visible = set(
            Scope(self.noun)
            .queryset()
            .filter(pk__in=list(there.values()))
            .order_by()
            .values_list("pk", flat=True)
        )
        return {(value,): id for value, id in there.items() if id in visible}


class Twins:
    """Finds probable duplicates: one or more existing records with the same values in some fields."""

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        #: The first row of the file with each key that created something, by the key's hash.
        self.rows: dict[int, int] = {}

    def row_alike(self, data: Mapping[str, Any], number: int, text: bool) -> int | None:
        """Returns the number of an earlier row that created the same, as far as it is remembered; None for
        the first."""
        key = self.matcher.key(data, text)
        if key is None or (len(self.rows) >= MOST_ROWS and hash(key) not in self.rows):
            return None
        first = self.rows.setdefault(hash(key), number)
        return first if first < number else None

    def find(self, keys: Iterable[Hashable], before: Any) -> dict[Hashable, str]:
        """Returns one record for each of these keys that some records created before that moment have."""
        wanted = {key for key in keys if isinstance(key, tuple)}
        if not wanted:
            return {}
        scope = Scope(self.matcher.noun).queryset().filter(created_at__lt=before)
        grouped = self.matcher.grouped(scope, wanted, Max("pk"))
        found = {tuple(map(values.to_json_value, parts)): id for *parts, id in grouped}
        return {key: id for key, id in found.items() if key in wanted}


def _comparable(field: Field, value: Any) -> Any:
    """Returns a value of a field as it is compared: names ignoring case, accents and extra spaces, telephone
    numbers by their digits."""
    if field.type not in values.TEXT_TYPES or not isinstance(value, str):
        return values.to_json_value(value)
    if field.unique:
        return key_of(value)
    return phone_digits(value) or None if is_phone(field) else fold_words(value)


def _compared(field: Field) -> Any:
    """Returns the database expression for that."""
    column = F(field.column)
    if field.type not in values.TEXT_TYPES:
        return column
    if field.unique:
        return small_letters(field)
    if is_phone(field):
        return Func(Digits(column), Value("0"), function="ltrim", output_field=TextField())
    return Folded(column)


def _among(name: str, field: Field, given: set[Any]) -> Q:
    """Returns the condition that a record has one of these values, as far as one expression can say it."""
    known = sorted((value for value in given if value is not None), key=str)
    if not field.is_custom and all(isinstance(value, str) for value in known):
        # One parameter, whatever the rows of a chunk contain; a list would be sent value by value.
        condition = Q(Among(F(name), Value(known, ArrayField(TextField()))))
    else:
        condition = Q(**{f"{name}__in": known})
    if None in given:
        condition |= Q(**{f"{field.column}__isnull": True})
    return condition
