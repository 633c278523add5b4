"""vCards: the address books of telephones and mail programs, one card at a time.

A card becomes an object with the headings of a table of people.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from headlessly.declaration.values import group_thousands
from headlessly.transfer.encodings import Text
from headlessly.transfer.rows import LONGEST, Layout, Row, Unreadable

#: The properties of a card that are a single text, and their headings in a table.
TEXTS = {
    "fn": "Full Name", "title": "Job Title", "url": "Website", "note": "Notes", "bday": "Birthday",
    "nickname": "Nickname", "role": "Role in the company", "x-socialprofile": "Social profile",
    "categories": "Labels",
}  # fmt: skip
BEGIN, END = "BEGIN:VCARD", "END:VCARD"
MOBILE, PREFERRED = {"cell", "mobile", "iphone"}, "pref"
#: Properties that say nothing about the person.
NOT_KEPT = {
    "version", "prodid", "n", "uid", "rev", "photo", "logo", "sound", "key", "org", "email", "tel", "adr",
    "label", "x-ablabel", "x-abshowas", "x-abuid",
}  # fmt: skip


def check_cards(file: BinaryIO, encoding: str) -> None:
    """Raise Unreadable for a file without a card."""
    if next(_cards(file, encoding), None) is None:
        raise Unreadable(_("The file has no vCard in it. One begins with BEGIN:VCARD."))


def read_cards(file: BinaryIO, layout: Layout) -> Iterator[Row]:
    """Yields the cards of a file; one that cannot be read does not affect the others."""
    import vobject

    number = 0
    for text in _cards(file, layout.encoding):
        number += 1
        if len(text) >= LONGEST:
            yield Row(
                number,
                text[:200],
                _("A card has %s characters at most.") % group_thousands(LONGEST),
            )
            continue
        if not text.rstrip().upper().endswith(END):
            yield Row(number, text[:10_000], _("This card does not end: END:VCARD is missing."))
            continue
        try:
            card = vobject.readOne(text, ignoreUnreadable=True, allowQP=True)
            yield Row(number, card_as_row(card))
        except Exception as problem:  # whatever a broken card raises
            told = " ".join(str(problem).split())[:200]
            yield Row(number, text[:10_000], _("This card cannot be read: %s") % told)


def _cards(file: BinaryIO, encoding: str) -> Iterator[str]:
    """Yields the text of each card, without pictures."""
    text = Text(file, encoding)
    lines: list[str] = []
    size, skipping = 0, False
    try:
        while line := text.readline(LONGEST):
            name = line.strip().upper()
            if name == BEGIN:
                if _is_begun(lines):
                    yield "".join(lines)
                lines, size = [], 0
            if line[:1] not in " \t":
                skipping = name.startswith(("PHOTO", "LOGO", "SOUND", "KEY"))
            if not skipping and size < LONGEST and (name or not lines):
                lines.append(line if line.endswith(("\n", "\r")) else line + "\n")
                size += len(line)
            if name == END and lines:
                yield "".join(lines)
                lines, size = [], 0
        if _is_begun(lines):
            yield "".join(lines)
    finally:
        text.detach()


def _is_begun(lines: list[str]) -> bool:
    """Whether these lines belong to a card that has not ended."""
    return bool(lines) and lines[0].strip().upper() == BEGIN


def card_as_row(card: Any) -> dict[str, Any]:
    """Returns ``{"First Name": ..., "E-mail 1 - Value": ...}``, with the headings of a table of contacts."""
    found: dict[str, Any] = {}
    if names := card.contents.get("n"):
        found["First Name"], found["Last Name"] = (
            _text(names[0].value.given),
            _text(names[0].value.family),
        )
    if parts := [_text(part) for each in card.contents.get("org", ()) for part in each.value]:
        found["Company"] = parts[0]
        found["Department"] = ", ".join(parts[1:])
    for number, each in enumerate(_preferred(card.contents.get("email", ())), 1):
        found[f"E-mail {number} - Value"] = _text(each.value)
    telephones = {"Phone": 0, "Mobile": 0}
    for each in _preferred(card.contents.get("tel", ())):
        name = "Mobile" if _kinds(each) & MOBILE else "Phone"
        telephones[name] += 1
        count = telephones[name]
        found[name if count == 1 else f"{name} {count}"] = _text(each.value).removeprefix("tel:")
    for address in card.contents.get("adr", ())[:1]:
        value = address.value
        found |= {
            "Street": _text(value.street), "City": _text(value.city), "State": _text(value.region),
            "Postal Code": _text(value.code), "Country": _text(value.country),
        }  # fmt: skip
    for name, lines in card.contents.items():
        if name not in NOT_KEPT:
            heading = TEXTS.get(name, name)
            found[heading] = "\n".join(_text(line.value) for line in lines)
    return {heading: text for heading, text in found.items() if text}


def _kinds(line: Any) -> set[str]:
    """Returns the types of a number or an address: ``{"cell", "pref"}``."""
    said = [*line.params.get("TYPE", ()), *getattr(line, "singletonparams", ())]
    return {word.strip().lower() for each in said for word in each.split(",")}


def _preferred(lines: Any) -> list[Any]:
    """Returns the lines of a property, the preferred one first: ``TYPE=pref``, or the least number in
    ``PREF=``."""
    return sorted(lines, key=lambda line: (PREFERRED not in _kinds(line), *_rank(line)))


def _rank(line: Any) -> tuple[bool, int]:
    said = "".join(line.params.get("PREF", ()))
    return not said, int(said) if said.isdecimal() else 101


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(filter(None, map(_text, value)))
    return str(value or "").strip()
