"""The CRM as a Django app."""

from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = "Sales"

    def ready(self) -> None:
        from . import dashboard, hooks  # noqa: F401  (connects them)
