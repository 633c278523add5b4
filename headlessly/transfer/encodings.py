"""Finds the encoding of a file from its bytes, because no file says it.

Most are UTF-8. UTF-16 is what Windows calls Unicode, and Windows-1252 is what a spreadsheet in Western Europe
writes as CSV; Macs, DOS and Central Europe have others.
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

UTF_8, UTF_16, UTF_16_LE, UTF_16_BE, UTF_32, WINDOWS, WINDOWS_1250, MACINTOSH, DOS = (
    "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp1250", "mac_roman", "cp850"
)  # fmt: skip
#: The names that people use.
NAMES = {
    UTF_8: "UTF-8",
    UTF_16: "UTF-16",
    UTF_16_LE: "UTF-16",
    UTF_16_BE: "UTF-16",
    UTF_32: "UTF-32",
    WINDOWS: "Windows-1252",
}
#: The encodings that a user may choose, and their codecs.
ENCODINGS = {
    "utf-8": UTF_8, "utf-16": UTF_16, "windows-1252": WINDOWS, "windows-1250": WINDOWS_1250, "iso-8859-15":
    "iso8859_15", "macintosh": MACINTOSH, "ibm850": DOS,
}  # fmt: skip
NAMES |= {
    WINDOWS_1250: "Windows-1250",
    "iso8859_15": "ISO-8859-15",
    MACINTOSH: "Macintosh",
    DOS: "IBM850",
}
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
BLOCK = 1024 * 1024
#: Bytes that no text contains; a file with these is something else.
NO_TEXT = bytes(n for n in range(32) if n not in b"\t\n\v\f\r\x1a\x1b")


def find_encoding(file: BinaryIO, asked: str | None = None) -> str:
    """Returns an encoding in which the whole file can be read; the one that was ``asked`` for, if any.

    Raises Unreadable if there is none.
    """
    file.seek(0)
    start = file.read(4096)
    if asked is not None:
        encoding = ENCODINGS[asked]
        if encoding == UTF_16 and start[:2] not in UTF_16_MARKS:
            encoding = _utf_16_without_a_mark(start) or UTF_16_LE
        _read_through(file, encoding, asked=True)
        return encoding
    if start[:4] in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        _read_through(file, UTF_32)
        return UTF_32
    if start[:2] in UTF_16_MARKS:
        _read_through(file, UTF_16)
        return UTF_16
    if (guess := _utf_16_without_a_mark(start)) is not None:
        _read_through(file, guess)
        return guess
    problem = _first_problem(file)
    if problem is None:
        return UTF_8
    line, byte, had_others = problem
    # If it was valid UTF-8 with other letters up to here, it is damaged UTF-8 and nothing else.
    if not had_others and (found := _of_a_byte_a_letter(file)) is not None:
        return found
    raise Unreadable(
        _(
            "The file is not UTF-8: line %(line)s has the byte %(byte)s. Save it as UTF-8 (in a "
            "spreadsheet: CSV UTF-8)."
        )
        % {"line": group_thousands(line), "byte": f"0x{byte:02x}"}
    )


def _utf_16_without_a_mark(start: bytes) -> str | None:
    """Returns UTF-16 without a byte order mark, if it is that. Such text has ASCII spaces and punctuation in
    any language, in which always the same one of two bytes is zero. Other text has no zeros."""
    half = len(start) // 2
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if odd > max(half * 0.05, 3) and even < odd / 8:
        return UTF_16_LE
    if even > max(half * 0.05, 3) and odd < even / 8:
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
    except UnicodeError as problem:
        raise Unreadable(
            (
                _("The file is not %(encoding)s: %(reason)s.")
                if asked
                else _(
                    "The file begins like %(encoding)s, and is none: %(reason)s. Save it as UTF-8."
                )
            )
            % {"encoding": NAMES[encoding], "reason": getattr(problem, "reason", problem)}
        ) from None


def _first_problem(file: BinaryIO) -> tuple[int, int, bool] | None:
    """Returns where the file is not UTF-8: the line, the byte, and whether letters outside of ASCII came
    before it."""
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


def _of_a_byte_a_letter(file: BinaryIO) -> str | None:
    """Returns the most likely single-byte encoding, if the file is text."""
    found = _most_likely(file)
    try:
        for block in _blocks(file):
            if block.translate(None, NO_TEXT) != block:
                return None
            block.decode(found)
    except UnicodeDecodeError:
        return None
    return found


#: Polish letters of Windows-1250 within a word, which in Windows-1252 are not letters: ``Pawe³``.
POLISH = re.compile(rb"[A-Za-z][\xb3\xb9\xbf][a-z]")
#: Letters of Western languages, which old Macs and DOS encode differently.
WESTERN = frozenset("äöüÄÖÜßéèêëàâáãåæçíìîïñóòôõøúùûÉÀÇÅÆØ")
#: Bytes within a word, and those that are punctuation there in Windows-1252: don’t, so–called.
WITHIN_A_WORD = re.compile(rb"(?<=[A-Za-z])[\x80-\xff](?=[a-z\x80-\xff])")
SIGNS = frozenset("’‘“”–—…•·\u00ad".encode(WINDOWS)) - frozenset(b"\x94")
#: The small ones of the letters in Windows-1252.
SMALL = frozenset("äöüßéèêëàâáãåæçíìîïñóòôõøúùûšžœýÿð")


def _most_likely(file: BinaryIO) -> str:
    """Returns the most likely single-byte encoding: Windows-1252, unless the letters say otherwise. Macs with
    their own encoding do not end lines with LF."""
    counts, within, polish = Counter[int](), Counter[int](), False
    for block in _blocks(file):
        counts.update(block)
        within.update(sign[0] for sign in WITHIN_A_WORD.findall(block))
        polish = polish or POLISH.search(block) is not None
    may_be_mac = not counts[ord("\n")]
    if may_be_mac and counts[ord("\r")] and _letters(counts, MACINTOSH) > _letters(counts, WINDOWS):
        return MACINTOSH
    if polish:
        return WINDOWS_1250
    likely = (WINDOWS, DOS, MACINTOSH) if may_be_mac else (WINDOWS, DOS)
    return max(likely, key=lambda encoding: _fitting(within, encoding))


def _letters(counts: Counter[int], encoding: str) -> int:
    """Returns how many letters of Western languages these bytes are."""
    return sum(n for byte, n in counts.items() if byte > 127 and _letter(byte, encoding) in WESTERN)


def _fitting(within: Counter[int], encoding: str) -> int:
    """Returns how many more of the bytes within words are small letters than are not."""
    return sum(
        n if _letter(byte, encoding) in SMALL else -n
        for byte, n in within.items()
        if byte not in SIGNS
    )


def _letter(byte: int, encoding: str) -> str:
    return bytes([byte]).decode(encoding, "replace")


class Text(io.TextIOWrapper):
    """The text of a file that the caller closes."""

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
    """Returns the file's text as UTF-8 without a byte order mark, from its start."""
    if encoding != UTF_8:
        return io.BufferedReader(Recoded(file, encoding))
    file.seek(0)
    if file.read(3) != codecs.BOM_UTF8:
        file.seek(0)
    return file
