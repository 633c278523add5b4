"""Records addressed by a name instead of an id: read, update if there is one, create if not.

The name is the value of a unique field (``email``), or the record's id in another system (``hubspot``, see
:mod:`headlessly.declaration.external_ids`). A field goes before a system of the same name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.context.running import current_execution
from headlessly.declaration import labels, values
from headlessly.declaration.external_ids import (
    change_external_ids,
    normalize_external_ids,
    normalize_id,
    normalize_system,
)
from headlessly.errors import BadRequest, Conflict, Invalid, NotFound, Stale, did_you_mean
from headlessly.execution import executor
from headlessly.language import wording
from headlessly.log.external_ids import find_by_external_id, systems_in_use

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field


@dataclass(frozen=True)
class RecordName:
    """The name of a record: the value of a unique field, or its id in another system."""

    noun: type[Record]
    name: str  #: of the field in Python, or of the system
    value: Any
    field: Field | None  #: None for a system

    @property
    def wire(self) -> str:
        ids = self.noun.schema.by_name["external_ids"]
        return self.field.wire if self.field else f"{ids.wire}.{self.name}"

    def find(self) -> str | None:
        """Returns the id of the record, if there is one that the actor sees."""
        if self.field is not None:
            return self.noun.find_id_by_unique(self.field, self.value)
        return find_by_external_id(self.noun, self.name, self.value)

    def find_or_refuse(self) -> str:
        """Returns the id of the record. Raises NotFound."""
        if (id := self.find()) is None:
            raise NotFound(
                _("There is no %(noun)s with %(field)s %(value)s.")
                % {
                    "noun": labels.noun_in_error(self.noun),
                    "field": self.wire,
                    "value": str(self.value)[:64],
                },
                type=self.noun.__name__,
                field=self.wire,
            )
        return id

    def complete(self, data: Mapping[str, Any], *, creates: bool, wire: bool) -> dict[str, Any]:
        """Returns the input with the record's name filled in. Raises Invalid if the input says another
        one."""
        field = self.field or self.noun.schema.by_name["external_ids"]
        key = field.wire if wire else field.name
        found = dict(data)
        if self.field is None:
            ids = found.get(key)
            own = {"system": self.name, "id": self.value}
            if (said := _ids_said(ids, self.name)) and self.value not in said:
                raise _says_otherwise(self, key)
            if isinstance(ids, list):
                found[key] = [*ids, own]
            elif isinstance(ids, Mapping) and ids.keys() != {"system", "id"}:
                found[key] = {**ids, self.name: _ids_with(ids.get(self.name), self.value)}
            elif isinstance(ids, Mapping):
                found[key] = [ids, own]
            elif creates:
                found[key] = [own]
            return found
        if key in found:
            try:
                same = values_equal(self.field, found[key], self.value)
            except (ValueError, TypeError):
                same = False
            if not same:
                raise _says_otherwise(self, key)
        if creates:
            found[key] = self.value
        else:
            found.pop(key, None)  # it may be the address of a record that was merged into this one
        return found


def _says_otherwise(named: RecordName, key: str) -> Invalid:
    said = _("The address says %s: send the same, or leave it out.") % named.value
    return Invalid.for_fields({key: said}, type=named.noun.__name__)


def _ids_said(ids: Any, system: str) -> list[str]:
    """Returns the ids of one system in the input, as far as they can be read; the rest is refused later."""
    try:
        if isinstance(ids, Mapping) and ids.keys() != {"system", "id"}:
            ids = change_external_ids((), ids)
        elif isinstance(ids, Mapping):
            ids = [ids]
        found = normalize_external_ids(ids) if ids else ()
    except (ValueError, TypeError):
        return []
    return [each["id"] for each in found or () if each["system"] == system]


def _ids_with(ids: Any, id: str) -> list[Any]:
    """Returns the ids of one system in the input, and the one of the address."""
    return [*(ids if isinstance(ids, list | tuple) else [] if ids is None else [ids]), id]


def values_equal(field: Field, one: Any, other: Any) -> bool:
    """Whether two values of a unique field are the same, ignoring case. Raises ValueError."""
    first, second = field.clean(one), field.clean(other)
    if isinstance(first, str) and isinstance(second, str):
        return first.lower() == second.lower()
    return bool(values.to_json_value(first) == values.to_json_value(second))


def name_record(noun: type[Record], name: str, value: Any) -> RecordName:
    """Returns the name in the address of a record. Raises BadRequest for a field that is not unique, and for
    a value that no record can have."""
    field = noun.schema.field(name)
    unique = [f for f in noun.schema.stored if f.unique]
    if field is not None and field.unique:
        try:
            cleaned = field.clean(value, text=True)
            if cleaned is None:
                raise ValueError(values.required_message())
            return RecordName(noun, field.name, cleaned, field)
        except ValueError as problem:
            raise BadRequest(
                f"{field.wire}: {problem}", type=noun.__name__, field=field.wire
            ) from None
    try:
        if field is not None:
            raise ValueError(_("It is not unique."))
        system = normalize_system(name)
        in_use = systems_in_use(noun)
        if system not in in_use and (near := did_you_mean(name, [f.wire for f in unique])):
            raise ValueError(_("There is no such unique field.") + near)
    except ValueError as problem:
        fields = ", ".join(f.wire for f in unique) or _("none")
        raise BadRequest(
            _(
                "%(noun)s has no record by %(name)s: %(why)s Unique fields: %(fields)s. Or the name of a "
                "system, as in /by/hubspot/123."
            )
            % {"noun": noun.__name__, "name": name[:64], "why": problem, "fields": fields},
            type=noun.__name__,
            field=name[:64],
        ) from None
    try:
        return RecordName(noun, system, normalize_id(value), None)
    except ValueError as problem:
        raise BadRequest(f"{system}: {problem}", type=noun.__name__, field=system) from None


def upsert(
    named: RecordName,
    data: Mapping[str, Any],
    *,
    wire: bool = False,
    text: bool = False,
    if_match: int | Collection[int] | None = None,
    only_new: bool = False,
    dry_run: bool = False,
) -> Any:
    """Update the record with this name, or create it; returns what :func:`executor.run` returns.

    Of two simultaneous calls one creates the record and the other updates it. ``if_match`` refuses if there
    is none, and ``only_new`` refuses if there is one.
    """
    verbs, again = named.noun.verbs, False
    while True:
        id = named.find()
        if id is None and if_match is not None:
            raise Stale(
                _("There is no such %s yet: it has no version.") % labels.noun_in_error(named.noun),
                type=named.noun.__name__,
            )
        if id is not None and only_new:
            raise Stale(
                wording.fill(_("There is such a %s already."), labels.noun_in_error(named.noun)),
                type=named.noun.__name__,
                id=id,
            )
        if id is not None and "update" not in verbs:
            raise named.noun.never_changes("update")
        try:
            return executor.run(
                verbs["create" if id is None else "update"],
                id,
                named.complete(data, creates=id is None, wire=wire),
                wire=wire,
                text=text,
                if_match=if_match,
                dry_run=dry_run,
            )
        except (Conflict, NotFound):
            # Meanwhile somebody created or deleted it. Inside a larger transaction we cannot look again.
            if again or current_execution() is not None or named.find() == id:
                raise
            again = True
