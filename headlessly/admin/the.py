"""The site whose pages these are, for those who draw one (better handed in)."""

from __future__ import annotations

from typing import Any

site: Any = None
