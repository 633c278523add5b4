"""Prepares rows before they are imported: what each says, which record it is about, and what it refers to.

Look-ups are made for all rows of a chunk at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.context import clock
from headlessly.declaration import labels, values
from headlessly.declaration.choices import ADD, BETWEEN, split_choices
from headlessly.declaration.schema import Field
from headlessly.execution.described_records import compose_name
from headlessly.language import wording
from headlessly.query.scope import Scope
from headlessly.transfer.bulk_create import Key, key_of
from headlessly.transfer.cell_reader import is_phone
from headlessly.transfer.described_records import Describer
from headlessly.transfer.matching import ID, ExternalIdMatcher, Matcher, Twins, unique_fields
from headlessly.transfer.options import MISSING, Options
from headlessly.transfer.programs import program_called
from headlessly.transfer.references import References
from headlessly.transfer.row_readers import ObjectReader, TableReader
from headlessly.transfer.row_values import RowValues
from headlessly.transfer.rows import Row
from headlessly.transfer.stated_states import settle_state

if TYPE_CHECKING:
    from headlessly.nouns import Noun
    from headlessly.transfer.models import Import


class RowLookup:
    """Reads the rows of one import and finds their records, in the active tenant as the current actor."""

    def __init__(
        self, source: Import, reader: TableReader | ObjectReader, *, foreign: bool
    ) -> None:
        self.source, self.reader = source, reader
        self.noun: type[Noun] = source.noun
        self.options = Options(**source.options)
        self.schema = self.noun.schema
        #: Whether unknown values are left out, because the file is not our own and not read strictly.
        self.lenient = foreign and not self.options.strict
        self.foreign = foreign
        self.sets_protected_fields = actors.current().role == actors.ADMIN
        self.match = source.match
        self.unique = unique_fields(self.noun)
        self.ids = self.schema.by_name["external_ids"]
        self.matcher = self._matcher(self.match) if self.match and self.match != ID else None
        self.twins = self._twins()
        #: The wire names of the values by which a record was found.
        found_by = self.matcher or (self.twins and self.twins.matcher)
        self.found_by = {field.wire for field in found_by.fields} if found_by else set()
        self.references = References(self.noun)
        self.describer = Describer(self.noun, making=self.options.create == MISSING)
        self.name = self.noun.schema.name_field
        #: The columns whose flag counts more than the state.
        program = program_called(self.noun, self.options.program or "")
        decides = program.decides if program is not None else ()
        self.decides = {self.schema.by_name[name].wire for name in decides}
        self.computed = {f.wire for f in self.schema.computed}
        self.refers_to_itself = any(
            f.to == self.schema.name for f in self.references.fields.values()
        )
        #: The names of the rows in this chunk, if rows may refer to each other.
        self.named_here: set[Any] = set()
        #: For a dry run, which keeps nothing: the unique values that it created, and the keys of rows that
        #: created something.
        self.made: set[Key] = set()
        self.made_keys: set[Any] = set()

    def _matcher(self, names: str) -> Matcher:
        if names.startswith(f"{self.ids.wire}."):
            return ExternalIdMatcher(self.noun, self.ids, names.partition(".")[2])
        return Matcher(self.noun, [self.schema.fields[wire] for wire in names.split(",")])

    def _twins(self) -> Twins | None:
        """Returns how to find duplicates, if nobody said how to find records."""
        alike = self.noun.Surface.files.alike
        if self.match or not alike:
            return None
        return Twins(Matcher(self.noun, [self.schema.by_name[name] for name in alike]))

    def read(self, row: Row) -> RowValues:
        if row.problem is not None:
            return RowValues(row)
        said = self.reader.read(row)
        for wire in self.computed.intersection(said.data):
            del said.data[wire]
        for name, value in self.options.defaults.items():
            said.data.setdefault(name, value)
        if not self.match:
            self.check_currency(said)
        if self.lenient:
            stating = self.sets_protected_fields
            settle_state(self.noun, said, stating=stating, decides=self.decides)
        self._take_meta(said)
        if (ids := said.described.pop(self.ids.wire, None)) is not None:
            said.data.setdefault(self.ids.wire, {s: _several(each) for s, each in ids.items()})
        return said

    def check_currency(self, said: RowValues) -> None:
        """Give a new record the tenant's currency if its row names no unambiguous one, and remove amounts in
        a currency that cannot be determined."""
        currency = self.schema.currency
        wire = self.schema.by_name[currency.name].wire if currency is not None else None
        if currency is None or wire is None:
            return
        if not said.data.get(wire):
            said.check_currencies(currency.name, tenancy.require().currency, self.lenient)
        if wire in said.left_out:
            for field in self.schema.stored:
                if field.type == "money" and said.data.pop(field.wire, None) is not None:
                    said.leave_out(field.wire, said.left_out[wire])

    def _take_meta(self, said: RowValues) -> None:
        """Take the meta-fields, which the verb does not accept: an admin's creation date."""
        value = said.data.pop("$createdAt", None)
        if self.sets_protected_fields and value is not None:
            try:
                said.created_at = values.clean_moment(None, value, said.text)
                if said.created_at > clock.now():
                    said.created_at = None
                    raise ValueError(_("This is in the future."))
            except ValueError as problem:
                if self.lenient:
                    said.leave_out("$createdAt", str(problem))
                else:
                    said.problems["$createdAt"] = str(problem)

    def look_up(self, said: Sequence[RowValues]) -> None:
        if self.refers_to_itself:
            known = [self.name.wire, *(f.wire for f in self.unique)]
            self.named_here = {
                key_of(value)
                for each in said
                for wire in known
                if isinstance(value := each.data.get(wire), str)
            }
        self.references.look_up(each.data for each in said)
        self.describer.look_up(said)
        for each in said:
            self._resolve(each)
            self._take_key(each)

    def _take_key(self, said: RowValues) -> None:
        if self.match == ID:
            said.key = said.data.get(ID) or None
            if said.key is not None and not isinstance(said.key, str):
                said.problems[ID] = _("This is text: send a string.")
                said.key = None
        elif self.matcher is not None:
            data = self._with_described(said, (field.wire for field in self.matcher.fields))
            said.key = None if data is None else self.matcher.key(data, said.text)

    def _resolve(self, said: RowValues) -> None:
        """Replace references given by other values by ids."""
        for wire, message in self.references.resolve(said.data).items():
            if self.references.fields[wire].to == self.schema.name and self._may_be_above(
                said.data[wire]
            ):
                said.again = True
            else:
                self._refuse_reference(said, wire, message)

    def _refuse_reference(self, said: RowValues, wire: str, message: str) -> None:
        if self.may_leave_out(wire):
            del said.data[wire]
            said.leave_out(wire, message)
        else:
            said.problems[wire] = message

    def _may_be_above(self, text: str) -> bool:
        """Whether a row of this chunk, or of a dry run before it, has this name."""
        key = key_of(text.strip())
        name = self.schema.name
        return key in self.named_here or any((name, f.name, key) in self.made for f in self.unique)

    def resolve_again(self, said: RowValues) -> None:
        """Replace them again after the rows above have been written."""
        self.references.look_up([said.data])
        problems = self.references.resolve(said.data)
        for wire in list(problems):
            # A dry run no longer has what it created.
            name = self.schema.name
            if any((name, f.name, key_of(said.data[wire])) in self.made for f in self.unique):
                del problems[wire], said.data[wire]
        for wire, message in problems.items():
            self._refuse_reference(said, wire, message)

    def find_twins(self, said: Sequence[RowValues]) -> dict[Any, str]:
        if self.twins is None or self.source.started_at is None:
            return {}
        keys = {self.twin_key(each) for each in said}
        return self.twins.find(keys - {None}, self.source.started_at)

    def twin_key(self, said: RowValues) -> Any:
        if self.twins is None or said.problems:
            return None
        data = self._with_described(said, (field.wire for field in self.describer.fields))
        return None if data is None else self.twins.matcher.key(data, said.text)

    def told_alike(self, said: RowValues) -> str | None:
        """Returns a note for an imported row that is probably the same as one above it."""
        if self.twins is None:
            return None
        first = self.twins.row_alike(said.data, said.row.number, said.text)
        if first is None:
            return None
        fields = wording.join_with_and(map(labels.field_in_error, self.twins.matcher.fields))
        return _("The same as row %(row)s by %(fields)s.") % {"row": first, "fields": fields}

    def _with_described(self, said: RowValues, wires: Iterable[str]) -> dict[str, Any] | None:
        """Returns the values of a row, with its composed name and the ids of described records; None if one
        of these does not exist yet."""
        data, asked = said.data, set(wires)
        for field_ in self.describer.fields:
            given = said.described.get(field_.wire)
            if field_.wire in asked and given and not data.get(field_.wire):
                id = self.describer.found_id(field_, given)
                if id is None:
                    return None
                data = data | {field_.wire: id}
        if not data.get(self.name.wire):
            data = data | {self.name.wire: self.composed_name(said)}
        return data

    def given_values(self, field: Field, rows: Iterable[RowValues]) -> Iterable[Any]:
        wires = (field.wire, *(f.wire for f in self.schema.kept_with(field)))
        for row, wire in product(rows, wires):
            if wire != field.wire:
                yield from self._given_others(row, wire)
                continue
            value = row.data.get(wire)
            try:
                value = None if value in (None, "") else field.clean(value, text=row.text)
            except (ValueError, TypeError):
                continue
            if value is not None:
                yield value if isinstance(value, str | int | float) else values.to_json_value(value)

    def _given_others(self, row: RowValues, wire: str) -> Iterable[Any]:
        """Returns the further values that a row has for a field."""
        value = row.data.get(wire)
        if isinstance(value, dict):
            value = value.get(ADD)
        try:
            return self.schema.fields[wire].clean(value, text=row.text) or () if value else ()
        except (ValueError, TypeError):
            return ()

    def is_new(self, each: RowValues, taken: set[Key], keys: set[Any]) -> bool:
        """Whether a row above this one created its record."""
        if self.matcher is None or each.key is None:
            return False
        unique = self.matcher.unique
        if unique is not None:
            return (self.schema.name, unique.name, each.key[0]) in taken
        return each.key in keys or each.key in self.made_keys

    def find_targets(self, keys: Iterable[Any]) -> dict[Any, str]:
        if self.matcher is not None:
            return self.matcher.find(keys)
        scope = Scope(self.noun).queryset()
        return {
            id: id for id in scope.filter(pk__in=list(keys)).order_by().values_list("pk", flat=True)
        }

    def find_target(self, key: Any) -> str | None:
        return self.find_targets([key]).get(key)

    def also_wrong(self, said: RowValues) -> dict[str, str]:
        """Returns further problems of a row that will not be imported, so that all of them are reported at
        once."""
        found = {}
        for wire, value in said.data.items():
            field = self.schema.fields.get(wire)
            if field is not None and wire not in said.problems:
                try:
                    field.clean(value, text=said.text)
                except ValueError as problem:
                    found[wire] = str(problem)
        return found

    def composed_name(self, said: RowValues) -> str | None:
        return compose_name(self.noun, said.data | said.described, wire=True)

    def may_leave_out(self, wire: str) -> bool:
        """Whether a row may be imported without this value: foreign values, and numbers that a spreadsheet
        broke."""
        field = self.schema.fields.get(wire)
        if field is None:
            return self.lenient
        return not field.required and (self.lenient or is_phone(field))


def _several(ids: Any) -> Any:
    """Returns the ids of one system in a cell, which has several after records were merged."""
    return split_choices(ids) if isinstance(ids, str) and BETWEEN in ids else ids
