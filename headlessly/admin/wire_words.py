"""What is refused of a list of objects, in the words of the form that it was filled in by.

Programs are told of keys, names and values as they send them; beside the rows of a form stand their labels.
"""

from __future__ import annotations

import re

from headlessly.declaration.fields import Pairs
from headlessly.declaration.schema import Field
from headlessly.language import wording

_NAME = r"[$A-Za-z]\w*(?:\.[\w*]+)*"
_END = r"(?!\w|\.\w)"
#: ``with: dueAt: `` at the beginning, behind "Step 2: " or not; and names with commas between them.
_PREFIX = re.compile(rf"(?:(?<=^)|(?<=\d: ))(?:{_NAME}: )+")
_LIST = re.compile(rf"(?<![\w.]){_NAME}(?:, {_NAME})+{_END}")
#: The one that is needed, at the end.
_LAST = re.compile(rf"(?<= ){_NAME}(?=\.\Z)")
#: A name that no prose has: of two parts, or with a capital within.
_TELLING = re.compile(rf"(?<![\w.])[A-Za-z]+(?:\.[a-z]\w*|[a-z][A-Z]\w*){_END}")


def refusal_in_words(field: Field, message: str) -> str:
    """The message with what the rows of ``field`` call by a label said so."""
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
    """What people call its keys, and what may stand there, by their names."""
    found: dict[str, str] = {}
    for key, kind in (field.kinds or {}).items():
        offers = kind.names if isinstance(kind, Pairs) else kind if callable(kind) else None
        if offers is not None:
            found |= {name: str(label) for name, label, *_more in offers()}
        found[key] = wording.json_key_label(key)
    return found
