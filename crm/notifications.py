"""What is told beside a lead that somebody is given."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import pgettext

from crm.models import Lead
from headlessly.language import sayings
from headlessly.notifications.record_facts import Fact, record_facts


@record_facts(Lead, order=1)
def why_it_is_theirs(leads: Sequence[Lead]) -> dict[str, list[Fact]]:
    """The reason of the rule or the person that gave it to its owner, where one was said."""
    label = pgettext("a lead is somebody's", "Why")
    return {
        lead.pk: [(label, sayings.translate_saying(lead.assigned_because))]
        for lead in leads
        if lead.assigned_because and lead.assigned_because != Lead.CLAIMED
    }
