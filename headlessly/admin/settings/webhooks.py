"""The tenant's webhooks: made, changed, deleted; what each delivered, and again."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from headlessly.admin import display
from headlessly.admin.settings.layout import render_page
from headlessly.declaration.registry import registry
from headlessly.declaration.values import UNSTORABLE
from headlessly.errors import Conflict
from headlessly.models import Delivery, Webhook
from headlessly.webhooks import addresses, disabling, patterns, registration, sending, signing

#: How many deliveries one page shows.
PAGE = 50
STATUSES = {
    "active": (gettext_lazy("active"), "green"),
    "failing": (gettext_lazy("some given up"), "amber"),
    "paused": (gettext_lazy("paused"), "grey"),
    "disabled": (gettext_lazy("disabled"), "red"),
}
STATES = {
    "pending": (gettext_lazy("waiting"), "sky"),
    "retrying": (gettext_lazy("trying again"), "amber"),
    "delivered": (gettext_lazy("delivered"), "green"),
    "failing": (gettext_lazy("given up"), "red"),
}
#: What a delivery may say of its last attempt, in the reader's language; what is not here is said as it is.
ERRORS = {
    "The connection was refused.": gettext_lazy("The connection was refused."),
    "The connection broke.": gettext_lazy("The connection broke."),
    "There is no such host.": gettext_lazy("There is no such host."),
    "There was no connection within 5 seconds.": gettext_lazy(
        "There was no connection within 5 seconds."
    ),
    "There was no answer within 10 seconds.": gettext_lazy(
        "There was no answer within 10 seconds."
    ),
    "What it answered is not HTTP.": gettext_lazy("What it answered is not HTTP."),
    "It could not be sent.": gettext_lazy("It could not be sent."),
    sending.ADDRESS_FORBIDDEN: gettext_lazy(
        "The host leads to an address that is not of the public internet."
    ),
}
REASONS = {
    Webhook.GONE: gettext_lazy("It answered 410: it wants nothing more."),
    Webhook.FAILED: gettext_lazy("Nothing has arrived there for three days."),
}


class WebhookForm(forms.Form):
    """An address, and what it is told."""

    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=addresses.MAX_URL_LENGTH,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("https, on the public internet, like https://example.com/hook."),
    )
    events = forms.CharField(
        label=gettext_lazy("Events"),
        initial=patterns.ALL,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "One a line: Lead.Converted for one, Deal.* for all of a kind, * for everything."
        ),
    )

    def clean_url(self) -> str:
        url = self.cleaned_data["url"].strip()
        _checked(addresses.WebhookUrl.parse, url)
        return url

    def clean_events(self) -> list[str]:
        names = [name for name in re.split(r"[\s,]+", self.cleaned_data["events"]) if name]
        return _checked(patterns.check_patterns, names)


class NewWebhookForm(WebhookForm):
    secret = forms.CharField(
        label=gettext_lazy("Secret"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("What is sent is signed with it. Left empty, one is made."),
    )

    def clean_secret(self) -> str:
        given = self.cleaned_data["secret"]
        return _checked(signing.check_secret, given) if given else signing.new_secret()


class ChangedWebhookForm(WebhookForm):
    active = forms.BooleanField(
        label=gettext_lazy("Sends"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("Paused, it loses nothing: it goes on where it was."),
    )
    new_secret = forms.BooleanField(
        label=gettext_lazy("Make a new secret"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("It signs from now on; the old one no longer does."),
    )


def _checked(check: Any, value: Any) -> Any:
    try:
        return check(value)
    except ValueError as problem:
        raise forms.ValidationError(str(problem)) from None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhooks_view(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """The webhooks there are; a POST makes one, and its answer is the only place with the secret."""
    form = NewWebhookForm(request.POST or None)
    made = None
    if request.method == "POST" and form.is_valid():
        try:
            made = registration.create_webhook(form.cleaned_data)
            form = NewWebhookForm()
        except Conflict as problem:
            form.add_error(None, problem.message)
    rows = [
        _webhook_row(each) for each in Webhook.objects.of_tenant().order_by("-created_at", "id")
    ]
    return render_page(
        request,
        site,
        "webhooks",
        _("Webhooks"),
        422 if form.errors else 200,
        form=form,
        rows=rows,
        made=made,
        secret=made and made.secret,
        nouns=", ".join(f"{noun}.*" for noun in registry),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_view(request: HttpRequest, id: str, *, site: AdminSite) -> HttpResponse:
    """One webhook: what it is, and what it delivered, the newest first."""
    webhook = _find_webhook(id)
    known = {
        "url": webhook.url,
        "events": "\n".join(webhook.events),
        "active": webhook.active,
    }
    form = ChangedWebhookForm(request.POST or None, initial=known)
    secret = None
    if request.method == "POST" and form.is_valid():
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name in known}
        if form.cleaned_data["new_secret"]:
            changes["secret"] = secret = signing.new_secret()
        registration.change_webhook(webhook, changes)
        if secret is None:
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(request.path)
        form = ChangedWebhookForm(initial=known | changes | {"events": "\n".join(webhook.events)})
    before = request.GET.get("before", "")
    found = webhook.deliveries.select_related("event").order_by("-created_at", "-id")
    if before and not UNSTORABLE.search(before):
        last = webhook.deliveries.filter(pk=before).first()
        if last is not None:
            found = found.filter(created_at__lte=last.created_at).exclude(
                created_at=last.created_at, pk__gte=last.pk
            )
    page = list(found[: PAGE + 1])
    return render_page(
        request,
        site,
        "webhook",
        _("Webhook"),
        422 if form.errors else 200,
        form=form,
        row=_webhook_row(webhook),
        sends=webhook.active,
        made=webhook if secret else None,
        secret=secret,
        deliveries=[_delivery_row(each) for each in page[:PAGE]],
        older=page[PAGE - 1].pk if len(page) > PAGE else None,
    )


@require_POST
def enable_view(request: HttpRequest, id: str, *, site: AdminSite) -> HttpResponse:
    """Let one that is disabled or paused go on where it was."""
    registration.change_webhook(_find_webhook(id), {"active": True})
    messages.success(request, _("It sends again, from where it was."))
    return _to_webhook(id)


@require_POST
def pause_view(request: HttpRequest, id: str, *, site: AdminSite) -> HttpResponse:
    """Send nothing for now; of one that was disabled nobody is told any more."""
    registration.change_webhook(_find_webhook(id), {"active": False})
    messages.success(request, _("It is paused."))
    return _to_webhook(id)


@require_POST
def ping_view(request: HttpRequest, id: str, *, site: AdminSite) -> HttpResponse:
    """Send a test."""
    try:
        registration.ping_webhook(_find_webhook(id))
        messages.success(request, _("A test is on its way."))
    except Conflict:
        messages.error(request, _("It is paused: enable it first."))
    return _to_webhook(id)


@require_POST
def redeliver_view(
    request: HttpRequest, id: str, delivery: str, *, site: AdminSite
) -> HttpResponse:
    """Send one delivery once more."""
    webhook = _find_webhook(id)
    if UNSTORABLE.search(delivery):
        raise Http404
    with transaction.atomic():
        rows = webhook.deliveries.select_for_update(no_key=True)
        found = rows.filter(pk=delivery).first()
        if found is None:
            raise Http404
        try:
            registration.redeliver(webhook, found)
            messages.success(request, _("%(name)s is sent once more.") % {"name": found.name})
        except Conflict:
            messages.error(request, _("It is paused: enable it first."))
    return _to_webhook(id)


@require_POST
def delete_view(request: HttpRequest, id: str, *, site: AdminSite) -> HttpResponse:
    """Delete it with its deliveries; what waits is not sent."""
    registration.delete_webhook(_find_webhook(id))
    messages.success(request, _("The webhook is deleted."))
    return HttpResponseRedirect(reverse("admin:settings_webhooks"))


def disabled_notes(tenant: Any) -> list[dict[str, Any]]:
    """What the pages of every admin say until somebody has dealt with it."""
    return [_webhook_row(webhook) for webhook in disabling.disabled_webhooks(tenant)]


def _to_webhook(id: str) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:settings_webhook", args=[id]))


def _find_webhook(id: str) -> Webhook:
    found = None if UNSTORABLE.search(id) else Webhook.objects.of_tenant().filter(pk=id).first()
    if found is None:
        raise Http404
    return found


def _webhook_row(webhook: Webhook) -> dict[str, Any]:
    label, tone = STATUSES[webhook.status]
    return {
        "webhook": webhook,
        "url": reverse("admin:settings_webhook", args=[webhook.pk]),
        "events": ", ".join(webhook.events),
        "label": label,
        "tone": tone,
        "reason": REASONS.get(webhook.disabled_because or "", ""),
        "since": display.age_html(webhook.disabled_at, ago=True) if webhook.disabled_at else "",
        "created": display.age_html(webhook.created_at, ago=True),
    }


def _error_text(error: str) -> str:
    kind, colon, reason = error.partition(": ")
    if colon and kind == "TLS failed":
        return _("The encryption failed: %s") % reason
    return str(ERRORS.get(error, error))


def _delivery_row(delivery: Delivery) -> dict[str, Any]:
    label, tone = STATES[delivery.state]
    noun = registry.get(delivery.event.target_type or "") if delivery.event else None
    next_at = delivery.next_attempt_at
    return {
        "delivery": delivery,
        "label": label,
        "tone": tone,
        "about": display.page_url(noun, "change", delivery.target)
        if noun is not None and delivery.target
        else "",
        "when": display.age_html(delivery.created_at, ago=True),
        "error": "" if delivery.response_status else _error_text(delivery.error or ""),
        "next": display.moment_text(next_at) if next_at and delivery.tried_at else "",
    }
