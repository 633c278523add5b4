"""What a notification about an assigned lead says besides the lead."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import pgettext

from crm.models import Lead
from headlessly.language import sayings
from headlessly.notifications.record_facts import Fact, record_facts


@record_facts(Lead, order=1)
def why_it_is_theirs(leads: Sequence[Lead]) -> dict[str, list[Fact]]:
    """Returns why each lead was given to its owner, if the rule or the person said."""
    label = pgettext("a lead is somebody's", "Why")
    return {
        lead.pk: [(label, sayings.translate_saying(lead.assigned_because))]
        for lead in leads
        if lead.assigned_because and lead.assigned_because != Lead.CLAIMED
    }
