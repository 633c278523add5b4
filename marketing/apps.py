"""Marketing as a Django app."""

from importlib import import_module
from typing import ClassVar

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class MarketingConfig(AppConfig):
    name = "marketing"
    verbose_name = gettext_lazy("Marketing")
    tenant_urls = "marketing.urls"
    tenant_openapi = "marketing.openapi"

    #: The modules that declare something by being imported, in this order: see :class:`crm.apps.CrmConfig`.
    declaring: ClassVar = (
        # consequences of verbs, after those of sales
        "marketing.hooks",
        "marketing.offered_options",
        "marketing.touches",
        # reports, checks and pages
        "marketing.named",
        "marketing.attribution.operations",
        "marketing.dashboard",
        "marketing.answers",
        "marketing.setup_steps",
    )

    def ready(self) -> None:
        for module in self.declaring:
            import_module(module)
