"""A record by what it is called: read, changed where it is there, created where it is not.

A record is named by a unique field of its noun (``email``), or by what it is called in another system
(``hubspot``, see :mod:`headlessly.declaration.external_ids`). A field of that name goes before a system.
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
    """What one record of a noun is called: the value of a unique field, or the id of a system."""

    noun: type[Record]
    name: str  #: of the field in Python, or of the system
    value: Any
    field: Field | None  #: None for a system

    @property
    def wire(self) -> str:
        ids = self.noun.schema.by_name["external_ids"]
        return self.field.wire if self.field else f"{ids.wire}.{self.name}"

    def find(self) -> str | None:
        """The id of the record, where the actor sees one."""
        if self.field is not None:
            return self.noun.find_id_by_unique(self.field, self.value)
        return find_by_external_id(self.noun, self.name, self.value)

    def find_or_refuse(self) -> str:
        """The same. Raises NotFound where there is none."""
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
        """The input together with what the record is called. Raises Invalid where it says something else."""
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
            found.pop(key, None)  # it may be the address of one that was merged into it
        return found


def _says_otherwise(named: RecordName, key: str) -> Invalid:
    said = _("The address says %s: send the same, or leave it out.") % named.value
    return Invalid.for_fields({key: said}, type=named.noun.__name__)


def _ids_said(ids: Any, system: str) -> list[str]:
    """The ids of one system that are sent, as far as they can be read; what cannot is refused later."""
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
    """The ids of one system that are sent, and the one of the address."""
    return [*(ids if isinstance(ids, list | tuple) else [] if ids is None else [ids]), id]


def values_equal(field: Field, one: Any, other: Any) -> bool:
    """Whether two values of a unique field are one, whatever their case. Raises ValueError."""
    first, second = field.clean(one), field.clean(other)
    if isinstance(first, str) and isinstance(second, str):
        return first.lower() == second.lower()
    return bool(values.to_json_value(first) == values.to_json_value(second))


def name_record(noun: type[Record], name: str, value: Any) -> RecordName:
    """What the address of a record says. Raises BadRequest for a name that tells no record from others, and
    for a value that no record can have."""
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
    """Change the record that is called so, or create it; what :func:`executor.run` answers.

    Of two at once one creates it and the other changes it. ``if_match`` refuses where there is none, and
    ``only_new`` where there is one.
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
            # Somebody else created it meanwhile, or deleted it. A larger transaction cannot look again.
            if again or current_execution() is not None or named.find() == id:
                raise
            again = True
