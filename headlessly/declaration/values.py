"""Checks and conversions of values, for every type that a field can have.

``clean`` functions take what a surface received and return what the database stores, or raise ValueError with
a sentence that says what is allowed. With ``text=True`` the value comes from a query string, a form or a CSV
cell, where everything is text; otherwise "80" is not a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.db import models
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from headlessly.context import clock
from headlessly.declaration import choices, normalization, sent_files
from headlessly.errors import did_you_mean
from headlessly.language import numbers, wording

if TYPE_CHECKING:
    from headlessly.declaration.schema import Field

#: PostgreSQL's text cannot contain NUL, and UTF-8 cannot encode half of a surrogate pair.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
JSON_DEPTH = 32
#: The largest number: even the sum of 100,000,000 of them fits into a column.
LARGEST = 1e300
#: The accepted days and moments of ISO 8601. Python would also read a week as its Monday, ``14.05`` as 14:00
#: and a few seconds' fraction, and a zone after a day as its time.
ISO_DAY = r"(?:\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d-\d|\d{4}W\d{3})"
ISO_TIME = r"(?:\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?\s*(?:Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?)"
ISO_DATE, ISO_MOMENT = (
    re.compile(rf"{ISO_DAY}\Z", re.A),
    re.compile(rf"{ISO_DAY}(?:[T ]{ISO_TIME})?\Z", re.A | re.I),
)
#: The default limits of a field with several values: how many, and how long each may be.
MOST_CHOICES, LONGEST_CHOICE = 100, 255
#: The earliest time zone: days begin there this much before UTC.
EAST = timedelta(hours=14)

#: Words for true and false; a checkbox of a browser sends "on".
FLAG_WORDS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(
    ("false", "0", "no", "off"), False
)
#: The types whose values are free text.
TEXT_TYPES = {"string", "text", "email", "url"}

check_email = EmailValidator()
check_url = URLValidator(schemes=["http", "https"])


def required_message() -> str:
    """Returns the error for a missing input."""
    return _("This is required.")


def _normalize_text(field: Field, value: str) -> str:
    if field.type == "text":
        return normalization.normalize_text(value, lines=True)
    return normalization.normalize_line(value)


def clean_string(field: Field, value: Any, text: bool) -> str:
    if not isinstance(value, str):
        raise ValueError(_("This is text: send a string."))
    check_storable(value)
    value = _normalize_text(field, value)
    if value and field.normalize is not None:
        value = field.normalize(value)
    if field.max_length and len(value) > field.max_length:
        raise ValueError(
            _("At most %(most)s characters are allowed, not %(count)s.")
            % {"most": group_thousands(field.max_length), "count": group_thousands(len(value))}
        )
    return value


def normalize_operand(field: Field, value: Any) -> str:
    """Returns text as a filter compares it: in the stored spelling, even if no record could have the
    value."""
    if not isinstance(value, str):
        raise ValueError(_("This is text: compare it with a string."))
    check_storable(value)
    value = _normalize_text(field, value)
    if value and field.normalize is not None:
        with suppress(ValueError):
            value = field.normalize(value)
    return value


def clean_email(field: Field, value: Any, text: bool) -> str:
    value = clean_string(field, value, text)
    if value:
        _validate(check_email, value, _("This is not an email address."))
    return value


def clean_url(field: Field, value: Any, text: bool) -> str:
    if text and isinstance(value, str):
        value = normalization.complete_address(value.strip())
    value = clean_string(field, value, text)
    if value:
        _validate(check_url, value, _("This is not an http or https address."))
    return value


def clean_number(field: Field, value: Any, text: bool) -> float | int:
    return _check_bounds(field, _parse_number(value, text))


def clean_integer(field: Field, value: Any, text: bool) -> int:
    value = _parse_number(value, text)
    if value != int(value):
        raise ValueError(_("This is a whole number."))
    if abs(value) > 2_147_483_647:
        raise ValueError(_("This number is too large."))
    return _check_bounds(field, int(value))


def clean_money(field: Field, value: Any, text: bool) -> Decimal:
    if isinstance(value, str) and text:
        value = _digits(value)
    elif isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(_("This is an amount: send a number."))
    try:
        amount = Decimal(str(value))
        cents = amount.quantize(Decimal("0.01")) if amount.is_finite() else None
    except InvalidOperation:
        cents = None
    if cents is None and text:
        # Probably copied with its currency, which has a field of its own.
        example = numbers.localize_number("1250.50")
        raise ValueError(_("This is no amount: write digits alone, such as %s.") % example)
    if cents is None or abs(cents) >= Decimal(10) ** 13:
        raise ValueError(
            _("This is an amount of at most %s.") % group_thousands(Decimal("9999999999999.99"))
        )
    if cents != amount:
        raise ValueError(_("An amount has at most two decimals."))
    return _check_bounds(field, cents)


def clean_flag(field: Field, value: Any, text: bool) -> bool:
    if text and isinstance(value, str):
        value = FLAG_WORDS.get(value.strip().lower())
    if not isinstance(value, bool):
        raise ValueError(_("This is true or false."))
    return value


def parse_iso_day(text: str) -> date:
    """Returns a day of ISO 8601. Raises ValueError."""
    text = text.strip()
    if ISO_DATE.match(text) is None:
        raise ValueError(text)
    return date.fromisoformat(text)


def parse_iso_moment(text: str) -> datetime:
    """Returns a moment of ISO 8601; for a day, its midnight. Raises ValueError."""
    text = text.strip()
    if ISO_MOMENT.match(text) is None:
        raise ValueError(text)
    return datetime.fromisoformat(text)


def clean_day(field: Field, value: Any, text: bool) -> date:
    """Returns a day of ISO 8601 whose every hour can be stored, in any time zone."""
    if isinstance(value, datetime):
        value = value.date()
    elif isinstance(value, str):
        with suppress(ValueError):
            value = parse_iso_day(value)
    if not isinstance(value, date):
        raise ValueError(_("This is a day like 2026-01-31."))
    if not EARLIEST.date() <= value <= LATEST.date():
        raise ValueError(_("This day is out of range."))
    return value


def clean_moment(field: Field | None, value: Any, text: bool = False) -> datetime:
    """Returns a moment of ISO 8601. Without a time it is midnight; without a zone it is in the reader's,
    which is UTC for programs."""
    if isinstance(value, str):
        value = value.strip()
        if text and "T" in value:
            # The plus of a zone, in an address that was not encoded.
            value = value.replace(" ", "+")
        try:
            value = parse_iso_moment(value)
        except ValueError:
            raise ValueError(_("This is a moment in ISO 8601 like 2026-01-31T09:00:00Z.")) from None
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise ValueError(_("This is a moment in ISO 8601 like 2026-01-31T09:00:00Z."))
    if value.tzinfo is None:
        value = value.replace(tzinfo=timezone.get_current_timezone())
    if not EARLIEST <= value <= LATEST:
        raise ValueError(_("This moment is out of range."))
    if field is not None and field.day_if is not None:
        return value  # it may stand for a day: the one in its own zone
    return value.astimezone(UTC)


def validate_not_in_future(value: date) -> None:
    """Raise ValidationError for a moment in the future, or a day that has not begun anywhere yet.

    For columns that say when something happened.
    """
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(), UTC) - EAST
    if clock.is_in_future(value):
        raise ValidationError(_("This is in the future."))


def clean_choice(field: Field, value: Any, text: bool) -> str:
    if isinstance(value, str) and field.normalize is not None:
        value = field.normalize(value)
    if isinstance(value, str) and value in field.choices:
        return next((key for key, said in field.spoken.items() if said == value), str(value))
    if isinstance(value, str) and value in field.spoken:  # the stored key, such as the former name
        return str(value)
    offered = [choice for choice in field.choices if choice not in field.retired]
    allowed = [wording.state_in_error(choice) for choice in offered]
    near = did_you_mean(value, allowed) if isinstance(value, str) else ""
    raise ValueError(_("Use one of %s.") % ", ".join(allowed) + near)


class UnknownName(str):
    """A name given for a reference that does not identify one record; ``problem`` says why."""

    problem: str

    def __new__(cls, name: str, problem: str) -> UnknownName:
        made = super().__new__(cls, name)
        made.problem = problem
        return made


def clean_reference(field: Field, value: Any, text: bool) -> str:
    """Returns the id of another record, given as an id, as a record, or as the JSON of a record."""
    if isinstance(value, models.Model):
        value = value.pk
    elif isinstance(value, dict) and not text:
        value = value.get("$id")
    if not isinstance(value, str) or not is_storable(value) or len(value) > 64:
        raise ValueError(
            wording.fill(
                _("Send the id of a %(noun)s, like %(prefix)s_fX9bL5nRdK2a."),
                {"noun": field.to, "prefix": field.prefix},
            )
        )
    if isinstance(value, UnknownName):
        raise ValueError(value.problem)
    if not value.startswith(f"{field.prefix}_"):
        raise ValueError(
            _("There is no %(noun)s %(id)s. An id is like %(prefix)s_fX9bL5nRdK2a.")
            % {"noun": field.to, "id": value, "prefix": field.prefix}
        )
    return value


def clean_json(field: Field, value: Any, text: bool) -> Any:
    check_json(value, 0)
    return value if field.normalize is None else field.normalize(value)


def clean_choices(field: Field, value: Any, text: bool) -> list[str] | None:
    """Returns several values, each once, in the given order; in text they are separated by semicolons."""
    if text and isinstance(value, str):
        value = choices.split_choices(value)
    check_json(value, 0)
    found = choices.normalize_choices(
        value,
        most=int(field.maximum or MOST_CHOICES),
        length=field.max_length or LONGEST_CHOICE,
        example=field.example or field.choices[:1] or choices.EXAMPLE,
    )
    for each in found or () if field.choices else ():
        clean_choice(field, each, text)
    return found if field.item is None else _clean_each(field.item, found or ())


def _clean_each(item: Field, found: Iterable[str]) -> list[str] | None:
    """Returns the values as their own field stores them. Raises ValueError with the one that is wrong."""
    cleaned = []
    for each in found:
        try:
            cleaned.append(item.clean(each))
        except ValueError as problem:
            raise ValueError(f"{each[:64]}: {problem}") from None
    return choices.unique_choices(cleaned) or None


CLEANERS: dict[str, Callable[[Any, Any, bool], Any]] = {
    "string": clean_string,
    "text": clean_string,
    "email": clean_email,
    "url": clean_url,
    "number": clean_number,
    "integer": clean_integer,
    "money": clean_money,
    "bool": clean_flag,
    "date": clean_day,
    "datetime": clean_moment,
    "enum": clean_choice,
    "reference": clean_reference,
    "json": clean_json,
    "choices": clean_choices,
    "file": sent_files.clean_file,
}


def to_json_value(value: Any) -> Any:
    """Returns ``value`` for JSON: a Decimal or a whole float becomes a plain number."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def texts_in(value: Any) -> Iterator[str]:
    """Yields every text in a JSON value, at any depth; not the keys of objects."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from texts_in(each)


def is_storable(value: Any) -> bool:
    """Whether a column can hold the value: any except text with characters that none can hold."""
    return not isinstance(value, str) or UNSTORABLE.search(value) is None


def as_storable(text: str, instead: str = "\ufffd") -> str:
    """Returns the text with ``instead`` for each character that no column can hold."""
    return UNSTORABLE.sub(instead, text)


def check_storable(value: str) -> None:
    """Raise ValueError for text that no database column can hold."""
    if UNSTORABLE.search(value):
        raise ValueError(_("Text cannot contain NUL or half of a surrogate pair."))


def group_thousands(value: Any) -> str:
    """Returns a number for a sentence: ``10,000``."""
    return formats.number_format(value, force_grouping=True)


def check_number(value: Any) -> float | int:
    """Returns a finite number that PostgreSQL's types can hold. Raises ValueError or TypeError."""
    if isinstance(value, bool) or not math.isfinite(value) or abs(value) > 2**63 - 1:
        raise ValueError(_("This is no number."))
    return value


def _parse_number(value: Any, text: bool) -> float | int:
    if text and isinstance(value, str):
        try:
            value = float(_digits(value))
        except ValueError:
            raise ValueError(_("This is a number.")) from None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(_("This is a number."))
    try:
        value = float(value)
    except OverflowError:
        raise ValueError(_("This number is too large.")) from None
    if not math.isfinite(value):
        raise ValueError(_("This is a finite number."))
    if abs(value) > LARGEST:
        raise ValueError(_("This number is too large."))
    return value


def _digits(text: str) -> str:
    """Returns ``text`` for Python's number types; empty if it has an underscore, which only Python source
    allows: ``1_000``."""
    return "" if "_" in text else text.strip()


def _check_bounds(field: Field, value: Any) -> Any:
    low, high = field.minimum, field.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        if low is not None and high is not None:
            said = _("Use a number from %(low)s to %(high)s.")
            plain = "f" if isinstance(low, float) and 0 < abs(low) < 0.001 else ""  # not 1e-06
            raise ValueError(said % {"low": format(low, plain), "high": high})
        raise ValueError(
            _("At least %s is needed.") % low if low is not None else _("At most %s.") % high
        )
    return value


def _validate(check: Callable[[Any], None], value: Any, message: str) -> None:
    try:
        check(value)
    except ValidationError:
        raise ValueError(message) from None


def check_json(value: Any, depth: int) -> None:
    if depth > JSON_DEPTH:
        raise ValueError(_("JSON may be nested %d levels deep at the most.") % JSON_DEPTH)
    if isinstance(value, str):
        check_storable(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(_("The keys of a JSON object are strings."))
            check_storable(key)
            check_json(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            check_json(item, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(_("JSON knows no infinity and no NaN."))
    elif value is not None and not isinstance(value, bool | int | float):
        raise ValueError(_("This is not JSON."))
