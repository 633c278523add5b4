"""Reuses the mapping of the last file with the same headings.

The mapping is stored with its import, and only completed imports count, because their mapping was right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from headlessly.transfer.headings import ADDED
from headlessly.transfer.mapping import heading_key
from headlessly.transfer.models import Import

if TYPE_CHECKING:
    from headlessly.declaration.record import Record


def header_digest(header: Sequence[str]) -> str:
    """Returns a hash of a header, without the columns that a list of refused rows adds."""
    keys = [heading_key(name) for name in header if name.strip() not in ADDED]
    return hashlib.sha256("\n".join(keys).encode("utf-8", "replace")).hexdigest()[:32]


def last_import(noun: type[Record], header: Sequence[str]) -> Import | None:
    """Returns the last import of a file with these headings into this noun, or None."""
    done = Import.objects.filter(type=noun.__name__, header=header_digest(header), dry_run=False)
    return done.exclude(header="").order_by("-created_at").first()
