"""The ids of a record in other systems: a list of ``{"system": "hubspot", "id": "123"}``.

A record may have several ids of one system, for example after contacts were merged. No two records of a noun
in one tenant share an id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from headlessly.declaration.normalization import normalize_text
from headlessly.declaration.values import check_storable

#: The maximum number of ids of a record, and the maximum length of a system's name and of an id.
MAX_IDS, MAX_SYSTEM, MAX_ID = 50, 64, 255
SYSTEM = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")

Ids = list[dict[str, str]]


def normalize_system(name: Any) -> str:
    """Returns the one spelling of a system's name: ``HubSpot`` becomes ``hubspot``. Raises ValueError."""
    text = "-".join(name.lower().split()) if isinstance(name, str) else ""
    if len(text) > MAX_SYSTEM or not SYSTEM.match(text):
        raise ValueError(
            _(
                "A system is called like hubspot: small letters, digits, dots and hyphens, %d at most."
            )
            % MAX_SYSTEM
        )
    return text


def normalize_id(id: Any) -> str:
    """Returns an id as text; some systems send numbers. Raises ValueError."""
    if isinstance(id, int) and not isinstance(id, bool):
        id = str(id)
    text = id if isinstance(id, str) else ""
    check_storable(text)
    text = normalize_text(text)
    if not text or len(text) > MAX_ID:
        raise ValueError(_("An external id is text of 1 to %d characters.") % MAX_ID)
    return text


def normalize_external_ids(value: Any) -> Ids | None:
    """Returns the ids as they are stored: sorted, each once. Raises ValueError."""
    if isinstance(value, Mapping):
        value = [{"system": system, "id": id} for system, id in value.items() if id is not None]
    if not isinstance(value, list | tuple) or not all(
        isinstance(each, Mapping) and each.keys() == {"system", "id"} for each in value
    ):
        raise ValueError(
            _('These are ids of other systems: send [{"system": "hubspot", "id": "123"}].')
        )
    if len(value) > MAX_IDS:
        raise ValueError(_("A record has %d external ids at the most.") % MAX_IDS)
    pairs = {(normalize_system(each["system"]), normalize_id(each["id"])) for each in value}
    return [{"system": system, "id": id} for system, id in sorted(pairs)] or None


def change_external_ids(now: Iterable[Mapping[str, str]] | None, changes: Mapping[str, Any]) -> Ids:
    """Returns the ids after a change like ``{"hubspot": "123", "pipedrive": None}``, which replaces all ids
    of the systems it names.

    Raises ValueError.
    """
    if changes.keys() == {"system", "id"}:  # one entry instead of a list with it
        changes = {changes["system"]: changes["id"]}
    changes = {normalize_system(system): id for system, id in changes.items()}
    kept = [dict(each) for each in now or () if each["system"] not in changes]
    for system, ids in changes.items():
        for id in ids if isinstance(ids, list | tuple) else [ids]:
            if id is not None:
                kept.append({"system": system, "id": normalize_id(id)})
    return kept


def unite_external_ids(now: Ids | None, others: Ids | None) -> Ids | None:
    """Returns all ids of two records that become one."""
    return normalize_external_ids([*(now or ()), *(others or ())])
