"""Records that a row describes besides its own: the person and the company of a lead.

They are found by their unique values, otherwise by their name. If there is none, it is created from the row.
So a file that knows nothing of our references can be imported as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.declaration import labels
from headlessly.declaration.folding import fold_words
from headlessly.declaration.schema import Field
from headlessly.declaration.values import is_storable
from headlessly.execution.described_records import compose_name
from headlessly.query.scope import Scope
from headlessly.transfer.bulk_create import key_of
from headlessly.transfer.completion import Complete, Completion
from headlessly.transfer.references import by_name, by_unique, text_keys
from headlessly.transfer.row_values import RowValues

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: A key by which a record is known: its noun, the field, and the value as it is compared.
Known = tuple[str, str, Any]
#: Creates a record that a row describes.
Create = Callable[["type[Record]", dict[str, Any], RowValues, str], Any]


class Describer:
    """Finds or creates the records that the rows of one import describe."""

    def __init__(self, noun: type[Record], *, making: bool) -> None:
        self.noun, self.making = noun, making
        self.fields = [noun.schema.by_name[name] for name in noun.Surface.files.described]
        self.found: dict[Known, str] = {}
        self.many: dict[Known, int] = {}
        self.completion = Completion(noun, making=making)
        #: The records created in this transaction; and those of the whole import, each counted once.
        self.made: dict[Known, str] = {}
        self.counted: set[Known] = set()

    # -- finding --------------------------------------------------------------------------------------

    def look_up(self, rows: Iterable[RowValues]) -> None:
        """Look up everything that these rows describe at once."""
        rows = list(rows)
        for field in self.fields:
            other = field.target_noun
            given = [row.described[field.wire] for row in rows if row.described.get(field.wire)]
            if given:
                self._find(other, given)
        for field in self.fields:
            every = (row.described.get(field.wire) for row in rows)
            ids = {id for each in every if each and (id := self.found_id(field, each))}
            self.completion.read(field, ids)

    def _find(self, noun: type[Record], given: list[dict[str, Any]]) -> None:
        scope = Scope(noun).queryset()
        for field in text_keys(noun):
            wanted = {g[field.wire] for g in given if _is_text(g.get(field.wire))}
            ids = by_unique(scope, field, wanted, merged=True)
            self.found.update({(noun.__name__, field.name, key): id for key, id in ids.items()})
        composed = (compose_name(noun, g, wire=True) for g in given)
        named = by_name(scope, (text for text in composed if text and is_storable(text)))
        for text, called in named.items():
            known = (noun.__name__, noun.schema.name_field.name, text)
            (count, id), *others = called.values()
            if count == 1 and not others:
                self.found[known] = id
            else:
                self.many[known] = count + sum(more for more, _id in others)

    def _known(self, noun: type[Record], given: dict[str, Any]) -> list[Known]:
        """Returns the keys of this record, the best first."""
        unique = [
            (noun.__name__, field.name, key_of(_spelled(field, given[field.wire])))
            for field in text_keys(noun)
            if _is_text(given.get(field.wire))
        ]
        name = compose_name(noun, given, wire=True)
        named = [(noun.__name__, noun.schema.name_field.name, fold_words(name))] if name else []
        # A different email address means a different person, even with the same name.
        return unique or named

    # -- making ---------------------------------------------------------------------------------------

    def fill(self, row: RowValues, create: Create, complete: Complete, made: list[Known]) -> None:
        """Set the row's references to the records it describes; keys of created records are added to
        ``made``.

        A record that can neither be found nor created is left out, with the reason. Empty fields of existing
        records are filled; other values stay, and the log keeps what the row says.
        """
        for field in self.fields:
            given = row.described.get(field.wire)
            if not given:
                continue
            if row.data.get(field.wire):
                row.beside.add(field.wire)
                continue
            noun = field.target_noun
            known, id = self._known(noun, given), self.found_id(field, given)
            if id is None and (why := self._why_not(noun, given)):
                row.leave_out(field.wire, why)
                continue
            if id is None:
                record = create(noun, self._values(field, given, row), row, field.wire)
                if record is None:
                    continue
                id = record.pk
                self.completion.add(field, record)
                self.made.update(dict.fromkeys(known, id))
                made += known[:1]
            else:
                told = given | self._belonging(noun, row)
                self.completion.fill(field, id, given, told, row, complete)
            row.data[field.wire] = id

    def makes(self, field: Field, row: RowValues) -> bool:
        """Whether the record that a row describes will be created."""
        given = row.described.get(field.wire)
        if not given or row.data.get(field.wire) or self.found_id(field, given):
            return False
        return not self._why_not(field.target_noun, given)

    def found_id(self, field: Field, given: dict[str, Any]) -> str | None:
        """Returns the id of the record that a row describes, if it is known."""
        known = self._known(field.target_noun, given)
        return next((self.made.get(k) or self.found.get(k) for k in known if self._has(k)), None)

    def _has(self, known: Known) -> bool:
        return known in self.made or known in self.found

    def _values(self, reference: Field, given: dict[str, Any], row: RowValues) -> dict[str, Any]:
        """Returns the values of a new record: those of the row, and references to records found before."""
        noun = reference.target_noun
        found = dict(given)
        found[noun.schema.name_field.wire] = self._name_of(noun, given, row, reference)
        return self._belonging(noun, row) | found

    def _belonging(self, noun: type[Record], row: RowValues) -> dict[str, Any]:
        """Returns references of a new ``noun`` to records found before: a person's company."""
        fields = noun.schema.fields
        return {
            other.wire: row.data[other.wire]
            for other in self.fields
            if (same := fields.get(other.wire)) is not None
            and same.to == other.to
            and row.data.get(other.wire)
        }

    def _name_of(
        self, noun: type[Record], given: dict[str, Any], row: RowValues, reference: Field
    ) -> str | None:
        """Returns the name of a new record, which may be the row's own name if that usually is this
        record's."""
        own = self.noun.schema.name_field.wire
        lends = row.plain_name and reference.wire in row.row_is
        if lends and reference.name in self.noun.Surface.files.namesakes:
            others = {wire: value for wire, value in given.items() if wire != "email"}
            if name := compose_name(noun, others, wire=True) or row.data.get(own):
                return name
        return compose_name(noun, given, wire=True)

    def _why_not(self, noun: type[Record], given: dict[str, Any]) -> str:
        """Returns why an unknown record cannot be created; empty if it can."""
        known = self._known(noun, given)
        told = compose_name(noun, given, wire=True) or (known[0][2] if known else "")
        named = labels.noun_in_error(noun)
        if not known:
            return _("No column says which %s it is: the log keeps what is said of it.") % named
        count = next((self.many[k] for k in known if k in self.many), 0)
        if count:
            said = {"count": count, "noun": labels.plural_in_sentence(noun), "name": told}
            return _("There are %(count)s %(noun)s called %(name)s.") % said
        if not self.making or not actors.may(actors.current(), "create", noun):
            return _("There is no %(noun)s %(name)s, and none is made.") % {
                "noun": named,
                "name": told,
            }
        return ""

    # -- what became of it ------------------------------------------------------------------------------

    def count(self, made: Iterable[Known]) -> Counter[str]:
        """Returns how many of these records were not counted before, by noun."""
        fresh = [known for known in made if known not in self.counted]
        self.counted.update(fresh)
        return Counter(noun for noun, _field, _value in fresh)

    def forget(self, made: Iterable[Known] | None = None) -> None:
        """Forget created records after a rollback: these, or all."""
        if made is None:
            self.made.clear()
            self.completion.held.clear()
            return
        self.completion.undo_row()
        ids = {self.made.get(known) for known in made}
        self.made = {known: id for known, id in self.made.items() if id not in ids}

    def keep(self) -> None:
        """Keep the created records after the commit."""
        self.found.update(self.made)
        self.made.clear()


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and is_storable(value)


def _spelled(field: Field, value: str) -> str:
    """Returns a unique value as it is stored, if possible."""
    try:
        return field.clean(value, text=True) or value
    except ValueError:
        return value
