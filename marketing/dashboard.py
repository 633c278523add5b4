"""Marketing's part of the dashboard: what campaigns brought."""

from __future__ import annotations

from django.utils.translation import gettext as _

from crm.dashboard import conversion_by
from crm.models import Lead
from headlessly.admin.figures import Chart, dashboard
from headlessly.reports import Slice

dashboard.narrow(Lead, "campaign", rank=2)


@dashboard.chart(rank=4)
def by_campaign(slice: Slice) -> Chart:
    return conversion_by(slice, "campaign", _("Conversion by campaign"))
