"""Every noun by name."""

from __future__ import annotations

from typing import Any

#: Filled by the enrolment of each noun (:mod:`headlessly.nouns`).
registry: dict[str, type[Any]] = {}
