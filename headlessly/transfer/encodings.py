"""How the text of a file is encoded: found from its bytes, since no file says it.

UTF-8 is what most are, UTF-16 what Windows calls Unicode, and Windows-1252 what a spreadsheet writes in
Western Europe when it is asked for a CSV; Macs and Central Europe have others.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from django.utils.translation import gettext as _

from headlessly.declaration.values import group_thousands
from headlessly.transfer.rows import Unreadable

UTF_8, UTF_16, UTF_16_LE, UTF_16_BE, UTF_32, WINDOWS, WINDOWS_1250, MACINTOSH = (
    "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp1250", "mac_roman"
)  # fmt: skip
#: As people call them.
NAMES = {
    UTF_8: "UTF-8",
    UTF_16: "UTF-16",
    UTF_16_LE: "UTF-16",
    UTF_16_BE: "UTF-16",
    UTF_32: "UTF-32",
    WINDOWS: "Windows-1252",
}
#: What may be said where the bytes do not show it, and how it is read.
ENCODINGS = {
    "utf-8": UTF_8, "utf-16": UTF_16, "windows-1252": WINDOWS, "windows-1250": WINDOWS_1250, "iso-8859-15":
    "iso8859_15", "macintosh": MACINTOSH,
}  # fmt: skip
NAMES |= {WINDOWS_1250: "Windows-1250", "iso8859_15": "ISO-8859-15", MACINTOSH: "Macintosh"}
BLOCK = 1024 * 1024
#: What no text has; a file with these is something else.
NO_TEXT = bytes(n for n in range(32) if n not in b"\t\n\v\f\r\x1a\x1b")


def find_encoding(file: BinaryIO, asked: str | None = None) -> str:
    """The encoding in which the whole file can be read, the one that was ``asked`` for if any.

    Raises Unreadable where there is none.
    """
    if asked is not None:
        _read_through(file, ENCODINGS[asked], asked=True)
        return ENCODINGS[asked]
    file.seek(0)
    start = file.read(4096)
    if start[:4] in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        _read_through(file, UTF_32)
        return UTF_32
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        _read_through(file, UTF_16)
        return UTF_16
    if (guess := _utf_16_without_a_mark(start)) is not None:
        _read_through(file, guess)
        return guess
    problem = _first_problem(file)
    if problem is None:
        return UTF_8
    line, byte, had_others = problem
    # What was good UTF-8 up to here is UTF-8 that was damaged, and nothing else.
    if not had_others and _is_windows(file):
        return _most_likely(file)
    raise Unreadable(
        _(
            "The file is not UTF-8: line %(line)s has the byte %(byte)s. Save it as UTF-8 (in a "
            "spreadsheet: CSV UTF-8)."
        )
        % {"line": group_thousands(line), "byte": f"0x{byte:02x}"}
    )


def _utf_16_without_a_mark(start: bytes) -> str | None:
    """Every other byte of Western text in UTF-16 is zero."""
    half = len(start) // 2
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if half > 3 and odd > half * 0.4 and even < half * 0.05:
        return UTF_16_LE
    if half > 3 and even > half * 0.4 and odd < half * 0.05:
        return UTF_16_BE
    return None


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(BLOCK):
        yield block


def _read_through(file: BinaryIO, encoding: str, *, asked: bool = False) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in _blocks(file):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as problem:
        raise Unreadable(
            (
                _("The file is not %(encoding)s: %(reason)s.")
                if asked
                else _(
                    "The file begins like %(encoding)s, and is none: %(reason)s. Save it as UTF-8."
                )
            )
            % {"encoding": NAMES[encoding], "reason": problem.reason}
        ) from None


def _first_problem(file: BinaryIO) -> tuple[int, int, bool] | None:
    """Where it is no UTF-8: the line, the byte, and whether other letters than ASCII came before it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, had_others = 0, False
    try:
        for block in _blocks(file):
            text = decoder.decode(block)
            had_others = had_others or (
                not text.isascii() and text.strip("\ufeff").isascii() is False
            )
            lines += block.count(b"\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as problem:
        before = problem.object[: problem.start]
        had_others = had_others or not before.isascii()
        return lines + before.count(b"\n") + 1, problem.object[problem.start], had_others
    return None


def _is_windows(file: BinaryIO) -> bool:
    try:
        for block in _blocks(file):
            if block.translate(None, NO_TEXT) != block:
                return False
            block.decode(WINDOWS)
    except UnicodeDecodeError:
        return False
    return True


#: Letters within words as Polish has them in Windows-1250, which no word has in Windows-1252: ``Pawe³``.
POLISH = re.compile(rb"[A-Za-z][\xb3\xb9\xbf][a-z]")
#: Letters of Western languages, which old Macs have elsewhere: there they also end lines with CR alone.
WESTERN = frozenset("äöüÄÖÜßéèêëàâáãåæçíìîïñóòôõøúùûÉÀÇÅÆØ")


def _most_likely(file: BinaryIO) -> str:
    """Which of the encodings with a byte a letter it is: Windows-1252, unless its letters say otherwise."""
    counts, polish = Counter[int](), False
    for block in _blocks(file):
        counts.update(block)
        polish = polish or POLISH.search(block) is not None
    letters = {
        encoding: sum(
            count
            for byte, count in counts.items()
            if byte > 127 and bytes([byte]).decode(encoding, "replace") in WESTERN
        )
        for encoding in (WINDOWS, MACINTOSH)
    }
    if not counts[ord("\n")] and letters[MACINTOSH] > letters[WINDOWS]:
        return MACINTOSH
    return WINDOWS_1250 if polish else WINDOWS


class Text(io.TextIOWrapper):
    """The text of a file that is not ours to close."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        file.seek(0)
        super().__init__(file, encoding=encoding, newline="")


class Recoded(io.RawIOBase):
    """A file in another encoding, as UTF-8 bytes."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self.text = Text(file, encoding)
        self.rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self.rest:
            self.rest = self.text.read(len(buffer) // 4 or 1).encode("utf-8", "replace")
        count = min(len(buffer), len(self.rest))
        buffer[:count] = self.rest[:count]
        self.rest = self.rest[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self.text.detach()
        super().close()


def as_utf_8(file: BinaryIO, encoding: str) -> BinaryIO:
    """The file's text as UTF-8 without a mark, from its start."""
    if encoding != UTF_8:
        return io.BufferedReader(Recoded(file, encoding))
    file.seek(0)
    if file.read(3) != codecs.BOM_UTF8:
        file.seek(0)
    return file
