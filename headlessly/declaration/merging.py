"""Two records that become one: whose value of each field stays, as somebody says it.

``{"phone": "this"}`` keeps the telephone number of the record that is merged. The other fields keep the
values of the record it is merged into, and the merged one only fills its gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Self

from django.utils.translation import gettext as _

from headlessly.context.running import current_moment
from headlessly.declaration.described_field import Field, wire_name
from headlessly.declaration.folding import fold
from headlessly.declaration.record import Record
from headlessly.errors import Invalid, did_you_mean

#: Whose value stays: that of the merged record, or of the record it is merged into.
THIS, INTO = "this", "into"
CHOICES = (THIS, INTO)


class Kept:
    """A verb's input that says whose values stay: ``keep: Annotated[Any, Kept()]``."""

    def as_input(self, name: str, noun: type[Record], *, required: bool) -> Field:
        """Returns the input called ``name`` of a verb of ``noun``."""
        return Field(
            name=name,
            wire=wire_name(name),
            column=name,
            type="json",
            required=required,
            choices=CHOICES,
            keys=tuple(field.wire for field in choosable_fields(noun).values()),
            normalize=partial(clean_kept, noun),
            label=name.replace("_", " ").capitalize(),
            description='whose value of a field stays, by its name: "this" record\'s or that of "into"',
        )


def choosable_fields(noun: type[Record]) -> dict[str, Field]:
    """Returns the fields for which somebody may choose whose value stays, by Python name.

    The others need no choice: a field with several values keeps those of both records, the currency goes with
    the amounts, and a moment that follows from events is the latest one.
    """
    currency = noun.schema.currency
    return {
        field.name: field
        for field in noun.schema.inputs()
        if field.unite is None
        and not field.follows_events
        and (currency is None or field.name != currency.name)
    }


def clean_kept(noun: type[Record], said: Any) -> dict[str, str]:
    """Returns the choices by the Python names of the fields. Raises ValueError with what is allowed."""
    allowed = choosable_fields(noun)
    if not isinstance(said, Mapping):
        example = f'{{"{next(iter(allowed.values())).wire}": "{THIS}"}}'
        raise ValueError(_("Send an object like %s.") % example)
    found: dict[str, str] = {}
    for key, whose in said.items():
        field = noun.schema.field(str(key))
        if field is None or field.name not in allowed:
            names = [each.wire for each in allowed.values()]
            told = _("There is no such field here. Fields: %s.") % ", ".join(names)
            raise ValueError(f"{str(key)[:64]}: {told}{did_you_mean(str(key), names)}")
        if whose not in CHOICES:
            raise ValueError(f"{field.wire}: " + _("Use one of %s.") % ", ".join(CHOICES))
        found[field.name] = str(whose)
    return found


def said_otherwise(
    noun: type[Record], known: Mapping[str, Any], said: Mapping[str, Any]
) -> set[str]:
    """Returns the names of fields that belong together where two records differ in one of them: then neither
    fills the gaps of the other. A part of a name is no difference: Ada is also Ada Chen."""
    called = noun.schema.name_field.name
    return {
        name
        for names in noun.said_together
        if any(
            known.get(n) is not None
            and said.get(n) not in (None, known[n])
            and not (n == called and _is_part_of_name(said[n], known[n]))
            for n in names
        )
        for name in names
    }


def _is_part_of_name(part: Any, name: Any) -> bool:
    """Whether a name begins or ends with these words."""
    if not (isinstance(part, str) and isinstance(name, str)):
        return False
    words, all_words = fold(part).split(), fold(name).split()
    return bool(words) and words in (all_words[: len(words)], all_words[-len(words) :])


def known_together(record: Record) -> dict[str, Any]:
    """Returns the values of a record in fields that belong together, by their names."""
    names = (name for names in record.said_together for name in names)
    return {name: getattr(record, record.schema.by_name[name].column) for name in names}


def keep_together(merged: Record, survivor: Record, keep: Mapping[str, str]) -> dict[str, str]:
    """Returns the choices in ``keep``, extended to all fields that belong together where the two records
    differ in them. Without a choice all of these are the survivor's: a first name fills no gap beside another
    name."""
    found = dict(keep)
    others = said_otherwise(type(merged), known_together(survivor), known_together(merged))
    for names in merged.said_together:
        if others.issuperset(names):
            said = {keep[name] for name in names if name in keep}
            whose = THIS if said == {THIS} else INTO
            found |= {name: whose for name in names if name not in keep}
    return found


class MergeMixin(Record):
    """The part of a noun that merges a record into another."""

    class Meta:
        abstract = True

    def become(self, other: Self) -> Self:
        """Live on in ``other``, which takes over what belongs to this record: the body of a verb that merges.

        Raises Invalid if ``other`` is this record itself.
        """
        if other.pk == self.pk:
            said = _("A record cannot be merged into itself.")
            raise Invalid.for_fields({"into": said}, type=type(self).__name__)
        self.successor = other.pk
        self.deleted_at = current_moment()
        return other

    def handed_on(self, successor: Self) -> dict[str, Any]:
        """Override: return values that the successor must have before references move to it."""
        return {}

    def is_needless_with(self, field: str, successor: str) -> bool:
        """Override: whether this record becomes superfluous, and is deleted, when its ``field`` changes to
        ``successor``."""
        return False
