"""The sources of leads, contacts, companies and deals: one list of values for all of them."""

from __future__ import annotations

#: The usual sources; a tenant may have a list of its own.
SOURCES = ("website", "referral", "event", "phone", "partner")
#: The field that owns the list.
LIST = "Lead.source"
