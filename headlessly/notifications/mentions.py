"""Mentions: which members a text names, as in ``@Ana Ferreira``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.declaration.folding import WAYS, fold
from headlessly.declaration.record import Record

#: How many members of a tenant can be mentioned.
MOST = 1_000
#: How many names are suggested, and for how many members it is checked whether they see the record.
SUGGESTED, ASKED = 8, 24


def _named_members() -> list[tuple[str, Membership]]:
    found = Membership.objects.filter(tenant=tenancy.require(), user__is_active=True)
    rows = found.select_related("user", "contact").order_by("pk")[:MOST]
    return [(str(row.contact or row.user), row) for row in rows]


def members_by_name() -> dict[str, str]:
    """Returns the active tenant's users by lowercase name: by their full name, and by their first name if
    it is unique."""
    names = [(name, member.user_id) for name, member in _named_members()]
    whole = {name.lower(): user for name, user in names}
    firsts = Counter(name.lower().split()[0] for name, _user in names if name.split())
    return {
        name.lower().split()[0]: user
        for name, user in names
        if name.split() and firsts[name.lower().split()[0]] == 1
    } | whole


def suggest_members(begun: str, record: Record | None) -> list[str]:
    """Returns the names of members that begin with the text, or have a word that does, the former first:
    of those who may see ``record``, without the actor."""
    actor, begun = actors.current(), " ".join(begun.split())
    ways = [(way, way(begun)) for way in WAYS]
    found = []
    for name, member in _named_members():
        is_first = any(way(name).startswith(sought) for way, sought in ways)
        begins = is_first or any(f" {sought}" in way(name) for way, sought in ways)
        if member.user_id != actor.id and begins:
            found.append((not is_first, fold(name), name, member))
    names: list[str] = []
    for *_order, name, member in sorted(found, key=lambda each: each[:2])[:ASKED]:
        if len(names) < SUGGESTED and (record is None or _sees(member, record)):
            names.append(name)
    return names


def _sees(member: Membership, record: Record) -> bool:
    member.tenant = tenancy.require()
    if not member.actor.limited:
        return True
    with actors.acting(member.actor):
        return bool(type(record).objects.filter(pk=record.pk).exists())


def mentioned_users(text: str, members: Mapping[str, str]) -> set[str]:
    """Returns the users that ``text`` mentions. An email address mentions nobody."""
    if "@" not in text or not members:
        return set()
    names = "|".join(map(re.escape, sorted(members, key=len, reverse=True)))
    pattern = re.compile(rf"(?<![\w.@])@({names})(?!\w)", re.IGNORECASE)
    return {members[match[1].lower()] for match in pattern.finditer(text)}
