"""Passwords that are known from breaches: those of a file that the operator has, on this machine.

Django's own list has the 20,000 that are met most often. All that are known, about a thousand million, are
published by Have I Been Pwned as hashes; its downloader (``haveibeenpwned-downloader pwnedpasswords``) makes
one file of them, ordered by hash, which is read here as it is.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

#: A line of the file: the SHA-1 of a password in hexadecimal, and how often it was met.
LINE = re.compile(rb"[0-9A-Fa-f]{40}(:\d+)?\Z")
#: From how many bytes on it is looked for line by line.
FEW = 4_096


class BreachedPasswordsValidator:
    """A password validator of Django's: none that ``BREACHED_PASSWORDS`` lists, where that file is set."""

    def validate(self, password: str, user: object = None) -> None:
        path = settings.BREACHED_PASSWORDS
        if path is not None and is_listed(password, path):
            raise ValidationError(
                _("This password is known from a breach elsewhere: whoever guesses tries it."),
                code="password_breached",
            )

    def get_help_text(self) -> str:
        return _("Your password can’t be one that is known from a breach.")


def is_listed(password: str, path: Path) -> bool:
    """Whether the file, ordered by hash, has the password: some thirty reads, however large it is.

    Raises OSError where it cannot be read: a password that cannot be checked is not taken.
    """
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as file:
        low, high = 0, file.seek(0, os.SEEK_END)
        while high - low > FEW:
            middle = (low + high) // 2
            if _hash_behind(file, middle) < wanted:
                low = middle
            else:
                high = middle
        # The line may begin before the half in which it was looked for, and end behind it.
        file.seek(max(0, low - FEW))
        lines = file.read(high - low + 2 * FEW).split(b"\n")
    return any(line[:40].upper() == wanted for line in lines)


def _hash_behind(file: BinaryIO, place: int) -> bytes:
    """The hash of the first whole line behind a place; at the end of the file one behind all."""
    file.seek(place)
    file.readline()
    return file.readline()[:40].upper() or b"~"


def problem_of_file(path: Path) -> str | None:
    """Why the file is none, in words, or None; its first lines are looked at."""
    try:
        with path.open("rb") as file:
            lines = [line.strip() for line in file.read(FEW).split(b"\n")[:20]]
            lines = [line for line in lines[:-1] or lines if line]
    except OSError as problem:
        return f"{path} cannot be read: {problem.strerror}."
    hashes = [line[:40].upper() for line in lines]
    if not lines or not all(map(LINE.match, lines)):
        return f"{path} has to have lines like 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:3730471."
    if hashes != sorted(hashes):
        return f"{path} has to be ordered by hash."
    return None
