"""Keeping and reading the content of files."""

from __future__ import annotations

import hashlib

from headlessly.access import tenancy
from headlessly.database.prepared import execute_prepared

#: The size of a part in bytes; only the last one is smaller.
PART = 1024 * 1024

KEEP = """
INSERT INTO headlessly_contentpart (tenant_id, sha256, number, content) VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING"""
READ = """
SELECT content FROM headlessly_contentpart WHERE tenant_id = %s AND sha256 = %s ORDER BY number"""


def keep_content(content: bytes) -> str:
    """Keep a content of the active tenant, in the running transaction; returns its SHA-256 in hexadecimal.

    It stays as long as the tenant does: a deleted record comes back with its file, and the past has it too.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    tenant = tenancy.require().pk
    for number, start in enumerate(range(0, len(content), PART)):
        part = content[start : start + PART]
        execute_prepared(KEEP, [tenant, sha256, number, part], rows=False)
    return sha256


def read_content(sha256: str) -> bytes | None:
    """The content of the active tenant with this SHA-256, or None."""
    parts = execute_prepared(READ, [tenancy.require().pk, sha256], binary=True)
    return b"".join(part for (part,) in parts) if parts else None
