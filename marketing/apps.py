"""Marketing as a Django app."""

from django.apps import AppConfig


class MarketingConfig(AppConfig):
    name = "marketing"
    verbose_name = "Marketing"
    tenant_urls = "marketing.urls"

    def ready(self) -> None:
        from . import hooks  # noqa: F401  (connects them)
