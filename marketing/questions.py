"""The questions of a form: its ``fields`` as a marketer declares them, and as the platform checks answers.

``fields`` is a list of ``{name, type, label, required, options}``. Each becomes a field of the platform, so
that an answer is checked like any other input, with an error under its own name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from headlessly.declaration import normalization
from headlessly.declaration.schema import Field
from marketing.question_names import NAME

#: How the platform checks each type.
QUESTION_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string", "max_length": 255},
    "email": {"type": "email", "max_length": 255, "normalize": normalization.normalize_email},
    "number": {"type": "number"},
    "select": {"type": "enum"},
    "textarea": {"type": "text", "max_length": 10_000},
    "checkbox": {"type": "bool"},
    "date": {"type": "date"},
    "url": {"type": "url", "max_length": 2000, "normalize": normalization.complete_address},
    "phone": {
        "type": "string",
        "max_length": 50,
        "normalize": normalization.normalize_phone,
        "validators": (
            RegexValidator(
                r"\A\+?(?:[\s().\/-]*\d){5,20}(?:\s*(?:x|ext\.?)\s*\d{1,6})?\s*\Z",
                gettext_lazy("This is no telephone number: use digits, spaces and + ( ) - . /"),
            ),
        ),
    },
}
#: The labels of the types.
TYPE_LABELS = {
    "text": gettext_lazy("Short text"),
    "email": gettext_lazy("Email"),
    "number": gettext_lazy("Number"),
    "select": gettext_lazy("One of a list"),
    "textarea": gettext_lazy("Long text"),
    "checkbox": gettext_lazy("Yes or no"),
    "date": gettext_lazy("Day"),
    "url": gettext_lazy("Web address"),
    "phone": gettext_lazy("Phone"),
}


class QuestionTypes:
    """The types of questions with their labels."""

    def __iter__(self) -> Iterator[str]:
        return iter(QUESTION_TYPES)

    def offers(self) -> list[tuple[str, str]]:
        return [(name, str(TYPE_LABELS[name])) for name in QUESTION_TYPES]


FIELD_KEYS = ("name", "type", "label", "required", "options")
MOST_FIELDS, MOST_OPTIONS, LONGEST = 50, 100, 255

#: Inputs besides the answers: where the visitor came from, and the page that the form is on.
UTM = tuple(
    f"utm_{word}"
    for word in ("source", "medium", "campaign", "term", "content", "id", "source_platform",
                 "creative_format", "marketing_tactic")
)  # fmt: skip
PAGE = "page"
#: The visitor's id on the website.
VISITOR = "anonymous_id"
#: An input of our page that people do not see. Bots fill it in, and their submission is dropped.
HONEYPOT = "your_fax_number"
#: Names that a question cannot have, as they mean something else in a submission.
RESERVED = {PAGE, VISITOR, "anonymousId", HONEYPOT, "dry_run", "if_match"}


def fields_problems(fields: Any) -> list[str]:
    """Returns everything that is wrong with a form's fields, each with the field's number and name."""
    if not isinstance(fields, list):
        return [_('Send a list of fields, such as [{"name": "email", "type": "email"}].')]
    if len(fields) > MOST_FIELDS:
        return [
            _("A form has %(most)d fields at the most, not %(count)d.")
            % {"most": MOST_FIELDS, "count": len(fields)}
        ]
    found, seen = [], set()
    for number, field in enumerate(fields, 1):
        if not isinstance(field, dict):
            found.append(
                _("Field %(number)d: send an object with %(keys)s.")
                % {"number": number, "keys": ", ".join(FIELD_KEYS)}
            )
            continue
        name = field.get("name")
        where = _("Field %d") % number
        where += f" ({name[:64]})" if isinstance(name, str) else ""
        found += [f"{where}: {problem}" for problem in _field_problems(field)]
        if isinstance(name, str):
            if name.lower() in seen:
                found.append(f"{where}: {_('there is another field of this name.')}")
            seen.add(name.lower())
    return found


def _field_problems(field: Mapping[str, Any]) -> list[str]:
    """Returns what is wrong with one field."""
    found = [
        _("there is no %(key)s here; use %(keys)s.")
        % {"key": repr(key[:64]), "keys": ", ".join(FIELD_KEYS)}
        for key in field
        if key not in FIELD_KEYS
    ]
    name, type = field.get("name"), field.get("type")
    if not isinstance(name, str) or not NAME.match(name):
        found.append(
            _("name is 1 to 64 letters, digits, - and _, and begins with a letter, like company.")
        )
    elif name.lower() in RESERVED or name.lower().startswith("utm_"):
        found.append(_("this name has a meaning of its own in a submission; use another."))
    if not isinstance(type, str) or type not in QUESTION_TYPES:
        found.append(_("type is one of %s.") % ", ".join(QUESTION_TYPES))
    label = field.get("label")
    if label is not None and not _is_line(label):
        found.append(_("label is a text of 1 to %d characters.") % LONGEST)
    if not isinstance(field.get("required", False), bool):
        found.append(_("required is true or false."))
    return found + _option_problems(type, field.get("options"))


def _option_problems(type: Any, options: Any) -> list[str]:
    if type != "select":
        return [] if options in (None, []) else [_("only a select has options.")]
    if not isinstance(options, list) or not 1 <= len(options) <= MOST_OPTIONS:
        return [_("a select needs options: a list of 1 to %d texts.") % MOST_OPTIONS]
    for number, option in enumerate(options, 1):
        if not _is_line(option):
            said = _("option %(number)d is a text of 1 to %(most)d characters.")
            return [said % {"number": number, "most": LONGEST}]
    if len({option.strip() for option in options}) < len(options):
        return [_("two options are the same.")]
    return []


def _is_line(text: Any) -> bool:
    return isinstance(text, str) and len(text.strip()) > 0 and len(text) <= LONGEST


def email_question(fields: Any) -> str | None:
    """Returns the name of the question that identifies the sender: the first of type email."""
    return next((f["name"] for f in fields or () if f["type"] == "email"), None)


def question_label(field: Mapping[str, Any]) -> str:
    """Returns what a visitor reads: the label, else the name as words."""
    return field.get("label") or re.sub(r"[_-]+", " ", field["name"]).capitalize()


def submission_fields(fields: Any) -> dict[str, Field]:
    """Returns what a submission may have: an answer to each question, utm_* and the page."""
    email = email_question(fields)
    found = {
        field["name"]: _field(
            field["name"],
            label=question_label(field),
            required=field.get("required", False) or field["name"] == email,
            **QUESTION_TYPES[field["type"]],
            **_extra_options(field),
        )
        for field in fields or ()
    }
    return found | ATTRIBUTION_FIELDS


def _extra_options(field: Mapping[str, Any]) -> dict[str, Any]:
    if field["type"] == "select":
        return {"choices": tuple(option.strip() for option in field["options"])}
    if field["type"] == "checkbox" and field.get("required"):
        return {"validators": (require_ticked,)}
    return {}


def _field(name: str, **more: Any) -> Field:
    return Field(name=name, wire=name, column=name, **more)


def require_ticked(value: bool) -> None:
    """Check that a required box is ticked."""
    if not value:
        raise ValidationError(_("This is required: tick the box."))


ATTRIBUTION_FIELDS = {name: _field(name, type="string", max_length=LONGEST) for name in UTM} | {
    PAGE: _field(PAGE, type="string", max_length=2000),
    VISITOR: _field(VISITOR, type="string", max_length=LONGEST),
}
