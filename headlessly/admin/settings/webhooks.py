"""The tenant's webhooks: create, change and delete them, see their deliveries and send them again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_POST

from headlessly.admin import display
from headlessly.admin.settings import webhook_events
from headlessly.admin.settings.webhook_forms import ChangedWebhookForm, NewWebhookForm
from headlessly.admin.sites import TenantSite
from headlessly.errors import Conflict
from headlessly.models import Delivery, Webhook
from headlessly.webhooks import disabling, registration, signing

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
#: Errors of a delivery that the catalogue translates; others are shown as they are.
ERRORS = (
    gettext_noop("The connection was refused."),
    gettext_noop("The connection broke."),
    gettext_noop("There is no such host."),
    gettext_noop("There was no connection within 5 seconds."),
    gettext_noop("There was no answer within 10 seconds."),
    gettext_noop("What it answered is not HTTP."),
    gettext_noop("It could not be sent."),
    gettext_noop("The host leads to an address that is not of the public internet."),
)
REASONS = {
    Webhook.GONE: gettext_lazy("It answered 410: it wants nothing more."),
    Webhook.FAILED: gettext_lazy("Nothing has arrived there for three days."),
}


def webhooks_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Lists the webhooks; a POST creates one. Its response is the only place that shows the secret."""
    form = NewWebhookForm(request.POST if request.method == "POST" else None)
    made = None
    if form.is_valid():
        try:
            made = registration.create_webhook(form.cleaned_data)
            form = NewWebhookForm()
        except Conflict as problem:
            form.add_error(None, problem.message)
    words = dict(webhook_events.offered_patterns())
    rows = [
        _webhook_row(each) | {"events": ", ".join(words.get(name, name) for name in each.events)}
        for each in Webhook.objects.with_fails().order_by("-created_at", "id")
    ]
    return site.respond(
        request,
        "settings/webhooks",
        _("Webhooks"),
        form=form,
        rows=rows,
        made=made,
        secret=made and made.secret,
    )


def _joined(webhook: Webhook) -> str:
    """Returns the webhook's events as the value of its form's input."""
    return f"{webhook_events.BETWEEN} ".join(webhook.events)


def webhook_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Shows a webhook and its deliveries, the newest first; a POST changes it."""
    webhook = _find_webhook(id)
    known = {
        "url": webhook.url,
        "events": _joined(webhook),
        "active": webhook.active,
    }
    form = ChangedWebhookForm(request.POST if request.method == "POST" else None, initial=known)
    secret = None
    if form.is_valid():
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name in known}
        if form.cleaned_data["new_secret"]:
            changes["secret"] = secret = signing.new_secret()
        registration.change_webhook(webhook, changes)
        if secret is None:
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(request.path)
        form = ChangedWebhookForm(initial=known | changes | {"events": _joined(webhook)})
    before = request.GET.get("before", "")
    found = webhook.deliveries.select_related("event").order_by("-created_at", "-id")
    if before:
        last = webhook.deliveries.filter(pk=before).first()
        if last is not None:
            found = found.filter(created_at__lte=last.created_at).exclude(
                created_at=last.created_at, pk__gte=last.pk
            )
    page = list(found[: PAGE + 1])
    return site.respond(
        request,
        "settings/webhook",
        _("Webhook"),
        form=form,
        row=_webhook_row(webhook),
        sends=webhook.active,
        made=webhook if secret else None,
        secret=secret,
        deliveries=[_delivery_row(each) for each in page[:PAGE]],
        older=page[PAGE - 1].pk if len(page) > PAGE else None,
    )


@require_POST
def switch_view(request: HttpRequest, id: str, *, site: TenantSite, active: bool) -> HttpResponse:
    """Resumes a webhook where it stopped, or pauses it. Either ends the note that it was disabled."""
    registration.change_webhook(_find_webhook(id), {"active": active})
    messages.success(
        request, _("It sends again, from where it was.") if active else _("It is paused.")
    )
    return redirect("admin:settings_webhook", id)


@require_POST
def ping_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    try:
        registration.ping_webhook(_find_webhook(id))
        messages.success(request, _("A test is on its way."))
    except Conflict:
        messages.error(request, _("It is paused: enable it first."))
    return redirect("admin:settings_webhook", id)


@require_POST
def redeliver_view(
    request: HttpRequest, id: str, delivery: str, *, site: TenantSite
) -> HttpResponse:
    """Sends one delivery once more."""
    webhook = _find_webhook(id)
    with transaction.atomic():
        rows = webhook.deliveries.select_for_update(no_key=True)
        found = get_object_or_404(rows, pk=delivery)
        try:
            registration.redeliver(webhook, found)
            messages.success(request, _("%(name)s is sent once more.") % {"name": found.name})
        except Conflict:
            messages.error(request, _("It is paused: enable it first."))
    return redirect("admin:settings_webhook", id)


@require_POST
def delete_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Deletes a webhook with its deliveries; pending ones are not sent."""
    registration.delete_webhook(_find_webhook(id))
    messages.success(request, _("The webhook is deleted."))
    return redirect("admin:settings_webhooks")


def disabled_notes(tenant: Any) -> list[dict[str, Any]]:
    """Returns the notes about disabled webhooks, which admins see on every page until one of them deals
    with it."""
    return [_webhook_row(webhook) for webhook in disabling.disabled_webhooks(tenant)]


def _find_webhook(id: str) -> Webhook:
    return get_object_or_404(Webhook.objects.with_fails(), pk=id)


def _webhook_row(webhook: Webhook) -> dict[str, Any]:
    return {
        "webhook": webhook,
        "badge": display.badge(*STATUSES[webhook.status]),
        "reason": REASONS.get(webhook.disabled_because or "", ""),
    }


def _error_text(error: str) -> str:
    kind, colon, reason = error.partition(": ")
    if colon and kind == "TLS failed":
        return _("The encryption failed: %s") % reason
    return _(error) if error in ERRORS else error


def _delivery_row(delivery: Delivery) -> dict[str, Any]:
    noun = delivery.event.noun if delivery.event else None
    next_at, error = delivery.next_attempt_at, delivery.error or ""
    if delivery.response_status:
        error = ""
    return {
        "delivery": delivery,
        "badge": display.badge(*STATES[delivery.state]),
        "about": display.page_url(noun, "change", delivery.target)
        if noun is not None and delivery.target
        else "",
        "error": _error_text(error),
        "next": display.moment_text(next_at) if next_at and delivery.tried_at else "",
    }
