"""``@Ana Ferreira`` in a text: which members it names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from headlessly.access import tenancy
from headlessly.access.models import Membership

#: As many members of a tenant can be named.
MOST = 1_000


def members_by_name() -> dict[str, str]:
    """The members of the active tenant by how they are called, in small letters: by their whole name, and by
    their first name where nobody else has it."""
    found = Membership.objects.filter(tenant=tenancy.require(), user__is_active=True)
    rows = found.select_related("user", "contact").order_by("pk")[:MOST]
    names = [(str(row.contact or row.user), row.user_id) for row in rows]
    whole = {name.lower(): user for name, user in names}
    firsts = Counter(name.lower().split()[0] for name, _user in names if name.split())
    return {
        name.lower().split()[0]: user
        for name, user in names
        if name.split() and firsts[name.lower().split()[0]] == 1
    } | whole


def mentioned(text: str, members: Mapping[str, str]) -> set[str]:
    """The users that ``text`` mentions. An address of mail mentions nobody."""
    if "@" not in text or not members:
        return set()
    names = "|".join(map(re.escape, sorted(members, key=len, reverse=True)))
    pattern = re.compile(rf"(?<![\w.@])@({names})(?!\w)", re.IGNORECASE)
    return {members[match[1].lower()] for match in pattern.finditer(text)}
