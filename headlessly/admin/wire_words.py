"""Translates errors about a list of objects into the words of the form in which it was filled in.

Programs read keys, names and values as they send them; the rows of a form have labels instead.
"""

from __future__ import annotations

import re

from headlessly.declaration.fields import Pairs
from headlessly.declaration.schema import Field
from headlessly.language import wording

_NAME = r"[$A-Za-z]\w*(?:\.[\w*]+)*"
_END = r"(?!\w|\.\w)"
#: ``with: dueAt: `` at the beginning, or after "Step 2: "; and names separated by commas.
_PREFIX = re.compile(rf"(?:(?<=^)|(?<=\d: ))(?:{_NAME}: )+")
_LIST = re.compile(rf"(?<![\w.]){_NAME}(?:, {_NAME})+{_END}")
#: The name at the end of the message.
_LAST = re.compile(rf"(?<= ){_NAME}(?=\.\Z)")
#: A name that does not occur in prose: of two parts, or with a capital inside.
_TELLING = re.compile(rf"(?<![\w.])[A-Za-z]+(?:\.[a-z]\w*|[a-z][A-Z]\w*){_END}")


def refusal_in_words(field: Field, message: str) -> str:
    """Returns the message with the names that ``field``'s rows have labels for replaced by these."""
    words = _words(field)
    if not words:
        return message

    def said(name: str) -> str:
        return words.get(name, name)

    if _PREFIX.search(message) is not None:
        message = _LAST.sub(lambda match: said(match[0]), message)
    message = _PREFIX.sub(
        lambda match: "".join(f"{said(part)}: " for part in match[0].split(": ") if part), message
    )
    message = _LIST.sub(lambda match: ", ".join(map(said, match[0].split(", "))), message)
    return _TELLING.sub(lambda match: said(match[0]), message)


def _words(field: Field) -> dict[str, str]:
    """Returns the labels of the field's keys and of their values, by name."""
    found: dict[str, str] = {}
    for key, kind in (field.kinds or {}).items():
        offers = kind.names if isinstance(kind, Pairs) else kind if callable(kind) else None
        if offers is not None:
            found |= {name: str(label) for name, label, *_more in offers()}
        found[key] = wording.json_key_label(key)
    return found
