"""Reads the cells of one meaning, and puts them into the values of their row."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from django.utils.translation import gettext as _

from headlessly.access import tenancy
from headlessly.declaration import choices, normalization
from headlessly.declaration.schema import META, Field
from headlessly.transfer import cells
from headlessly.transfer.amounts import heading_power
from headlessly.transfer.cells import ADDITION
from headlessly.transfer.currency_signs import Named, currencies_of
from headlessly.transfer.headings import IN_UTC, Meaning
from headlessly.transfer.mapping import word_key
from headlessly.transfer.notations import Notation
from headlessly.transfer.row_values import RowValues
from headlessly.transfer.rows import Formula
from headlessly.transfer.stated_past import milestones

#: The separators of several addresses or numbers in one cell. A slash may also be part of a number: ``030/123
#: 456``.
BETWEEN = re.compile(r"\s*(?:::+|[;,|/\n])\s*|\s+(?:or|and|oder|und)\s+", re.I)

#: What a spreadsheet shows if a column is too narrow, and for an id that it took for a number.
HIDDEN, ROUNDED_ID = re.compile(r"\s*#{3,}\s*\Z"), re.compile(r"\s*\d[.,]\d+E\+\d\d\s*\Z", re.I)


class CellReader:
    """Reads the cells of one meaning, and puts them into the values of their row."""

    def __init__(
        self,
        meaning: Meaning,
        notation: Notation = cells.LIKELY,
        *,
        heading: str = "",
        foreign: bool = True,
        alone: bool = True,
        words: Mapping[str, Any] | None = None,
    ) -> None:
        """``alone`` means that no other column has the same meaning; ``words`` are a mapping's values for
        words, by :func:`word_key`."""
        self.words = words or {}
        self.meaning, self.path, self.field = meaning, meaning.path, meaning.field
        kind = self.field.type if self.field is not None else ""
        addition = ADDITION.search(heading) if kind == "money" else None
        #: The power of ten of the column's amounts, and the currency in its heading.
        self.power = heading_power(addition[0]) if addition else 0
        self.usual_currency: Named | None = currencies_of(addition[0]) if addition else None
        in_utc = IN_UTC.search(heading) is not None
        self.read = _reader(meaning, notation, in_utc, foreign, self.power)
        self.is_email, self.is_phone = kind == "email", is_phone(self.field)
        self.is_plain_name = meaning.own and self._named(meaning.noun.schema.name_field.name)
        #: Whether a value is checked immediately, because another column may have a better one.
        self.checks = self.field is not None and (kind == "enum" or not alone)
        self.state = _flagged_state(meaning) if foreign else None
        machine = meaning.noun.schema.machine
        #: The states in which records begin, if this is the state's field.
        self.entry = machine.entry if machine and self._named(machine.name) else None
        #: Whether its cells are ids in another system.
        self.is_id = self.field is not None and "." in self.field.wire
        self.is_money = kind == "money"
        #: The path of the currency of the record's amounts; without one they are in the tenant's.
        self.currency: str | None = None
        if self.is_money and (own := meaning.noun.schema.currency) is not None:
            self.currency = f"{self.path.rpartition('.')[0]}.{own.name}".lstrip(".")
        pattern = None
        if not meaning.own and self.field is not None:
            pattern = meaning.noun.Surface.files.patterns.get(self.field.name)
        self.pattern = re.compile(pattern) if pattern else None

    def _named(self, name: str) -> bool:
        return self.field is not None and self.field.name == name

    def put(self, values: RowValues, cell: Any, lenient: bool) -> None:
        """Read a cell that is not empty."""
        if isinstance(cell, Formula):
            told = _(
                "%s was saved without its value. Open the workbook, save it and send it again."
            )
            self._refuse(values, told % cell[:64], lenient)
            return
        if isinstance(cell, str) and HIDDEN.match(cell):
            told = _(
                "A spreadsheet had no room for what is here. Widen the column, and export it once more."
            )
            self._refuse(values, told, lenient)
            return
        if self.words and (key := word_key(str(cell))) in self.words:
            cell = self.words[key]
            if cell is None:
                values.beside.add(self.path)
                return
        if self.state is not None and isinstance(flag := cells.read_flag(cell), bool):
            values.flags[self.state] = self.path, flag
            return
        if self.is_plain_name:
            values.plain_name = True
        if self.meaning.row_is is not None:
            values.row_is.add(self.meaning.row_is)
        if self.is_money and (named := self._named_currency(cell)) is not None:
            if self.currency is not None:
                values.currencies.setdefault(self.currency, {}).setdefault(self.path, named)
            elif (problem := named.refusal(tenancy.require().currency)) is not None:
                self._refuse(values, problem, lenient)
                return
        others: list[str] = []
        if (self.is_email or self.is_phone) and isinstance(cell, str):
            cell, *others = split_several(cell, phones=self.is_phone)
        self._put(values, cell, lenient)
        values.others += [(self, other) for other in others]

    def _named_currency(self, cell: Any) -> Named | None:
        return (currencies_of(cell) if isinstance(cell, str) else None) or self.usual_currency

    def _put(self, values: RowValues, cell: Any, lenient: bool) -> None:
        found, wire = values.values_of(self.path)
        try:
            if self.pattern is not None and not self.pattern.search(str(cell)):
                raise ValueError(_("%s is not what this field is for.") % str(cell)[:64])
            if self.is_id and ROUNDED_ID.match(str(cell)):
                raise ValueError(normalization.rounded_message(str(cell).strip()))
            value = self.read(cell)
            if value == "":
                values.beside.add(self.path)
                return
            if self.checks and lenient and self.field is not None:
                self.field.clean(value, text=True)
        except ValueError as problem:
            self._refuse(values, str(problem), lenient)
            return
        if wire not in found:
            found[wire] = value
        elif found[wire] != value:
            self._put_beside(values, found, wire, cell, value)

    def _refuse(self, values: RowValues, told: str, lenient: bool) -> None:
        if lenient and not self.meaning.required:
            values.leave_out(self.path, told)
        else:
            values.problems[self.path] = told

    def _put_beside(
        self, values: RowValues, found: dict[str, Any], wire: str, cell: Any, value: Any
    ) -> None:
        """Handle a second value for the same field."""
        if self.field is not None and self.field.type == "text":
            found[wire] = f"{found[wire]}\n{value}"
        elif self.entry is not None and (value in self.entry) != (found[wire] in self.entry):
            # One of them is an initial state: the other is what it became.
            values.beside.add(self.path)
            found[wire] = found[wire] if value in self.entry else value
        else:
            values.others.append((self, cell))

    def put_another(self, values: RowValues, cell: Any) -> None:
        """Put a further value of the row into another field: a telephone number into a free telephone field,
        otherwise among the further values."""
        found, _wire = values.values_of(self.path)
        if self.is_phone:
            for other in self.meaning.noun.schema.stored:
                if is_phone(other) and other.wire not in found:
                    found[other.wire] = self.read(cell)
                    return
        if self.field is not None and cell not in found.values() and self._add_other(values, cell):
            return
        if cell not in found.values():
            values.leave_out(
                self.path, _("There is room for one; %s is left out.") % str(cell)[:64]
            )

    def _add_other(self, values: RowValues, cell: Any) -> bool:
        """Add a value to the field's further values, if it has such a field; returns whether it has."""
        beside = (f for f in self.meaning.noun.schema.others if self._named_in(f.beside))
        if (others := next(beside, None)) is None or others.item is None:
            return False
        reference, dot, _wire = self.path.rpartition(".")
        found, wire = values.values_of(f"{reference}{dot}{others.wire}")
        try:
            value = others.item.clean(self.read(cell), text=True)
        except ValueError:
            return False
        if reference or isinstance(found.get(wire), list):
            found[wire] = [*(found.get(wire) or ()), value]
        else:  # further values that the record already has are kept
            added = found.setdefault(wire, {choices.ADD: []})
            added[choices.ADD].append(value)
        return True

    def _named_in(self, names: Collection[str]) -> bool:
        return self.field is not None and self.field.name in names


def _flagged_state(meaning: Meaning) -> str | None:
    """Returns the state that a yes in this column means: that of the verb that sets its moment."""
    if meaning.field is None or "." in meaning.path:
        return None
    states = {each.state for each in milestones(meaning.noun) if each.field is meaning.field}
    return states.pop() if len(states) == 1 else None


def is_phone(field: Field | None) -> bool:
    return field is not None and field.normalize is normalization.normalize_phone


def split_several(cell: str, *, phones: bool) -> list[str]:
    """Returns the addresses or numbers in one cell."""
    parts = [part for part in BETWEEN.split(cell) if part]
    if phones:
        whole = all(
            sum(map(str.isdigit, part)) >= normalization.DIGITS_OF_A_PHONE for part in parts
        )
    else:
        whole = all("@" in part for part in parts)
    return parts if whole and len(parts) > 1 else [cell]


def _reader(
    meaning: Meaning, notation: Notation, utc: bool, foreign: bool, power: int
) -> cells.Read:
    found = meaning.field
    if (
        found is None
        or found.computed
        or (found.wire in META and found.wire not in ("$id", "$createdAt"))
    ):
        return lambda cell: cell
    if found.type == "reference":
        return lambda cell: cells.unguard_cell(cell).strip() if isinstance(cell, str) else cell
    if found.type == "enum":
        words = meaning.noun.Surface.files.words.get(found.name, {}) if foreign else {}
        return cells.choice_reader(
            found, tuple((word, value) for value, others in words.items() for word in others)
        )
    if found.type == "choices":
        return cells.choices_reader(found)
    own = meaning.noun.schema.currency
    if own is not None and found.name == own.name:
        return cells.read_currency
    return cells.cell_reader_of(found, notation, utc=utc, power=power)
