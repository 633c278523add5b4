"""Sentences that are stored in English, and translated when somebody reads them.

An example is the reason why a rule did something, which is stored in the record and in the log, where
programs read it as it is. Such a sentence is declared once, as a message with placeholders. The text is
written with it, and recognized by it when people read it: the values of the placeholders are put into the
translation. A text that matches no sentence, such as a reason that somebody typed, stays as it is.
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
#: Separates several sentences in one text.
AND = "; "

_sayings: list[Saying] = []


@dataclass(frozen=True)
class Place:
    """A kind of placeholder: how its value is written, recognized and translated."""

    pattern: str
    write: Callable[[Any], str] = str
    translate: Callable[[str], str] = str


class Saying:
    """A sentence with placeholders, such as ``%(name)s is no member``. They are texts unless declared
    otherwise."""

    def __init__(self, message: str, **places: Place) -> None:
        self.message = message
        self.places = {name: places.get(name, TEXT) for name in PLACE.findall(message)}
        parts = PLACE.split(message)  # texts and names of placeholders alternate
        self._pattern = re.compile(
            "".join(
                f"(?P<{part}>{self.places[part].pattern})" if number % 2 else re.escape(part)
                for number, part in enumerate(parts)
            ),
            re.DOTALL,
        )
        _sayings.append(self)

    def __call__(self, **values: Any) -> str:
        """Returns the sentence as it is stored."""
        return self.message % {name: self.places[name].write(v) for name, v in values.items()}

    def translate(self, text: str) -> str | None:
        """Returns a stored text in the reader's language; None if it is not this sentence."""
        if (found := self._pattern.fullmatch(text)) is None:
            return None
        values = {
            name: self.places[name].translate(text) for name, text in found.groupdict().items()
        }
        return gettext(self.message) % values


def join_sayings(*sentences: str) -> str:
    """Joins several sentences into one text."""
    return AND.join(sentences)


def translate_saying(text: str) -> str:
    """Returns a stored text in the reader's language."""
    for saying in _sayings:
        if (found := saying.translate(text)) is not None:
            return found
    first, separator, rest = text.partition(AND)
    if separator:
        return f"{translate_saying(first)}{AND}{translate_saying(rest)}"
    return text


def translate_problem(text: str) -> str:
    """Returns a stored problem in the reader's language; it may also be a message without placeholders."""
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


#: A text, such as a name, which contains no separator of sentences.
TEXT = Place(rf"(?:(?!{AND}).)+?")
ANYTHING = Place(r".+?")
NUMBER = Place(r"\d+")
#: A day with its weekday, as it is usually read in the week before.
DAY = Place(r"\w+ \(\d{4}-\d\d-\d\d\)", _write_day, _translate_day)
#: A day with the local time of the person it is about.
MOMENT = Place(r"\w+ \(\d{4}-\d\d-\d\d\) \d\d:\d\d", _write_moment, _translate_moment)
#: Other sentences.
SAID = Place(r".+", str, translate_saying)
