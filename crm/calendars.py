"""By which calendar time is counted. It is kept with the tenant's shape, so that it is read once."""

from __future__ import annotations

from crm.models import Calendar
from crm.working_time import AROUND_THE_CLOCK, WorkingTime
from headlessly.access import actors, tenancy
from headlessly.declaration.shapes import cached_by_shape, current_shape
from headlessly.execution.executor import Context


@cached_by_shape
def working_time() -> WorkingTime:
    """When people of the active tenant work: as the default calendar says, else the oldest; always where
    there is none."""
    if current_shape() is None:  # who ever had a calendar has a shape
        return AROUND_THE_CLOCK
    with actors.acting(actors.SYSTEM):
        found = Calendar.objects.order_by("-is_default", "created_at", "pk").first()
        return AROUND_THE_CLOCK if found is None else found.working_time()


def renew(calendar: Calendar, ctx: Context) -> None:
    """From the next word on time is counted by the calendar as it is now; what was counted stays."""
    tenancy.renew_shape()


for _verb in (*Calendar.verbs.values(), *Calendar.corrections.values()):
    _verb.after(renew)
