"""The columns that a list may show."""

from __future__ import annotations

from django.utils.translation import gettext as _

from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun

#: How many columns fit a screen.
MAX_COLUMNS = 12
CREATED = Field("created_at", "createdAt", "created_at", "datetime", label="Created")
CHANGED = Field("updated_at", "updatedAt", "updated_at", "datetime", label="Changed")
#: Fields that every record has beside those of its noun, by wire and by Python name.
CARRIED = {name: field for field in (CREATED, CHANGED) for name in (field.wire, field.name)}


def listable_field(noun: type[Noun], name: str) -> Field:
    """Returns the field that a list may show under this wire or Python name. Raises InvalidFilter."""
    field = noun.schema.field(name) or CARRIED.get(name)
    if field is None or field.type == "json":
        raise InvalidFilter(_("There is no column “%s” here.") % name[:64], field="columns")
    return field


def is_sortable(field: Field) -> bool:
    return field.computed is None and field.type not in ("json", "choices")


def is_edited_in_lists(field: Field, noun: type[Noun]) -> bool:
    """Whether cells of this column are editable: a state if the noun declares it so, and every other field
    that people type; none but the tenant's own fields if the noun declares ``inline`` as empty."""
    schema = noun.schema
    if noun.immutable or field.computed is not None:
        return False
    if schema.inline == () and not field.is_custom:
        return False
    if field.moves:
        return field.name in schema.inline
    if "update" not in noun.verbs:
        return False
    known = {f.name for f in noun.verbs["update"].inputs.values()}
    return field.name in known and field.type != "json"


def offered_columns(noun: type[Noun]) -> list[Field]:
    """Returns every field that a list offers as a column beside the name."""
    left_out = {noun.schema.columns[0], *noun.schema.not_offered}
    own = [f for f in noun.schema.stored if f.type not in ("json", "text")]
    own = [f for f in own if f.name not in left_out]
    return list(dict.fromkeys([*own, *CARRIED.values()]))
