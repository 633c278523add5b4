"""Reads objects: an array of them, one on each line, or the single one that a webhook sends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO, TypeVar

import ijson
import orjson
from django.utils.translation import gettext as _

from headlessly.declaration.values import group_thousands
from headlessly.transfer.encodings import as_utf_8
from headlessly.transfer.rows import LONGEST, Layout, Row, Unreadable

#: The maximum depth of nested objects and arrays.
MOST_NESTED = 64


def first_character(file: BinaryIO, encoding: str) -> bytes:
    """Returns the first byte of the text that is no space."""
    text = as_utf_8(file, encoding)
    while block := text.read(4096):
        if found := block.lstrip():
            return found[:1]
    return b""


def read_single(file: BinaryIO, encoding: str) -> Any:
    """Returns the file as one JSON value. Raises Unreadable."""
    text = as_utf_8(file, encoding).read(LONGEST)
    if len(text) >= LONGEST:
        raise Unreadable(_("One object has 1 MB at most. Send an array, or one object a line."))
    try:
        return orjson.loads(text)
    except ValueError as problem:
        raise Unreadable(_("The file is not valid JSON: %s.") % problem) from None


def find_rows(content: Any, count_known: Callable[[Iterable[str]], int]) -> str | None:
    """Returns the name under which an object has its rows, ``{"data": [{...}, ...], "total": 2}``; None if it
    is a row itself."""
    if not isinstance(content, dict) or count_known(content):
        return None
    lists = [
        name
        for name, value in content.items()
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value)
        if not _questions_and_answers(value)
    ]
    rows = [name for name in lists if count_known(set().union(*content[name]))]
    return rows[0] if len(rows) == 1 else None


def read_array(file: BinaryIO, layout: Layout) -> Iterator[Row]:
    if layout.single:
        found = read_single(file, layout.encoding)
        items = [found] if layout.within is None else found[layout.within]
        yield from (_as_row(number, item) for number, item in enumerate(items, 1))
        return
    number = 0
    try:
        text = as_utf_8(file, layout.encoding)
        for number, item in enumerate(_items(text), 1):
            yield _as_row(number, item)
    except (ijson.JSONError, ValueError, OverflowError, RecursionError) as problem:
        told = " ".join(str(problem).split())[:200]
        raise Unreadable(
            _("After row %(row)s this is not valid JSON: %(problem)s")
            % {"row": group_thousands(number), "problem": told}
        ) from None


def _items(text: BinaryIO) -> Iterator[Any]:
    """Yields the items of an array, one at a time. Raises ValueError for one that is too deep or too large,
    before it is in memory."""
    builder, depth, size = ijson.common.ObjectBuilder(), 0, 0
    for event, value in ijson.basic_parse(text, use_float=True):
        if event in ("start_map", "start_array"):
            depth += 1
            if depth > MOST_NESTED:
                raise ValueError(f"objects lie more than {MOST_NESTED} deep in each other")
            if depth == 1:
                continue
        elif event in ("end_map", "end_array"):
            depth -= 1
            if depth == 0:
                continue  # nothing follows, or it is not JSON
        size += len(value) + 2 if isinstance(value, str) else 2
        if size > LONGEST:
            raise ValueError(f"an object has more than {LONGEST:,} characters")
        builder.event(event, value)
        if depth == 1:
            yield builder.value
            builder, size = ijson.common.ObjectBuilder(), 0


def read_lines(file: BinaryIO, layout: Layout) -> Iterator[Row]:
    number = 0
    for line in _byte_lines(as_utf_8(file, layout.encoding)):
        text = line.strip()
        if not text:
            continue
        number += 1
        if len(line) >= LONGEST:
            yield Row(
                number,
                _decoded(line),
                _("This line has more than %s bytes.") % group_thousands(LONGEST),
            )
            continue
        try:
            item = orjson.loads(text)
        except ValueError as problem:
            yield Row(number, _decoded(line), _("This is not valid JSON: %s.") % problem)
            continue
        yield _as_row(number, item)


def _byte_lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LONGEST):
        yield line
        while len(line) >= LONGEST and not line.endswith(b"\n"):
            line = file.readline(LONGEST)


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")


def _as_row(number: int, item: Any) -> Row:
    if isinstance(item, dict):
        return Row(number, item)
    return Row(number, item, _("This is no object."))


# -- objects within objects -----------------------------------------------------------------------------

#: The maximum depth at which names are searched.
DEEPEST = 6
#: The names of questions and answers in lists of these.
QUESTIONS = ("question", "ref", "name", "label", "title", "key")
ANSWERS = ("answer", "value", "values")

Known = TypeVar("Known")


def named_values(
    content: Mapping[str, Any], find: Callable[[str, str], Known | None]
) -> Iterator[tuple[str, Any, Known | None]]:
    """Yields the values of an object with their paths, and what ``find`` returns for their name and path; the
    outermost first.

    Unknown values with something in them are searched further: objects, and the questions and answers in
    webhooks of forms (``[{"question": ..., "answer": ...}]``).
    """
    level: list[tuple[str, str, Any]] = [("", name, value) for name, value in content.items()]
    for _depth in range(DEEPEST):
        deeper: list[tuple[str, str, Any]] = []
        for above, name, value in level:
            path = f"{above}{name}"
            known = find(name, path)
            if known is not None and isinstance(value, dict) and set(value) & {"value"}:
                value = value["value"]
            if known is not None or value in (None, "", [], {}):
                if known is not None:
                    yield path, value, known
            elif isinstance(value, dict):
                deeper += [(f"{path}.", each, item) for each, item in value.items()]
            elif pairs := _questions_and_answers(value):
                deeper += [(f"{path}.", each, item) for each, item in pairs]
            else:
                yield path, value, None
        level = deeper
    for above, name, value in level:
        yield f"{above}{name}", value, None


def _questions_and_answers(value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return []
    found = []
    for each in value:
        about = each.get("field") if isinstance(each.get("field"), dict) else each
        name = next((about[q] for q in QUESTIONS if isinstance(about.get(q), str)), None)
        kind = each.get("type")
        answer = each.get(kind) if isinstance(kind, str) and kind in each else None
        if answer is None:
            answer = next((each[a] for a in ANSWERS if a in each), None)
        if isinstance(answer, dict):
            answer = answer.get("label") or answer.get("labels") or answer.get("other")
        if isinstance(answer, list):
            answer = ", ".join(map(str, answer))
        if name is not None and answer is not None:
            found.append((name, answer))
    return found
