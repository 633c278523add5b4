"""Every noun by name."""

from __future__ import annotations

from typing import Any

#: Filled by the enrolment of each noun (:mod:`headlessly.nouns`); who is above takes them for nouns, who
#: is below for records.
registry: dict[str, Any] = {}
