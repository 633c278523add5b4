"""The CRM as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = gettext_lazy("Sales")

    def ready(self) -> None:
        from crm import (
            calendars,  # noqa: F401  (connects them)
            dashboard,  # noqa: F401  (connects them)
            dashboard_outlook,  # noqa: F401  (connects them)
            gates,  # noqa: F401  (connects them)
            hooks,  # noqa: F401  (connects them)
            notifications,  # noqa: F401  (declares what is told)
            pipelines,  # noqa: F401  (connects them)
            replies,  # noqa: F401  (connects them; after hooks: a conversion has its deal by then)
            setup_steps,  # noqa: F401  (declares them)
            stale_limits,  # noqa: F401  (connects them)
        )
        from crm.reports import (
            answers,  # noqa: F401  (declares them)
            named,  # noqa: F401  (declares them)
            tables,  # noqa: F401  (declares them)
            team,  # noqa: F401  (declares them)
        )
        from crm.rules import (
            active,  # noqa: F401  (connects them)
            assignment,  # noqa: F401  (connects them)
            backtest_assignment,  # noqa: F401  (registers it)
            backtest_automation,  # noqa: F401  (registers it)
            backtest_first_answer,  # noqa: F401  (registers it)
            backtest_score,  # noqa: F401  (registers it)
            first_answer,  # noqa: F401  (connects them; after assignment: a rule may ask for the owner)
            operations,  # noqa: F401  (declares them)
            pages,  # noqa: F401  (shows them)
            runs,
            score,  # noqa: F401  (connects them)
        )
        from headlessly.log.events import events_appended

        events_appended.connect(runs.note_events, dispatch_uid="crm.automations")
