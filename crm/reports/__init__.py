"""The numbers of sales. Each function says what it counts, in which unit, and where that comes from.

A slice (:class:`headlessly.query.reports.Slice`) is a period, narrowed to an owner, a campaign or both. The
cohort of a period are the leads that were created in it; what became of them since is counted whenever it
happened, so that the rates of a young cohort still grow. How long conversions took and why leads were lost
is asked of those that were converted or lost in the period, whenever they were created.
"""

from crm.reports.deals import Amount, Part, Pipe, Rules, pipeline, rules
from crm.reports.leads import (
    Funnel,
    Group,
    Reason,
    Stage,
    cohort,
    conversion,
    funnel,
    lost,
    lost_reasons,
)
from crm.reports.speed import Response, converted, cycle_time, first_response
from crm.reports.waiting import Waiting, stale, stale_deals, stale_leads, tasks

__all__ = [
    "Amount", "Funnel", "Group", "Part", "Pipe", "Reason", "Response", "Rules", "Stage", "Waiting",
    "cohort", "conversion", "converted", "cycle_time", "first_response", "funnel", "lost",
    "lost_reasons", "pipeline", "rules", "stale", "stale_deals", "stale_leads", "tasks",
]  # fmt: skip
