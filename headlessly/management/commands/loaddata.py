"""`manage.py loaddata`: replaces Django's command, and tells what to use instead."""

from __future__ import annotations

from headlessly.management.commands.dumpdata import Command

__all__ = ["Command"]
