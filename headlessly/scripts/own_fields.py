"""``Schema`` in a script: lets admins manage the tenant's own fields, with the same functions as
elsewhere."""

from __future__ import annotations

from typing import Any

from headlessly.access import actors
from headlessly.errors import BadRequest, Forbidden
from headlessly.shaping import custom_fields
from headlessly.shaping.models import CustomField

#: The methods, and how they are called.
CALLS = {
    "fields": "Schema.fields(noun) or Schema.fields()",
    "addField": 'Schema.addField(noun="Lead", label="Contract end", type="date", ...)',
    "changeField": 'Schema.changeField("Lead.contractEnd", label="End", ...)',
    "archiveField": 'Schema.archiveField("Lead.contractEnd")',
    "restoreField": 'Schema.restoreField("Lead.contractEnd")',
    "deleteField": 'Schema.deleteField("Lead.contractEnd", "contractEnd")',
}
#: How many positional arguments each method takes, at least and at most.
PLACES = {"fields": (0, 1), "addField": (0, 0), "deleteField": (1, 2)}


def call_own_fields(what: str, given: list[Any], options: dict[str, Any]) -> Any:
    """Returns the answer of one of :data:`CALLS`: fields as JSON. Raises BadRequest for wrong arguments,
    Forbidden, and what :mod:`headlessly.shaping.custom_fields` raises."""
    if not actors.may_administer(actors.current()):
        raise Forbidden("Admins decide which fields there are.")
    least, most = PLACES.get(what, (1, 1))
    settings = what in ("addField", "changeField")
    if not least <= len(given) <= most or (options and not settings):
        raise BadRequest(f"Call it so: {CALLS[what]}.")
    if not all(isinstance(each, str) for each in given):
        raise BadRequest(f"A noun, a field and its name are texts: {CALLS[what]}.")
    if what == "fields":
        return [field_for_script(field) for field in custom_fields.list_fields(*given)]
    if what == "addField":
        return field_for_script(custom_fields.create_field(options))
    field = custom_fields.find_field(given[0])
    if what == "changeField":
        return field_for_script(custom_fields.change_field(field, options))
    if what == "deleteField":
        custom_fields.delete_field(field, given[1] if len(given) > 1 else "")
        return None
    change = {
        "archiveField": custom_fields.archive_field,
        "restoreField": custom_fields.bring_back_field,
    }[what]
    return field_for_script(change(field))


def field_for_script(field: CustomField) -> dict[str, Any]:
    return {"id": field.pk, **custom_fields.describe(field)}
