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

    #: What declares something by being imported, in this order: the hooks of a verb run, and reports are
    #: listed, as their modules stand here.
    declaring: ClassVar = (
        # what a tenant's own rows change of the nouns
        "crm.calendars",
        "crm.gates",
        "crm.pipelines",
        "crm.stale_limits",
        "crm.rules.active",
        # what follows a verb
        "crm.attachments",
        "crm.hooks",
        "crm.replies",  # a conversion has its deal by then
        "crm.rules.assignment",
        "crm.rules.given_values",
        "crm.rules.first_answer",  # which rule is for a lead may hang on its owner
        "crm.rules.runs",
        "crm.rules.score.hooks",  # the last one: it counts what the others did
        # what is counted, asked and shown
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
