"""The setup step of marketing: creating a form."""

from __future__ import annotations

from django.utils.translation import gettext as _

from headlessly.admin import display
from headlessly.admin.today.setup_steps import SetupStep, setup_step
from marketing.models import Form


@setup_step(rank=10)
def publish_a_form() -> SetupStep | None:
    if Form.objects.filter(status=Form.Status.PUBLISHED).exists():
        return None
    reason = _("Whoever fills it in becomes a lead, with where they came from.")
    return SetupStep(_("Put a form on your site"), reason, display.page_url(Form, "changelist"))
