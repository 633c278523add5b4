"""Completes existing records with what a row says of them: empty fields are filled, others stay."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from headlessly.access import actors
from headlessly.declaration.merging import said_otherwise
from headlessly.declaration.schema import Field
from headlessly.execution.described_records import compose_name
from headlessly.transfer.row_values import RowValues

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: Fills empty fields of an existing record.
Complete = Callable[["type[Record]", str, dict[str, Any], RowValues, str], None]


class Completion:
    """The values of the records that a chunk of rows describes, and which of them were filled."""

    def __init__(self, noun: type[Record], *, making: bool) -> None:
        self.noun, self.making = noun, making
        #: Their values in the fields that rows may fill, by id and wire name.
        self.held: dict[str, dict[str, Any]] = {}
        #: The values that the current row has filled.
        self.filled: list[tuple[str, str]] = []

    def _wires(self, reference: Field) -> list[str]:
        noun = reference.target_noun
        together = (name for names in noun.said_together for name in names)
        names = dict.fromkeys((*self.noun.Surface.files.described[reference.name], *together))
        return [noun.schema.by_name[name].wire for name in names]

    def read(self, reference: Field, ids: Collection[str]) -> None:
        """Read the values of these records."""
        noun, wires = reference.target_noun, self._wires(reference)
        columns = [noun.schema.fields[wire].column for wire in wires]
        rows = noun.objects.filter(pk__in=ids).order_by().values_list("pk", *columns)
        for id, *had in rows if ids else ():
            self.held[id] = dict(zip(wires, had, strict=True))

    def add(self, reference: Field, record: Any) -> None:
        """Add the values of a newly created record."""
        fields = record.schema.fields
        self.held[record.pk] = {
            wire: getattr(record, fields[wire].column) for wire in self._wires(reference)
        }

    def fill(
        self,
        reference: Field,
        id: str,
        given: dict[str, Any],
        told: Mapping[str, Any],
        row: RowValues,
        complete: Complete,
    ) -> None:
        """Fill the empty fields of a record from ``given``; the log keeps values that differ. ``told`` is
        everything that the row says of it."""
        noun, gaps = reference.target_noun, {}
        had = self.held.get(id)
        may = self.making and actors.may(actors.current(), "update", noun)
        others = _said_otherwise(noun, had or {}, told, row)
        for wire, value in given.items():
            field = noun.schema.fields[wire]
            try:
                said = field.clean(value, text=row.text)
            except ValueError as problem:
                row.leave_out(f"{reference.wire}.{wire}", str(problem))
                continue
            if said is None or (had is not None and had.get(wire) == said):
                continue
            fills = may and wire not in others
            if had is not None and fills and had.get(wire) in (None, field.default):
                gaps[wire], had[wire] = value, said
                self.filled.append((id, wire))
            else:
                row.beside.add(f"{reference.wire}.{wire}")
        if gaps:
            complete(noun, id, gaps, row, reference.wire)

    def begin_row(self) -> None:
        self.filled.clear()

    def undo_row(self) -> None:
        """Undo the notes about the current row."""
        for id, wire in self.filled:
            self.held[id][wire] = None
        self.filled.clear()


def _said_otherwise(
    noun: type[Record], had: Mapping[str, Any], told: Mapping[str, Any], row: RowValues
) -> set[str]:
    """Returns the wire names of a row's values that belong together with a value that differs from the
    record's: the first name of somebody with another name."""
    fields, said = noun.schema.fields, dict[str, Any]()
    for wire, value in told.items():
        try:
            said[fields[wire].name] = fields[wire].clean(value, text=row.text)
        except ValueError:
            continue
    said[noun.schema.name_field.name] = compose_name(noun, said)
    known = {fields[wire].name: value for wire, value in had.items()}
    return {noun.schema.by_name[name].wire for name in said_otherwise(noun, known, said)}
