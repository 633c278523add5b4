"""Marketing as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class MarketingConfig(AppConfig):
    name = "marketing"
    verbose_name = gettext_lazy("Marketing")
    tenant_urls = "marketing.urls"
    tenant_openapi = "marketing.openapi"

    def ready(self) -> None:
        from marketing import (
            answers,  # noqa: F401  (connects them)
            dashboard,  # noqa: F401  (connects them)
            hooks,  # noqa: F401  (connects them)
            named,  # noqa: F401  (declares them)
            setup_steps,  # noqa: F401  (declares them)
            touches,  # noqa: F401  (connects them)
        )
