"""Checks that the past in question is still in the database: older parts may have been moved to files.

An operator moves old months of the log and of the versions to files (:mod:`headlessly.copies.log_archive`). A
question about that time is refused, because an empty answer would look as if nothing had happened.
"""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from headlessly.access import tenancy
from headlessly.errors import InvalidFilter
from headlessly.log.events import LogPosition


def refuse_before_kept(moment: datetime | None, field: str) -> None:
    """Raise InvalidFilter if the past at ``moment`` is in files."""
    begins = tenancy.require().past_begins
    if begins is not None and moment is not None and moment < begins:
        raise InvalidFilter(_told(begins), field=field, code="archived")


def refuse_cursor_before_kept(cursor: LogPosition | None) -> None:
    """Raise InvalidFilter if events after ``cursor`` are in files, because the answer would skip them."""
    tenant = tenancy.require()
    if cursor is None or tenant.past_begins is None or not tenant.archived_to:
        return
    if cursor < LogPosition.parse(tenant.archived_to):
        raise InvalidFilter(_told(tenant.past_begins), field="cursor", code="archived")


def _told(begins: datetime) -> str:
    return _(
        "What was before %(day)s has been taken out to files. Ask for a later moment, or ask whoever runs "
        "this installation to bring it back."
    ) % {"day": begins.date().isoformat()}
