"""Cells of a table: what people and spreadsheets write for a number, a day, a yes.

Here a cell's spelling becomes the product's own; whether the value is allowed is the field's question.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from headlessly.declaration.schema import Field

#: What a spreadsheet would run, and what would be taken for a guarded cell, gets an apostrophe.
RUNS = "=+-@\t\r"
GUARDED = re.compile(r"'+[=+\-@\t\r]")

YES, NO = {"true", "t", "yes", "y", "1", "on", "x"}, {"false", "f", "no", "n", "0", "off"}
MULTIPLES = {"k": 3, "m": 6, "b": 9}
NUMBER = re.compile(
    r"(?P<sign>[+-]?)\s*(?:[A-Z]{3}\s*|[$€£¥₹]\s*)?(?P<minus>-?)"
    r"(?P<digits>\d[\d.,' \u00a0\u202f]*|\.\d+)"
    r"(?P<multiple>[kKmMbB]?)\s*(?:[A-Z]{3}|[$€£¥₹%])?\Z"
)
THOUSANDS = {mark: re.compile(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+\Z") for mark in (",", ".")}
#: Year first, or the month in letters, or with dots: nobody reads these in two ways.
DAYS = (
    "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%B-%Y",
    "%b %d %Y", "%B %d %Y", "%d.%m.%y", "%d-%b-%y",
)  # fmt: skip
TIMES = ("", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f")
SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})(?=\Z|[ T])")


def guarded(text: str) -> str:
    """``text`` as a cell that no spreadsheet runs."""
    return f"'{text}" if (text[:1] in RUNS and text) or GUARDED.match(text) else text


def unguarded(cell: str) -> str:
    """The text behind such a cell."""
    return cell[1:] if cell[:1] == "'" and GUARDED.match(cell) else cell


def reader(field: Field) -> Callable[[Any], Any]:
    """What makes a cell of this field a value that its check understands.

    It raises ValueError for what could mean two things, and leaves alone what it does not know.
    """
    return READERS.get(field.type) or (choice(field) if field.type == "enum" else _same)


def _same(cell: Any) -> Any:
    return cell


@lru_cache(10_000)
def number(cell: Any) -> Any:
    """``$1,117.10K`` → ``1117100``; a comma or a dot is read by where it stands."""
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    negative = text.startswith("(") and text.endswith(")")  # as accountants write it
    match = NUMBER.match(text[1:-1] if negative else text)
    if match is None:
        return cell
    digits = re.sub(r"[' \u00a0\u202f]", "", match["digits"])
    digits = _with_a_point(digits)
    sign = "-" if negative or match["minus"] or match["sign"] == "-" else ""
    return sign + _times(digits, MULTIPLES.get(match["multiple"].lower(), 0))


def _with_a_point(digits: str) -> str:
    """The last mark is the decimal one, unless it can only part thousands."""
    marks = [c for c in digits if c in ",."]
    if len(set(marks)) == 2:
        thousands = marks[0]
        return digits.replace(thousands, "").replace(",", ".")
    if not marks:
        return digits
    mark = marks[0]
    if THOUSANDS[mark].match(digits) and (mark == "," or len(marks) > 1):
        return digits.replace(mark, "")
    return digits.replace(",", ".")


def _times(digits: str, power: int) -> str:
    """``digits`` times ten to the ``power``, in digits: no float comes between."""
    whole, _, rest = digits.partition(".")
    if power:
        rest = rest.ljust(power, "0")
        whole, rest = whole + rest[:power], rest[power:]
    return f"{whole or '0'}.{rest}" if rest else whole or "0"


@lru_cache(10_000)
def moment(cell: Any) -> Any:
    """``15 Apr, 2021 00:03:00`` as a moment, in UTC; ISO 8601 is left to the field."""
    if not isinstance(cell, str):
        return cell
    text = " ".join(cell.replace(",", " ").split())
    if (slashed := SLASHED.match(text)) is not None:
        text = _slashed(cell, slashed, text)
    elif not text or (text[:4].isdigit() and text[4:5] == "-"):
        return cell.strip()
    for day in DAYS:
        for time in TIMES:
            try:
                return datetime.strptime(text, day + time).replace(tzinfo=UTC)
            except ValueError:
                continue
    return text if slashed else cell


def _slashed(cell: str, found: re.Match, text: str) -> str:
    """The day of ``15/04/2021`` or ``04/15/2021``, year first. Raises ValueError for ``04/05/2021``."""
    first, second, year = map(int, found.groups())
    if first <= 12 and second <= 12 and first != second:
        one, other = f"{year}-{second:02}-{first:02}", f"{year}-{first:02}-{second:02}"
        raise ValueError(f"{cell[:32].strip()} could be two days: write {one} or {other}.")
    day, month = (first, second) if first > 12 or first == second else (second, first)
    return f"{year:04}/{month:02}/{day:02}{text[found.end() :].replace('T', ' ')}"


def day(cell: Any) -> Any:
    """The same for a day; a time beside it is left out."""
    found = moment(cell)
    if isinstance(found, str) and len(found) > 10 and found[10] in "T ":
        try:
            return datetime.fromisoformat(found).date()
        except ValueError:
            return found
    return found.date() if isinstance(found, datetime) else found


def flag(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    word = cell.strip().lower()
    return True if word in YES else False if word in NO else cell


def choice(field: Field) -> Callable[[Any], Any]:
    """``decision maker`` → ``DecisionMaker``."""
    known = {_letters(value): value for value in field.choices}

    def read(cell: Any) -> Any:
        return known.get(_letters(cell), cell) if isinstance(cell, str) else cell

    return read


@lru_cache(10_000)
def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()


def json(cell: Any) -> Any:
    """JSON in a cell. Raises ValueError."""
    import orjson

    if not isinstance(cell, str):
        return cell
    try:
        return orjson.loads(unguarded(cell))
    except ValueError:
        raise ValueError("This is no JSON.") from None


READERS: dict[str, Callable[[Any], Any]] = {
    "string": lambda cell: unguarded(cell) if isinstance(cell, str) else plain(cell),
    "number": number,
    "integer": number,
    "money": number,
    "date": day,
    "datetime": moment,
    "bool": flag,
    "json": json,
}
READERS |= dict.fromkeys(("text", "email", "url"), READERS["string"])


def plain(cell: Any) -> str:
    """What a spreadsheet holds as a number or a day, as the text that it shows."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)
