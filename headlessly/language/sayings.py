"""Sentences that are kept in English, and translated into the language of whoever reads them.

What a rule did has a reason, which stays with the record and in the log: programs read it as it is. A
sentence of that kind is declared once, as a message with places. By it the text is written, and by it the
text is known again where people read: what stands in its places goes into the translation. A text that no
sentence fits, such as a reason that somebody typed, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.utils.formats import date_format, time_format
from django.utils.translation import gettext

PLACE = re.compile(r"%\((\w+)\)s")
#: Several of them in one text.
AND = "; "

_sayings: list[Saying] = []


@dataclass(frozen=True)
class Place:
    """What stands in a place of a sentence: how it is written, known again and translated."""

    pattern: str
    write: Callable[[Any], str] = str
    translate: Callable[[str], str] = str


class Saying:
    """A sentence with places, such as ``%(name)s is no member``. A place is a text unless said otherwise."""

    def __init__(self, message: str, **places: Place) -> None:
        self.message = message
        self.places = {name: places.get(name, TEXT) for name in PLACE.findall(message)}
        parts = PLACE.split(message)  # what stands between the places, and their names
        self._pattern = re.compile(
            "".join(
                f"(?P<{part}>{self.places[part].pattern})" if number % 2 else re.escape(part)
                for number, part in enumerate(parts)
            ),
            re.DOTALL,
        )
        _sayings.append(self)

    def __call__(self, **values: Any) -> str:
        """The sentence as it is kept."""
        return self.message % {name: self.places[name].write(v) for name, v in values.items()}

    def translate(self, text: str) -> str | None:
        """A kept text in the reader's language; None where it is not this sentence."""
        if (found := self._pattern.fullmatch(text)) is None:
            return None
        values = {
            name: self.places[name].translate(text) for name, text in found.groupdict().items()
        }
        return gettext(self.message) % values


def join_sayings(*sentences: str) -> str:
    """Several sentences as one text."""
    return AND.join(sentences)


def translate_saying(text: str) -> str:
    """A kept text in the reader's language."""
    for saying in _sayings:
        if (found := saying.translate(text)) is not None:
            return found
    first, separator, rest = text.partition(AND)
    if separator:
        return f"{translate_saying(first)}{AND}{translate_saying(rest)}"
    return text


def translate_problem(text: str) -> str:
    """The same of what went wrong: also what the product says of it in one sentence without places."""
    translated = translate_saying(text)
    return gettext(text) if translated == text and text else translated


def _write_day(day: date) -> str:
    return f"{day:%A} ({day})"


def _translate_day(text: str) -> str:
    day = date.fromisoformat(text[-11:-1])
    return f"{date_format(day, 'l')}, {date_format(day, 'DATE_FORMAT')}"


def _write_moment(moment: datetime) -> str:
    return f"{_write_day(moment.date())} {moment:%H:%M}"


def _translate_moment(text: str) -> str:
    day, _space, at = text.rpartition(" ")
    return f"{_translate_day(day)}, {time_format(time.fromisoformat(at), 'TIME_FORMAT')}"


#: A text, such as a name, in which no other sentence begins.
TEXT = Place(rf"(?:(?!{AND}).)+?")
ANYTHING = Place(r".+?")
NUMBER = Place(r"\d+")
#: A day with its weekday, since one reads of it in the week before it.
DAY = Place(r"\w+ \(\d{4}-\d\d-\d\d\)", _write_day, _translate_day)
#: A moment of such a day, by the wall of whoever it is about.
MOMENT = Place(r"\w+ \(\d{4}-\d\d-\d\d\) \d\d:\d\d", _write_moment, _translate_moment)
#: Other sentences.
SAID = Place(r".+", str, translate_saying)
