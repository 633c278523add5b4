"""The exports of other programs come in as they are: what they have is in, the rest is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm import Contact, Lead, Organization
from headlessly.transfer import formats
from tests.headlessly.transfer.conftest import counts

FILES = Path(__file__).parents[2] / "data" / "files"
KINDS = {format: kind for kind, format in reversed(formats.MEDIA_TYPES.items())}


@pytest.fixture
def land(imported: Any, acme: Any) -> Any:
    """Import a file into a noun; answers the import as it is told then."""

    def land(name: str, noun: str, query: str = "") -> dict[str, Any]:
        kind = KINDS[formats.by_name(name) or ""]
        return imported(noun, (FILES / name).read_bytes(), query, kind=kind)

    return land


import json


@pytest.mark.parametrize("name", sorted(p.name for p in FILES.iterdir()))
@pytest.mark.parametrize("noun", ["contacts", "leads"])
def test_all(land, name, noun):
    done = land(name, noun)
    print(
        "=====",
        name,
        noun,
        {
            k: done[k]
            for k in (
                "status",
                "message",
                "total",
                "created",
                "refused",
                "warned",
                "made",
                "unknownColumns",
                "reading",
                "alreadyHere",
            )
        },
    )
    print("ERR", done["errors"])
    print("WARN", done["warnings"])
    for n in (Contact, Lead, Organization):
        for r in n.find():
            print(
                "  ",
                n.__name__,
                {
                    k: v
                    for k, v in r.wire().items()
                    if v not in (None, False) and not k.startswith("$")
                }
                | {"at": str(r.created_at)},
            )
