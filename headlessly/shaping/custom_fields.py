"""Fields of a tenant's own: made, changed, archived and deleted. What every way in calls.

Each is one transaction, checked as a whole, told to the log, and there on every surface with the next
request. Nobody but an admin may.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from headlessly.access import tenancy
from headlessly.declaration.custom_values import held_json
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import META, snake_name, wire_name
from headlessly.declaration.values import UNSTORABLE, check_number, to_json_value
from headlessly.errors import Conflict, Invalid, NotFound, did_you_mean
from headlessly.log import unique_values
from headlessly.log.events import settled_horizon
from headlessly.log.names import (
    FIELD_ARCHIVED,
    FIELD_CHANGED,
    FIELD_CREATED,
    FIELD_DELETED,
    FIELD_RESTORED,
)
from headlessly.log.security_events import record_security_event
from headlessly.query import paging
from headlessly.query.querystring import RESERVED
from headlessly.shaping import indexing
from headlessly.shaping.changing import changing_shape
from headlessly.shaping.models import (
    INDEXED_TYPES,
    TYPES,
    UNIQUE_TYPES,
    CustomField,
    new_key,
    types_that_keep_values,
)

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: A noun's own field is called ``name`` now instead of ``former``, which it is found by still: for what shows
#: names to be chosen.
field_renamed = Signal()
#: How many fields of its own a tenant may add to one noun, archived ones among them.
MOST_FIELDS = 200
#: How many of them have an index.
MOST_INDEXED = 20
#: How far the place of a field among others may be from the first.
MOST_ORDER = 1_000_000
#: By how many of its former names a field is found.
MOST_NAMES = 20
#: How many options a field has at the most.
MOST_OPTIONS = 200
NAME = re.compile(r"[a-z][A-Za-z0-9]{0,39}\Z")
COLOR = re.compile(r"#[0-9a-fA-F]{6}\Z")
#: What may be said of a field when it is made, and of these what may change later.
SETTABLE = (
    "noun", "name", "type", "label", "help", "options", "to", "required", "unique", "indexed",
    "default", "minimum", "maximum", "group", "order",
)  # fmt: skip
FIXED = ("noun", "to")
#: How many of the values that a type would not take are told.
MOST_TOLD = 5
TEXTS = {"name": 40, "label": 80, "help": 255, "group": 80}
BOUNDED = ("integer", "number", "money")


def list_fields(noun: str | None = None) -> list[CustomField]:
    """The tenant's own fields, of one noun or of all, archived ones too, in their order."""
    found = CustomField.objects.all() if noun is None else CustomField.objects.filter(noun=noun)
    return list(found.order_by("noun", "order", "created_at", "id"))


def find_field(id: str) -> CustomField:
    """One of them by its id, or by noun and name: ``Lead.region``. Raises NotFound."""
    noun, _dot, name = id.partition(".")
    wanted = {"noun": noun, "name": name} if name else {"pk": id}
    found = None if UNSTORABLE.search(id) else CustomField.objects.filter(**wanted).first()
    if found is None:
        raise NotFound(_("There is no field %s.") % id[:64], type="Field", id=id[:64])
    return found


def create_field(values: Mapping[str, Any]) -> CustomField:
    """Add a field: ``noun``, ``type`` and ``label`` or ``name`` have to be said; see :data:`SETTABLE`.

    Raises Invalid naming each value that is wrong, Conflict where there are too many, Forbidden.
    """
    with changing_shape(_("Admins decide which fields there are.")):
        field = CustomField(tenant=tenancy.require())
        given = dict(values)
        if given.get("name") in (None, "") and isinstance(given.get("label"), str):
            given["name"] = name_from_label(given["label"])
        if given.get("label") in (None, "") and isinstance(given.get("name"), str):
            given["label"] = snake_name(given["name"]).replace("_", " ").capitalize()
        _take(field, given)
        there = CustomField.objects.filter(noun=field.noun)
        if there.count() >= MOST_FIELDS:
            raise Conflict(
                _("A noun has %d fields of a tenant's own at the most, archived ones among them.")
                % MOST_FIELDS,
                type="Field",
            )
        if "order" not in given:
            field.order = there.count()
        if field.indexed:
            field.indexed_at = timezone.now()  # there are no values yet
        field.save(force_insert=True)
        record_security_event(FIELD_CREATED, about=field.pk, **describe(field))
    return field


class _OnlyTried(Exception):
    """Ends the transaction of a change that was tried."""


def change_field(
    field: CustomField, values: Mapping[str, Any], *, dry_run: bool = False
) -> CustomField:
    """Change what is said of a field; under its new name it has its old values, and the past too.

    Another ``type`` has to take every value that is there as it is: no record is written. ``dry_run`` tries
    it and changes nothing. Raises Invalid, also for what never changes (:data:`FIXED`), and Forbidden.
    """
    changed = field
    try:
        with changing_shape(_("Admins decide which fields there are.")):
            changed = _change(field, values)
            if dry_run:
                raise _OnlyTried
    except _OnlyTried:
        pass
    return changed


def _change(field: CustomField, values: Mapping[str, Any]) -> CustomField:
    field = _locked(field)
    before, index_key = describe(field), field.index_key
    for name in FIXED:
        if name in values and values[name] == getattr(field, name):
            values = {key: value for key, value in values.items() if key != name}
    was_unique, was_type = field.unique, field.type
    other = values.get("type", was_type)
    if isinstance(other, str) and other in TYPES and other != was_type:
        values = _values_of_other_type(field, values)
    _take(field, values)
    if field.type != was_type:
        _check_survival(field)
        if field.indexed and field.index_key == index_key:  # another type, another order
            field.index_key, field.indexed_at = new_key(), None
    if field.unique != was_unique:
        _keep_unique(field)
    if field.name != before["name"]:
        known = [n for n in (before["name"], *field.former_names) if n != field.name]
        field.former_names = known[:MOST_NAMES]
    field.save()
    if field.index_key != index_key:
        indexing.keep_index(field, former=index_key)
    now = describe(field)
    changed = {name: now[name] for name in now if now[name] != before.get(name)}
    if changed:
        previous = {name: before.get(name) for name in changed}
        record_security_event(FIELD_CHANGED, about=field.pk, previous=previous, **changed)
    if "name" in changed and field.archived_at is None:  # in no form is a name that is archived
        tenancy.renew_shape()
        field_renamed.send(registry[field.noun], former=before["name"], name=field.name)
    return field


def archive_field(field: CustomField) -> CustomField:
    """Take a field out of every surface. Its values stay, and come back with it."""
    with changing_shape(_("Admins decide which fields there are.")):
        field = _locked(field)
        if field.archived_at is None:
            field.archived_at = timezone.now()
            field.save(update_fields=["archived_at", "updated_at"])
            record_security_event(FIELD_ARCHIVED, about=field.pk, noun=field.noun, name=field.name)
    return field


def bring_back_field(field: CustomField) -> CustomField:
    """Make an archived field part of its noun again, with the values that it had."""
    with changing_shape(_("Admins decide which fields there are.")):
        field = _locked(field)
        if field.archived_at is not None:
            field.archived_at = None
            problems: dict[str, str] = {}
            _check_name(field, problems)
            if problems:
                raise Invalid.for_fields(problems, type="Field")
            field.save(update_fields=["archived_at", "updated_at"])
            record_security_event(FIELD_RESTORED, about=field.pk, noun=field.noun, name=field.name)
    return field


def count_values(field: CustomField) -> tuple[int, bool]:
    """In how many records the field has a value, and whether that is all: counting stops at a cap."""
    noun = registry[field.noun]
    return paging.count_records(noun.objects.filter(**{f"{field.column}__isnull": False}))


def delete_field(field: CustomField, confirmed_name: str) -> None:
    """Delete a field for good: its values can be reached no more, in the past neither.

    Raises Invalid unless its name is given, saying how many records would lose a value; and Forbidden.
    """
    with changing_shape(_("Admins decide which fields there are.")):
        field = _locked(field)
        if confirmed_name != field.name:
            count, exact = count_values(field)
            lost = f"{count}{'' if exact else '+'}"
            raise Invalid.for_fields(
                {
                    "name": _(
                        "Give its name, %(name)s, to delete it with its values in %(count)s records."
                    )
                    % {"name": field.name, "count": lost}
                },
                type="Field",
            )
        record_security_event(FIELD_DELETED, about=field.pk, **describe(field))
        if field.unique:
            unique_values.hold_writes()
            unique_values.cease_to_keep(field.key)
        if field.indexed:
            indexing.forget_index.defer(index_key=field.index_key)
        field.delete()


def _values_of_other_type(field: CustomField, values: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the field together with another type; the options of a choice go with it.

    Raises Invalid where the values of the two are kept in different ways.
    """
    possible = types_that_keep_values(field.type)
    if values["type"] not in possible:
        others = ", ".join(each for each in possible if each != field.type)
        raise Invalid.for_fields(
            {
                "type": _("What is %(type)s can become %(others)s.")
                % {"type": field.type, "others": others}
                if others
                else _("What is %s cannot become anything else. Add another field.") % field.type
            },
            type="Field",
        )
    return dict(values) if values["type"] == "choice" else {"options": [], **values}


def _check_survival(field: CustomField) -> None:
    """Raise Invalid where values would not be of the field's new type, telling how many and the first."""
    noun, since = registry[field.noun], settled_horizon()[0]
    _refuse_lost_values(field, unique_values.count_values(noun, field.key))
    unique_values.hold_writes()
    _refuse_lost_values(field, unique_values.count_values(noun, field.key, since))


def _refuse_lost_values(field: CustomField, values: Iterable[tuple[Any, int]]) -> None:
    cleaned = field.as_field_without_default()
    lost, records = 0, 0
    told: list[str] = []
    for value, count in values:
        try:
            kept = held_json(field.column, cleaned.clean(value))[field.key] == value
        except (ValueError, TypeError):
            kept = False
        if not kept:
            lost, records = lost + 1, records + count
            if len(told) < MOST_TOLD:
                told.append(str(value)[:60])
    if lost:
        raise Invalid.for_fields(
            {
                "type": ngettext(
                    "%(lost)d value, in %(records)d records, would not be one: %(told)s.",
                    "%(lost)d values, in %(records)d records, would not be one: %(told)s.",
                    lost,
                )
                % {
                    "lost": lost,
                    "records": records,
                    "told": ", ".join([*told, *("…" for _n in range(lost > len(told)))]),
                }
            },
            type="Field",
        )


def _keep_unique(field: CustomField) -> None:
    """Let the database keep the field unique, or cease to, from the end of the transaction on.

    Raises Invalid naming values that several records have.
    """
    if not field.unique:
        unique_values.hold_writes()
        unique_values.cease_to_keep(field.key)
        return
    noun, since = registry[field.noun], settled_horizon()[0]
    _refuse_doubles(noun, field)
    unique_values.begin_to_keep(noun, field.key)
    unique_values.hold_writes()
    if not unique_values.catch_up(noun, field.key, since):
        _refuse_doubles(noun, field)


def _refuse_doubles(noun: type[Record], field: CustomField) -> None:
    many, doubles = unique_values.find_doubles(noun, field.key)
    if doubles:
        told = "; ".join(
            _("%(value)s in %(count)d (%(records)s)")
            % {
                "value": each.value[:100],
                "count": each.count,
                "records": ", ".join(
                    [*each.records, *("…" for _n in range(each.count > len(each.records)))]
                ),
            }
            for each in doubles
        )
        raise Invalid.for_fields(
            {
                "unique": ngettext(
                    "%(many)d value is in several records: %(told)s.",
                    "%(many)d values are in several records: %(told)s.",
                    many,
                )
                % {"many": many, "told": told + ("; …" if many > len(doubles) else "")}
            },
            type="Field",
        )


def describe(field: CustomField) -> dict[str, Any]:
    """What is said of a field, as programs read it."""
    return {
        "noun": field.noun,
        "name": field.name,
        "type": field.type,
        "label": field.label,
        "help": field.help or None,
        "options": field.options or None,
        "to": field.to or None,
        "required": field.required,
        "unique": field.unique,
        "indexed": field.indexed,
        "default": field.default,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "group": field.group or None,
        "order": field.order,
        "archived": field.archived_at is not None,
    }


def name_from_label(label: str) -> str:
    """``Contract end`` → ``contractEnd``."""
    words = re.findall(r"[A-Za-z0-9]+", in_ascii(label))
    name = "".join(
        w.lower() if n == 0 else w[:1].upper() + w[1:].lower() for n, w in enumerate(words)
    )
    return re.sub(r"\A[0-9]+", "", name)[:40]


#: How letters are written where there are only those of English.
WRITTEN_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "å": "a", "ł": "l", "đ": "d"}
    | {"Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Æ": "Ae", "Ø": "O", "Å": "A", "Ł": "L", "Đ": "D"}
)


def in_ascii(text: str) -> str:
    """``text`` without accents; of what has no letters in English nothing is left."""
    plain = unicodedata.normalize("NFKD", text.translate(WRITTEN_OUT))
    return plain.encode("ascii", "ignore").decode()


def _locked(field: CustomField) -> CustomField:
    """The field as it is now; whoever changes the tenant's shape has the tenant locked."""
    found = CustomField.objects.filter(pk=field.pk).first()
    if found is None:
        raise NotFound(_("There is no field %s.") % field.pk, type="Field", id=field.pk)
    return found


# -- checks -----------------------------------------------------------------------------------------


def _take(field: CustomField, values: Mapping[str, Any]) -> None:
    """Give the field these values. Raises Invalid with one entry for each that is wrong."""
    problems: dict[str, str] = {}
    allowed = SETTABLE if field._state.adding else [n for n in SETTABLE if n not in FIXED]
    for name, value in values.items():
        if name in FIXED and name not in allowed:
            problems[name] = _("This never changes.")
        elif name not in allowed:
            problems[str(name)[:64]] = _("There is no such setting. Settings: %s.") % ", ".join(
                allowed
            ) + did_you_mean(str(name), allowed)
        else:
            _take_one(field, name, value, problems)
    if field.noun not in registry:
        problems.setdefault("noun", _("Use one of %s.") % ", ".join(registry))
    elif field.type not in TYPES:
        problems.setdefault("type", _("Use one of %s.") % ", ".join(TYPES))
    if not problems:
        _check_name(field, problems)
        _check_whole(field, problems)
    if problems:
        raise Invalid.for_fields(problems, type="Field")


def _take_one(field: CustomField, name: str, value: Any, problems: dict[str, str]) -> None:
    if name == "options":
        field.options = _read_options(value, problems)
    elif name in ("required", "unique", "indexed"):
        if not isinstance(value, bool):
            problems[name] = _("This is true or false.")
        elif name != "indexed":
            setattr(field, name, value)
        elif value != field.indexed:
            field.index_key, field.indexed_at = (new_key() if value else ""), None
    elif name in ("minimum", "maximum", "order"):
        try:
            number = None if value is None else check_number(value)
        except (ValueError, TypeError, OverflowError):
            problems[name] = _("This is a number.")
            return
        if name != "order":
            setattr(field, name, None if number is None else float(number))
        elif abs(number or 0) > MOST_ORDER or (number or 0) % 1:
            problems[name] = _("Use a whole number from %(low)s to %(high)s.") % {
                "low": -MOST_ORDER,
                "high": MOST_ORDER,
            }
        else:
            field.order = int(number or 0)
    elif name == "default":
        field.default = value
    else:
        text = "" if value is None else value
        most = TEXTS.get(name, 64)
        if not isinstance(text, str) or UNSTORABLE.search(text) or len(text.strip()) > most:
            problems[name] = _("This is a text of at most %d characters.") % most
        else:
            setattr(field, name, " ".join(text.split()))


def _read_options(value: Any, problems: dict[str, str]) -> list[dict[str, Any]]:
    """Options as texts, or as objects with ``value``, ``label``, ``color`` and ``retired``."""
    if not isinstance(value, list) or len(value) > MOST_OPTIONS:
        problems["options"] = _("Give a list of at most %d options.") % MOST_OPTIONS
        return []
    found: dict[str, dict[str, Any]] = {}
    for each in value:
        option = {"value": each} if isinstance(each, str) else each
        if not isinstance(option, dict) or option.keys() - {"value", "label", "color", "retired"}:
            problems["options"] = _("An option is a text, or has value, label, color and retired.")
            return []
        label: Any = option.get("label") or option.get("value")
        name: Any = option.get("value") or label
        texts = (name, label)
        if not all(map(_is_short_text, texts)):
            problems["options"] = _("An option is a text of 1 to 100 characters.")
            return []
        if ";" in name:
            problems["options"] = _("An option has no semicolon: it stands between several.")
            return []
        if not isinstance(option.get("retired", False), bool):
            problems["options"] = _("An option is retired or not: true or false.")
            return []
        color = option.get("color")
        if color is not None and not (isinstance(color, str) and COLOR.match(color)):
            problems["options"] = _("A colour is like #1f77b4.")
            return []
        name = name.strip()
        if name in found:
            problems["options"] = _("There are two options %s.") % name
            return []
        found[name] = {"value": name, "label": label.strip()}
        found[name] |= {"color": color} if color else {}
        found[name] |= {"retired": True} if option.get("retired") else {}
    return list(found.values())


def _is_short_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= 100 and not UNSTORABLE.search(value)


def _check_name(field: CustomField, problems: dict[str, str]) -> None:
    """A name is camel case, the noun's only one, and no word of the noun's in Python."""
    noun, name = registry[field.noun], field.name
    if not NAME.match(name) or wire_name(snake_name(name)) != name:
        problems["name"] = _(
            "A name is in camel case, like contractEnd: a small letter, then letters and digits."
        )
        return
    declared = {f for c in noun._meta.get_fields() for f in (c.name, getattr(c, "attname", c.name))}
    python = snake_name(name)
    taken = (
        python in declared
        or keyword.iskeyword(python)
        or hasattr(noun, python)
        or f"${name}" in META
        or name in RESERVED
        or name in {"id", "type", "context"}
        or name in noun.schema.relations
    )
    others = CustomField.objects.filter(noun=field.noun).exclude(pk=field.pk)
    former = others.filter(former_names__contains=name).values_list("name", flat=True).first()
    if former is not None:
        problems["name"] = _("%(field)s was called so before, and is found by it.") % {
            "field": former
        }
    elif taken or others.filter(name__iexact=name).exists():
        problems["name"] = _("%(noun)s has %(name)s already.") % {"noun": field.noun, "name": name}


def _check_whole(field: CustomField, problems: dict[str, str]) -> None:
    """What depends on the type."""
    if not field.label:
        problems["label"] = _("This is required.")
    if field.type in ("choice", "choices"):
        if not field.options:
            problems["options"] = _("Give at least one option.")
    elif field.options:
        problems["options"] = _("Only a choice, or choices, have options.")
    if field.type == "reference":
        if field.to not in registry:
            problems["to"] = _("Use one of %s.") % ", ".join(registry)
    elif field.to:
        problems["to"] = _("Only a reference leads to a noun.")
    if field.unique and field.type not in UNIQUE_TYPES:
        problems["unique"] = _("Only these are unique: %s.") % ", ".join(UNIQUE_TYPES)
    elif field.unique and field.default is not None:
        problems["unique"] = _("What has a default is not unique: two new records would have it.")
    if field.indexed:
        _check_indexed(field, problems)
    for name in ("minimum", "maximum"):
        if getattr(field, name) is not None and field.type not in BOUNDED:
            problems[name] = _("Only numbers and amounts have bounds.")
    if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:
        problems["maximum"] = _("This is less than the minimum.")
    if field.default is not None and not problems:
        if field.type == "reference":
            problems["default"] = _("A reference has no default.")
            return
        try:
            cleaned = field.as_field_without_default().clean(field.default)
        except (ValueError, TypeError) as problem:
            problems["default"] = str(problem)
        else:
            field.default = _plain(cleaned)


def _check_indexed(field: CustomField, problems: dict[str, str]) -> None:
    """An index is for what is put in order, and each costs every write of a value."""
    others = CustomField.objects.filter(noun=field.noun).exclude(index_key="").exclude(pk=field.pk)
    if field.type not in INDEXED_TYPES:
        problems["indexed"] = _("Only these have an index: %s.") % ", ".join(INDEXED_TYPES)
    elif others.count() >= MOST_INDEXED:
        problems["indexed"] = (
            _("A noun has %d fields of a tenant's own with an index at the most.") % MOST_INDEXED
        )


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else to_json_value(value)
