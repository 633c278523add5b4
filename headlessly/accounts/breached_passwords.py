"""Refuses passwords that are known from breaches, by a file that the operator keeps on the server.

Django's own list has the 20,000 most frequent ones. All known ones, about a thousand million, are
published by Have I Been Pwned as hashes; its downloader (``haveibeenpwned-downloader pwnedpasswords``)
makes one file of them, ordered by hash, which is read here as it is.
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

#: A line of the file: the SHA-1 of a password in hexadecimal, and how often it was found.
LINE = re.compile(rb"[0-9A-Fa-f]{40}(:\d+)?\Z")
#: Within how many bytes the search reads line by line.
FEW = 4_096


class BreachedPasswordsValidator:
    """A password validator that refuses every password in the file ``BREACHED_PASSWORDS``, if that is set."""

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
    """Whether the file, ordered by hash, has the password. Takes some thirty reads, however large it is.

    Raises OSError if it cannot be read: a password that cannot be checked is not accepted.
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
        # The line may begin before the last range, and end after it.
        file.seek(max(0, low - FEW))
        lines = file.read(high - low + 2 * FEW).split(b"\n")
    return any(line[:40].upper() == wanted for line in lines)


def _hash_behind(file: BinaryIO, place: int) -> bytes:
    """Returns the hash of the first whole line after a position; at the end of the file a text after all
    hashes."""
    file.seek(place)
    file.readline()
    return file.readline()[:40].upper() or b"~"


def problem_of_file(path: Path) -> str | None:
    """Returns what is wrong with the file, judging by its first lines, or None."""
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
