"""Cells of a table: how people and spreadsheets write numbers, days and flags.

This module converts a cell to the product's own spelling; the field checks whether the value is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from headlessly.declaration.choices import BETWEEN, split_choices
from headlessly.declaration.normalization import normalize_text
from headlessly.declaration.schema import Field
from headlessly.language import wording
from headlessly.transfer import day_cells
from headlessly.transfer.amounts import parse_number
from headlessly.transfer.currency_signs import currencies_of
from headlessly.transfer.notations import COMMA, MARKS, Notation
from headlessly.transfer.rows import is_blank

#: A cell that a spreadsheet would execute, or that looks like a guarded one, gets an apostrophe.
RUNS = "=+-@\t\r"
GUARDED = re.compile(r"'+[=+\-@\t\r]")

YES = {"true", "t", "yes", "y", "1", "on", "x", "ja", "j", "wahr", "✓", "✔"}
NO = {"false", "f", "no", "n", "0", "off", "nein", "falsch"}
#: Words for "nothing" where a field is not text, and error values of spreadsheets.
NOTHING = {
    "n/a", "n.a.", "na", "nan", "-", "--", "–", "—", "none", "null", "nil", "k.a.", "k. a.",
    "keine angabe", "#n/a", "#nv",
}  # fmt: skip
ERRORS = {
    "#n/a",
    "#nv",
    "#ref!",
    "#bezug!",
    "#name?",
    "#value!",
    "#wert!",
    "#div/0!",
    "#null!",
    "#num!",
}
TEXTS_FOR_NOTHING, WORDS_FOR_NOTHING = frozenset(ERRORS), frozenset(NOTHING | ERRORS)
LIKELY = Notation()
#: Additions to a heading or a word: a unit, a currency, a zone, a star for a required column.
ADDITION = re.compile(r"\s*(\([^()]*\)|\[[^\[\]]*\]|\*)\s*\Z")

Read = Callable[[Any], Any]


def guard_cell(text: str) -> str:
    """Returns ``text`` as a cell that no spreadsheet executes."""
    return f"'{text}" if (text[:1] in RUNS and text) or GUARDED.match(text) else text


def unguard_cell(cell: str) -> str:
    """Returns the text of such a cell."""
    return cell[1:] if cell[:1] == "'" and GUARDED.match(cell) else cell


def is_nothing(field: Field | None, cell: Any) -> bool:
    """Whether a cell has no value: it is empty, or has ``n/a`` for a field that is not text."""
    if is_blank(cell):
        return True
    if not isinstance(cell, str) or len(cell) > 16:
        return False
    return cell.strip().lower() in words_for_nothing(field)


def words_for_nothing(field: Field | None) -> frozenset[str]:
    """Returns the words that mean no value for this field; for text, ``-`` is a value."""
    is_text = field is None or (field.type in ("string", "text") and field.normalize is None)
    return TEXTS_FOR_NOTHING if is_text else WORDS_FOR_NOTHING


def cell_reader_of(
    field: Field, notation: Notation = LIKELY, *, utc: bool = False, power: int = 0
) -> Read:
    """Returns the function that converts a cell of this field to a value that the field can check.

    The function raises ValueError for an ambiguous cell, and returns unknown ones unchanged. A time without a
    zone stays so, unless the column says ``utc``; ``power`` is the power of ten of its numbers.
    """
    if field.type == "enum":
        return choice_reader(field)
    if field.type in ("number", "integer", "money"):
        return lambda cell: read_number(cell, notation, field, power)
    if field.type == "date":
        return lambda cell: day_cells.read_day(cell, notation.days)
    if field.type == "datetime":
        return day_cells.moment_reader(notation.days, UTC if utc else None)
    return READERS.get(field.type, _same)


def _same(cell: Any) -> Any:
    return cell


def read_number(
    cell: Any, notation: Notation = LIKELY, field: Field | None = None, power: int = 0
) -> Any:
    """``$1,117.10K`` → ``1117100``. Raises ValueError for an ambiguous amount.

    If both readings are possible and the file does not show which one it uses, a reading that the field does
    not allow is excluded, as is an amount of money with three decimals.
    """
    if notation.fraction and field is not None:
        return _percent_of(cell)
    if power and isinstance(cell, int | float) and not isinstance(cell, bool):
        return round(cell * 10**power, 10)
    if not isinstance(cell, str) or (cell.isdecimal() and not power):
        return cell
    cell = normalize_text(cell)
    if field is not None and field.type == "money" and cell.endswith("%"):
        raise ValueError(_("%s is a share, and no amount.") % cell[:32])
    found = parse_number(cell, power)
    if found is None:
        if field is not None and (power or not _is_float(cell)):
            raise ValueError(_("%s is no number that can be told.") % cell[:32])
        return cell
    if found.comma is None or found.point is None or found.comma == found.point:
        return found.comma if found.point is None else found.point
    likely = found.comma if notation.decimal == COMMA else found.point
    if notation.certain or field is None:
        return likely
    allowed = [each for each in (found.comma, found.point) if _is_allowed(field, each)]
    if len(allowed) == 1:
        return allowed[0]
    if field.type == "money" and MARKS[notation.decimal] in cell:
        raise ValueError(
            _("%(cell)s could be %(one)s or %(other)s: say numbers=comma or numbers=point.")
            % {
                "cell": cell[:32],
                "one": found.comma.rstrip("0").rstrip(".") if "." in found.comma else found.comma,
                "other": found.point.rstrip("0").rstrip(".") if "." in found.point else found.point,
            }
        )
    return likely


def _percent_of(cell: Any) -> Any:
    """``0.9`` → ``90``, for a column with fractions of one."""
    try:
        return round(float(cell.replace(",", ".") if isinstance(cell, str) else cell) * 100, 10)
    except (TypeError, ValueError):
        return cell


def _is_float(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # programs write it so, and nobody else does


def _is_allowed(field: Field, value: str) -> bool:
    try:
        field.clean(value, text=True)
    except ValueError:
        return False
    return True


def read_currency(cell: Any) -> Any:
    """``€``, ``eur`` or ``Euro`` → ``EUR``. Raises ValueError for no currency, and for several possible
    ones."""
    text = normalize_text(str(cell))
    named = currencies_of(text) or currencies_of(text.upper())
    if named is None or named.code is None:
        raise ValueError(_("%s is no currency that can be told.") % text[:32])
    return named.code


def read_flag(cell: Any) -> Any:
    if not isinstance(cell, str):
        return bool(cell) if cell in (0, 1) else cell
    word = cell.strip().lower()
    return True if word in YES else False if word in NO else cell


def choice_reader(field: Field, words: tuple[tuple[str, str], ...] = ()) -> Read:
    """``decision maker`` or ``Entscheider`` → ``DecisionMaker``; ``words`` are further words for its
    values."""
    known = {letters_of(word): value for word, value in words}
    known |= _spoken_choices(field.choices)
    known |= {letters_of(label): value for value, label in (field.value_labels or {}).items()}

    def read(cell: Any) -> Any:
        if isinstance(cell, bool):
            cell = str(cell)
        if not isinstance(cell, str):
            return cell
        found = known.get(letters_of(cell))
        if found is None and (short := ADDITION.sub("", cell)) != cell:
            found = known.get(letters_of(short))  # "Closed Won (Sales Pipeline)"
        return cell if found is None else found

    return read


@lru_cache(1_000)
def _spoken_choices(choices: tuple[str, ...]) -> dict[str, str]:
    """Returns choices by their spelling and by their label in each language, reduced to letters."""
    found: dict[str, str] = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            for value in choices:
                found.setdefault(letters_of(wording.state_label(value)), value)
    return found | {letters_of(value): value for value in choices}


@lru_cache(20_000)
def letters_of(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()


def read_json(cell: Any) -> Any:
    """Returns the JSON in a cell. Raises ValueError."""
    import orjson

    if not isinstance(cell, str):
        return cell
    try:
        return orjson.loads(unguard_cell(cell))
    except ValueError:
        raise ValueError(_("This is no JSON.")) from None


def read_choices(cell: Any) -> Any:
    """``VIP; Partner`` → both of them; also with commas, or in quotes, as others write lists. A JSON list
    stays as it is."""
    if isinstance(cell, str) and unguard_cell(cell).lstrip()[:1] == "[":
        return read_json(cell)
    if isinstance(cell, list):
        return cell
    text = read_text(cell)
    parts = split_choices(text) if BETWEEN in text else text.split(",")
    return [found for part in parts if (found := part.strip().strip('"').strip())]


def read_text(cell: Any) -> str:
    return unguard_cell(cell) if isinstance(cell, str) else as_shown(cell)


def as_shown(cell: Any) -> str:
    """Returns a number or a day of a spreadsheet as the text that it shows."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)


#: A web address as people write it, without its scheme.
BARE_ADDRESS = re.compile(r"[\w-]+(\.[\w-]+)*\.[^\W\d_]{2,}(:\d+)?([/?#]\S*)?\Z")


def read_url(cell: Any) -> str:
    """``acme.com/about`` → ``https://acme.com/about``."""
    text = read_text(cell).strip()
    return f"https://{text}" if BARE_ADDRESS.match(text) else text


#: An email address with a name: ``Ada Chen <ada@x.example>``, ``Ada Chen (ada@x.example)``.
NAMED_ADDRESS = re.compile(r"[^<>()@]*[<(]\s*(?:mailto:)?([^<>()\s]+@[^<>()\s]+)\s*[>)]\s*\Z", re.I)


def read_email(cell: Any) -> str:
    """``Ada Chen <ada@x.example>`` → ``ada@x.example``."""
    text = read_text(cell)
    return found[1] if (found := NAMED_ADDRESS.match(text)) else text


def choices_reader(field: Field) -> Read:
    """``Gold; silver`` → several values, each in the spelling of its list."""
    if not field.choices:
        return read_choices
    read_one = choice_reader(field)
    return lambda cell: [read_one(part) for part in read_choices(cell)]


READERS: dict[str, Read] = {
    "bool": read_flag, "json": read_json, "url": read_url, "email": read_email,
}  # fmt: skip
READERS |= dict.fromkeys(("string", "text"), read_text)
