"""A webhook of the demo with its deliveries. The other system is made up and on no network."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from headlessly.log.events import Event
from headlessly.log.names import OF, VIEW_ENTERED
from headlessly.query.saved_views import View
from headlessly.webhooks import registration
from headlessly.webhooks.models import Delivery, Webhook

URL = "https://erp.acme.example/crm/events"
NAMES = ("Lead.Converted", "Deal.Won")
#: How many of the latest events were delivered.
TOLD = 40
#: The usual response time of the receiver, in milliseconds.
USUAL = 85


def add_webhook(view: View) -> None:
    """Add a webhook for deals and for what enters `view`, with deliveries of the latest events.

    Most of them arrived, one was given up, and the last is being tried again.
    """
    entered = f"{VIEW_ENTERED}{OF}{view.pk}"
    webhook = registration.create_webhook({"url": URL, "events": [*NAMES, entered]})
    found = list(Event.objects.filter(name__in=NAMES).order_by("-seq")[:TOLD])
    Delivery.objects.bulk_create(
        _past_delivery(webhook, event, number) for number, event in enumerate(found)
    )


def _past_delivery(webhook: Webhook, event: Event, number: int) -> Delivery:
    moment = event.timestamp + timedelta(seconds=1)
    made = Delivery.make(webhook, moment, event=event, name=event.name, target=event.target)
    made.attempts, made.tried_at = 1, moment
    made.response_status, made.duration = 200, USUAL + number % 7
    if number == 0:
        made.attempts, made.response_status, made.error = 4, 503, "It answered 503."
        made.tried_at = timezone.now()
        made.next_at = timezone.now() + timedelta(hours=1)
    elif number == TOLD // 4:
        made.status, made.attempts = Delivery.FAILING, 12
        made.response_status, made.error = 500, "It answered 500."
    else:
        made.status, made.delivered_at = Delivery.DELIVERED, moment
    return made
