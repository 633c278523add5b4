"""`manage.py loaddata`, which Django has: here it says what to use instead."""

from __future__ import annotations

from headlessly.management.commands.dumpdata import Command

__all__ = ["Command"]
