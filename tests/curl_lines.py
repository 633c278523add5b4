"""Parses command lines of curl."""

from __future__ import annotations

import shlex
from typing import NamedTuple


class CurlLine(NamedTuple):
    method: str
    url: str
    headers: dict[str, str]
    body: str

    @classmethod
    def read(cls, line: str) -> CurlLine:
        """Parses a line that has no other options than ``-X``, ``-H`` and ``-d``."""
        words = shlex.split(line)
        assert words.pop(0) == "curl"
        method, headers, body, url = "GET", {}, "", ""
        while words:
            match words.pop(0):
                case "-X":
                    method = words.pop(0)
                case "-H":
                    name, _, value = words.pop(0).partition(": ")
                    headers[name] = value
                case "-d":
                    body = words.pop(0)
                case word:
                    url = word
        return cls(method, url, headers, body)
