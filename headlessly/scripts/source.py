"""Prepares the text of a script: replaces ``$`` by a name, and reports mistakes with their place.

Only code is searched, never strings and comments. Line numbers stay the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from headlessly.declaration.schema import META
from headlessly.errors import BadRequest
from headlessly.scripts import effects, paths
from headlessly.scripts.failures import LimitExceeded, ScriptError, ScriptFailed

#: The name that replaces ``$``.
DOLLAR = "_nouns"

STRING_PREFIXES = frozenset(["r", "b", "u", "f", "t", "rb", "br", "fr", "rf", "tr", "rt"])
STRING = re.compile(r"(?P<prefix>\b[A-Za-z]{1,2})?(?P<quote>'''|\"\"\"|'|\")")
IMPORT = re.compile(r"(?<![\w.])import(?!\w)")
META_NAMES = {name: name[1:] for name in META}


class Piece(NamedTuple):
    """A part of the script; ``inner`` is code within an f-string."""

    text: str
    start: int
    is_code: bool
    inner: bool = False


def prepare(code: str, longest: int) -> str:
    """Returns the script for the interpreter.

    Raises BadRequest if it is no text, LimitExceeded if it is too long, and ScriptFailed, with the line, for
    what is not available.
    """
    if not isinstance(code, str) or not code.strip():
        raise BadRequest("code: send a script, for example Lead.count().", field="code")
    if len(code) > longest:
        raise LimitExceeded(
            "code", longest, f"A script has at most {longest:,} characters, not {len(code):,}."
        )
    try:
        code.encode()
    except UnicodeEncodeError:
        raise BadRequest("code: this is no valid Unicode text.", field="code") from None
    text = "".join(
        _rewrite(piece, code) if piece.is_code else piece.text for piece in split_code(code)
    )
    pieces = list(split_code(text))
    if (found := effects.find_without_effect(text, _mask(pieces, inner=False))) is not None:
        raise _mistake_at(text, found.at, found.message)
    return paths.rewrite_paths(text, _mask(pieces))


def _mask(pieces: Iterable[Piece], *, inner: bool = True) -> str:
    """Returns the code with quotes for strings and spaces for comments; without ``inner`` also quotes for
    expressions in f-strings."""
    return "".join(
        piece.text
        if piece.is_code and (inner or not piece.inner)
        else re.sub(r"[^\n]", " " if piece.text.startswith("#") else '"', piece.text)
        for piece in pieces
    )


def _rewrite(piece: Piece, code: str) -> str:
    if found := IMPORT.search(piece.text):
        raise _mistake_at(
            code,
            piece.start + found.start(),
            "Imports are not available. The nouns are there already, and so are date, datetime, "
            "timedelta, timezone, json and math.",
        )
    text = re.sub(
        r"\.\$(\w+)", lambda m: "." + META_NAMES.get("$" + m[1], m[1]), piece.text, flags=re.ASCII
    )
    return re.sub(r"(?<![\w$.])\$(?=\s*\.)", DOLLAR, text)


def _mistake_at(code: str, at: int, message: str) -> ScriptFailed:
    line = code.count("\n", 0, at) + 1
    return ScriptFailed(ScriptError(message), line=line, source=line_text(code, line))


def line_text(code: str, line: int | None) -> str:
    """Returns the text of one line, shortened."""
    lines = code.split("\n")
    return lines[line - 1].strip()[:200] if line and line <= len(lines) else ""


def split_code(code: str) -> Iterator[Piece]:
    """Yields the script in parts of code, strings and comments, in order and without gaps.

    Code within the braces of an f-string is code. What is not closed goes on to the end, because the
    interpreter will report it.
    """
    at = start = 0
    #: What we are inside of: the text of an f-string (quote, raw), or the number of open brackets in its
    #: braces.
    inside: list[tuple[str, bool] | int] = []

    def piece(end: int, is_code: bool) -> Iterator[Piece]:
        nonlocal start
        if end > start:
            yield Piece(code[start:end], start, is_code, inner=bool(inside))
        start = end

    while at < len(code):
        here = inside[-1] if inside else None
        char = code[at]
        if isinstance(here, tuple):  # the text of an f-string
            quote, raw = here
            if code.startswith(quote, at):
                at += len(quote)
                inside.pop()
                yield from piece(at, False)
            elif char == "\n" and len(quote) == 1:
                inside.pop()
                yield from piece(at, False)
            elif char == "{" and code.startswith("{{", at):
                at += 2
            elif char == "{":
                at += 1
                yield from piece(at, False)
                inside.append(0)
            else:
                at += 2 if char == "\\" and not raw else 1
        elif char == "#":
            yield from piece(at, True)
            end = code.find("\n", at)
            at = len(code) if end < 0 else end
            yield from piece(at, False)
        elif (opening := STRING.match(code, at)) and _is_prefix(opening["prefix"]):
            yield from piece(at, True)
            prefix, quote = (opening["prefix"] or "").lower(), opening["quote"]
            at = opening.end()
            if "f" in prefix or "t" in prefix:
                yield from piece(at, False)
                inside.append((quote, "r" in prefix))
            else:
                at = _end_of_string(code, at, quote)
                yield from piece(at, False)
        elif here is not None and char in "([{":
            inside[-1] = here + 1
            at += 1
        elif here is not None and char in ")]}":
            if here == 0:
                yield from piece(at, True)
                inside.pop()
            else:
                inside[-1] = here - 1
            at += 1
        else:
            # Skip a name as a whole, so that its end is not taken for the prefix of a string.
            word = re.compile(r"\w+").match(code, at)
            at = word.end() if word else at + 1
    yield from piece(at, not isinstance(inside[-1] if inside else None, tuple))


def _is_prefix(prefix: str | None) -> bool:
    return prefix is None or prefix.lower() in STRING_PREFIXES


def _end_of_string(code: str, at: int, quote: str) -> int:
    """Returns where a plain string ends; an escaped quote does not end it, even in a raw string."""
    while at < len(code):
        if code.startswith(quote, at):
            return at + len(quote)
        if code[at] == "\n" and len(quote) == 1:
            return at
        at += 2 if code[at] == "\\" else 1
    return len(code)
