"""Stores and reads the content of files."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.utils.translation import gettext as _

from headlessly.access import tenancy
from headlessly.database.prepared import execute_prepared
from headlessly.errors import Conflict

#: The size of a part in bytes; only the last one is smaller.
PART = MEGABYTE = 1024 * 1024

KEEP = """
INSERT INTO headlessly_contentpart (tenant_id, sha256, number, content) VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING RETURNING true"""
#: There is one row per tenant, so concurrent uploads of a tenant wait for each other here.
COUNT = """
INSERT INTO headlessly_contentuse AS u (tenant_id, bytes) VALUES (%s, %s)
ON CONFLICT (tenant_id) DO UPDATE SET bytes = u.bytes + excluded.bytes RETURNING bytes"""
READ = """
SELECT content FROM headlessly_contentpart WHERE tenant_id = %s AND sha256 = %s ORDER BY number"""


def keep_content(content: bytes) -> str:
    """Store a content for the active tenant in the running transaction. Returns its SHA-256 in hexadecimal.

    It is never deleted: a record may be restored with its file, and its past refers to files that were
    replaced. Raises Conflict if the files of the tenant exceed its quota.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    tenant, known = tenancy.require().pk, 0
    # Counted first: whoever waits here holds no part that another waits for.
    ((kept,),) = execute_prepared(COUNT, [tenant, len(content)])
    for number, start in enumerate(range(0, len(content), PART)):
        part = content[start : start + PART]
        if not execute_prepared(KEEP, [tenant, sha256, number, part]):
            known += len(part)
    if known:
        ((kept,),) = execute_prepared(COUNT, [tenant, -known])
    if known < len(content):
        _refuse_over_quota(kept)
    return sha256


def _refuse_over_quota(kept: int) -> None:
    quota = settings.FILES_QUOTA_MB
    if kept > quota * MEGABYTE:
        said = _("There is no room for this file: those of this tenant may take %d MB together.")
        raise Conflict(said % quota, code="quota", field="file")


def read_content(sha256: str) -> bytes | None:
    """Returns the content with this SHA-256 in the active tenant, or None."""
    parts = execute_prepared(READ, [tenancy.require().pk, sha256], binary=True)
    return b"".join(part for (part,) in parts) if parts else None
