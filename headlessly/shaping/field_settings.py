"""The settings of a tenant's own field, and their validation."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from headlessly.declaration.registry import registry
from headlessly.declaration.schema import META, snake_name, wire_name
from headlessly.declaration.values import check_number, is_storable, to_json_value
from headlessly.errors import Invalid, did_you_mean
from headlessly.query.querystring import RESERVED
from headlessly.shaping.models import INDEXED_TYPES, TYPES, UNIQUE_TYPES, CustomField, new_key

#: How many of a tenant's own fields of a noun may have an index.
MOST_INDEXED = 20
#: The largest distance of a field's position from the first.
MOST_ORDER = 1_000_000
#: How many options a field may have.
MOST_OPTIONS = 200
NAME = re.compile(r"[a-z][A-Za-z0-9]{0,39}\Z")
COLOR = re.compile(r"#[0-9a-fA-F]{6}\Z")
#: The settings of a new field, and those of them that can never change.
SETTABLE = (
    "noun", "name", "type", "label", "help", "options", "to", "required", "unique", "indexed",
    "default", "minimum", "maximum", "group", "order",
)  # fmt: skip
FIXED = ("noun", "to")
TEXTS = {"name": 40, "label": 80, "help": 255, "group": 80}
BOUNDED = ("integer", "number", "money")


def name_from_label(label: str) -> str:
    """Returns a name made from a label: ``Contract end`` → ``contractEnd``."""
    words = re.findall(r"[A-Za-z0-9]+", in_ascii(label))
    name = "".join(
        w.lower() if n == 0 else w[:1].upper() + w[1:].lower() for n, w in enumerate(words)
    )
    return re.sub(r"\A[0-9]+", "", name)[:40]


#: How letters are written in plain English letters.
WRITTEN_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "å": "a", "ł": "l", "đ": "d"}
    | {"Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Æ": "Ae", "Ø": "O", "Å": "A", "Ł": "L", "Đ": "D"}
)


def in_ascii(text: str) -> str:
    """Returns ``text`` without accents. Letters without an equivalent in English are dropped."""
    plain = unicodedata.normalize("NFKD", text.translate(WRITTEN_OUT))
    return plain.encode("ascii", "ignore").decode()


def take_settings(field: CustomField, values: Mapping[str, Any]) -> None:
    """Sets these values. Raises Invalid with an error for each wrong one."""
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
        check_name(field, problems)
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
        if not isinstance(text, str) or not is_storable(text) or len(text.strip()) > most:
            problems[name] = _("This is a text of at most %d characters.") % most
        else:
            setattr(field, name, " ".join(text.split()))


def _read_options(value: Any, problems: dict[str, str]) -> list[dict[str, Any]]:
    """Reads options, which are texts, or objects with ``value``, ``label``, ``color`` and ``retired``."""
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
    return isinstance(value, str) and 0 < len(value.strip()) <= 100 and is_storable(value)


def check_name(field: CustomField, problems: dict[str, str]) -> None:
    """Checks that a name is in camel case, unique in the noun, and no other name of the noun in Python."""
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
    """Checks settings that depend on the type."""
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
    """Checks that the field may have an index: its type can be sorted, and there are few, because each
    costs time on every write."""
    others = CustomField.objects.filter(noun=field.noun).exclude(index_key="").exclude(pk=field.pk)
    if field.type not in INDEXED_TYPES:
        problems["indexed"] = _("Only these have an index: %s.") % ", ".join(INDEXED_TYPES)
    elif others.count() >= MOST_INDEXED:
        problems["indexed"] = (
            _("A noun has %d fields of a tenant's own with an index at the most.") % MOST_INDEXED
        )


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else to_json_value(value)
