"""The mapping of the last file with the same headings, for the next one.

It is kept with the import that it was used for: an import that was done is what was found to be right.
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
    """A header in short: what a list of refused rows adds to it is no part of it."""
    keys = [heading_key(name) for name in header if name.strip() not in ADDED]
    return hashlib.sha256("\n".join(keys).encode("utf-8", "replace")).hexdigest()[:32]


def last_import(noun: type[Record], header: Sequence[str]) -> Import | None:
    """The last import of a file with these headings into this noun; None where there was none."""
    done = Import.objects.filter(type=noun.__name__, header=header_digest(header), dry_run=False)
    return done.exclude(header="").order_by("-created_at").first()
