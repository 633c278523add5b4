"""General settings: the tenant's name, currency, fiscal year and rules."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.dates import MONTHS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.admin.sites import TenantSite
from headlessly.declaration.currencies import CURRENCIES
from headlessly.log.names import SETTINGS_CHANGED
from headlessly.log.security_events import record_security_event


class GeneralForm(forms.ModelForm):
    class Meta:
        model = Tenant
        fields = (
            "name",
            "currency",
            "fiscal_year_begins",
            "limits_reps",
            "requires_second_factor",
            "allows_own_approval",
        )
        widgets: ClassVar = {
            "name": UnfoldAdminTextInputWidget,
            "currency": UnfoldAdminSelectWidget(choices=[(c, c) for c in sorted(CURRENCIES)]),
            "fiscal_year_begins": UnfoldAdminSelectWidget(choices=[*MONTHS.items()]),
            "limits_reps": UnfoldBooleanSwitchWidget,
            "requires_second_factor": UnfoldBooleanSwitchWidget,
            "allows_own_approval": UnfoldBooleanSwitchWidget,
        }
        labels: ClassVar = {
            "name": gettext_lazy("Name"),
            "currency": gettext_lazy("Currency"),
            "fiscal_year_begins": gettext_lazy("Fiscal year begins in"),
            "limits_reps": gettext_lazy("Reps see only their own records"),
            "requires_second_factor": gettext_lazy("Everybody needs a second factor"),
            "allows_own_approval": gettext_lazy("People may approve what they proposed themselves"),
        }
        help_texts: ClassVar = {
            "currency": gettext_lazy(
                "New amounts are in it, and sums of several currencies are converted to it, at the rates "
                "under Exchange rates."
            ),
            "fiscal_year_begins": gettext_lazy(
                "Quarters and years of reports, lists and goals are counted from this month. A goal keeps "
                "the days that it was made for."
            ),
            "limits_reps": gettext_lazy(
                "A rep then sees what they own and what nobody owns, in every list, search, count and "
                "event. Managers, viewers and admins see everything."
            ),
            "requires_second_factor": gettext_lazy(
                "Whoever has none sets one up before they get in; you too. API keys work as before."
            ),
            "allows_own_approval": gettext_lazy(
                "Otherwise a proposal needs two people: who proposes it, and who approves it."
            ),
        }

    def clean_fiscal_year_begins(self) -> int:
        """Returns the month, or the current one if none was sent."""
        sent: int | None = self.cleaned_data["fiscal_year_begins"]
        return self.instance.fiscal_year_begins if sent is None else sent


def general_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    tenant = tenancy.require()
    before = {name: getattr(tenant, name) for name in GeneralForm.Meta.fields}
    form = GeneralForm(request.POST if request.method == "POST" else None, instance=tenant)
    if form.is_valid():
        with transaction.atomic():
            form.save()
            previous = {n: was for n, was in before.items() if getattr(tenant, n) != was}
            if previous:
                now = {name: getattr(tenant, name) for name in previous}
                record_security_event(SETTINGS_CHANGED, previous=previous, **now)
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(request.get_full_path())
    return site.respond(request, "settings/general", _("Settings"), form=form)
