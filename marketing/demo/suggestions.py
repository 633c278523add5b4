"""The proposals of an agent whose key may only propose: scripts that wait for a decision."""

from __future__ import annotations

from contextlib import suppress

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey
from headlessly.errors import HeadlesslyError
from headlessly.scripts import proposals

AGENT = "Lead assistant"
#: The title of each, and the script.
SUGGESTED = (
    (
        "They were called and never answered: time to close them, the oldest first.",
        """\
quiet = Lead.find({"status": "Contacted", "$stale": True}, sort="lastActivityAt", limit=4)
for lead in quiet:
    Lead.lose(lead.id, lostReason="No response")
len(quiet)
""",
    ),
    (
        "Qualified, and nothing is planned with them: a call for each, by whoever owns them.",
        """\
waiting = Lead.find(
    {"status": "Qualified", "owner": {"$exists": True}, "activities": {"$none": {"status": "Pending"}}},
    sort="-score", limit=3,
)
for lead in waiting:
    Activity.create(type="Call", subject="Call about " + lead.name, lead=lead.id, assignee=lead.owner)
len(waiting)
""",
    ),
)


def add_suggestions() -> None:
    key, _secret = ApiKey.issue(tenancy.require(), AGENT, "propose")
    with actors.acting(key.actor):
        for note, code in SUGGESTED:
            # It fails if it finds nothing to change among few leads, or if a busy machine needs longer than
            # records may be locked.
            with suppress(HeadlesslyError):
                proposals.propose(code, note)
