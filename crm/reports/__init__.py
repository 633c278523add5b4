"""The numbers of sales. Each function says what it counts, in which unit, and from which fields.

A slice (:class:`headlessly.query.reports.Slice`) is a period, narrowed to an owner, a campaign or both. The
cohort of a period are the leads created in it; what became of them is counted whenever it happened, so that
the rates of a young cohort still grow. Cycle times and lost reasons are about leads that were converted or
lost in the period, whenever they were created.
"""

from crm.reports.deals import Amount, OpenPipeline, PipelinePart, open_pipeline, pipeline_rules
from crm.reports.forecast import Forecast, MonthForecast, forecast_by_category
from crm.reports.goals import Attainment, attainments, goals_under_way
from crm.reports.leads import conversion_by_field, lead_cohort, lead_funnel, lost_reasons
from crm.reports.speed import converted_leads, cycle_time, first_response
from crm.reports.waiting import OVERDUE_TASKS, open_tasks, stale_by_state, stale_leads

__all__ = [
    "OVERDUE_TASKS", "Amount", "Attainment", "Forecast", "MonthForecast", "OpenPipeline",
    "PipelinePart", "attainments", "conversion_by_field", "converted_leads", "cycle_time",
    "first_response", "forecast_by_category", "goals_under_way", "lead_cohort", "lead_funnel",
    "lost_reasons", "open_pipeline", "open_tasks", "pipeline_rules", "stale_by_state",
    "stale_leads",
]  # fmt: skip
