"""The CRM as a Django app."""

from importlib import import_module
from typing import ClassVar

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = gettext_lazy("Sales")
    tenant_urls = "crm.urls"
    tenant_openapi = "crm.openapi"

    #: The modules that declare something by being imported. The order matters: the hooks of a verb run, and
    #: reports are listed, in the order of these modules.
    declaring: ClassVar = (
        # changes of the nouns by a tenant's own rows
        "crm.calendars",
        "crm.gates",
        "crm.pipelines",
        "crm.stale_limits",
        "crm.rules.active",
        # what follows a verb
        "crm.attachments",
        "crm.hooks",
        "crm.emails",
        "crm.replies",  # needs the deal that a conversion makes in crm.hooks
        "crm.rules.assignment",
        "crm.rules.given_values",
        "crm.rules.first_answer",  # the rule that applies to a lead may depend on its owner
        "crm.rules.runs",
        "crm.rules.score.hooks",  # the last one: it counts what the others did
        # reports, checks and pages
        "crm.reports.named",
        "crm.reports.tables.leads",
        "crm.reports.tables.deals",
        "crm.reports.tables.goals",
        "crm.reports.tables.waiting",
        "crm.reports.answers",
        "crm.reports.team",
        "crm.dashboard",
        "crm.dashboard_outlook",
        "crm.rules.score.preview",
        "crm.rules.operations",
        "crm.rules.score.explaining",
        "crm.rules.backtest.assignment",
        "crm.rules.backtest.automation",
        "crm.rules.backtest.first_answer",
        "crm.rules.backtest.score",
        "crm.rules.score.panels",
        "crm.notifications",
        "crm.setup_steps",
    )

    def ready(self) -> None:
        for module in self.declaring:
            import_module(module)
