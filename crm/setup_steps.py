"""The setup steps of sales: importing leads, or letting a website send them."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from crm.models import Lead
from headlessly.admin.import_pages import import_url
from headlessly.admin.today.setup_steps import SetupStep, setup_step


def _has_leads() -> bool:
    return Lead.with_deleted.exists()


@setup_step(rank=5)
def import_leads() -> SetupStep | None:
    if _has_leads():
        return None
    reason = _("CSV or Excel, with the headings that it has.")
    return SetupStep(_("Import your leads from a file"), reason, import_url(Lead))


@setup_step(rank=15)
def send_leads() -> SetupStep | None:
    if _has_leads():
        return None
    reason = _("A key lets your site or a program send leads.")
    return SetupStep(_("Make an API key"), reason, reverse("admin:settings_keys"))
