"""Where leads come from, and people, companies and deals: one list of values for all of these."""

from __future__ import annotations

#: What is usually said; a tenant may have its own.
SOURCES = ("website", "referral", "event", "phone", "partner")
#: The field whose list it is.
LIST = "Lead.source"
