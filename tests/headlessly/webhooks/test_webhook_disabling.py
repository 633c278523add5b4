"""A webhook that nobody answers is disabled, until somebody looks after it."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from crm import Contact
from headlessly.access.models import Tenant
from headlessly.models import Delivery, Webhook
from tests.answered import answered, problem


def test_it_is_disabled_after_three_days_without_a_delivery_that_arrives(
    listen, deliver, later, receiver, api, acme
):
    hook = listen()
    receiver.answer = lambda body: 500
    Contact.create(name="Ada")
    for _ in range(11):
        later()
    assert Webhook.objects.get().active
    Webhook.objects.update(failing_since=timezone.now() - timedelta(days=3))
    later()
    said = answered(api.call("GET", f"/webhooks/{hook.pk}"))
    assert (said["active"], said["status"]) == (False, "disabled")
    assert said["disabledAt"]
    assert not Tenant.objects.get(pk=acme.pk).has_webhooks
    Contact.create(name="Bob")
    later()
    assert receiver.names == ["Contact.Created"] * 12
    again = api.call("POST", f"/webhooks/{hook.pk}/ping")
    assert problem(again, 409, "conflict")["status"] == "disabled"
    receiver.answer = lambda body: 200
    said = answered(api.call("PATCH", f"/webhooks/{hook.pk}", {"active": True}))
    assert (said["disabledAt"], said["status"]) == (None, "failing")
    deliver()
    assert receiver.got[-1]["data"]["name"] == "Bob", "what happened meanwhile"


def test_it_is_not_disabled_while_anything_arrives(listen, deliver, later, receiver):
    listen()
    receiver.answer = lambda body: 500 if body["data"]["name"] == "Ada" else 200
    Contact.create(name="Ada")
    deliver()
    Webhook.objects.update(failing_since=timezone.now() - timedelta(days=4))
    Contact.create(name="Bob")
    deliver()
    assert Webhook.objects.get().failing_since is None
    later()
    hook = Webhook.objects.get()
    assert hook.active and hook.failing_since is not None


def test_it_is_disabled_at_once_by_a_410(listen, deliver, receiver, api):
    hook = listen()
    receiver.answer = lambda body: 410
    Contact.create(name="Ada")
    deliver()
    hook.refresh_from_db()
    assert (hook.active, hook.disabled_because, hook.status) == (False, "gone", "disabled")
    assert Delivery.objects.get().status == Delivery.FAILING
    paused = answered(api.call("PATCH", f"/webhooks/{hook.pk}", {"active": False}))
    assert (paused["status"], paused["disabledAt"]) == ("paused", None)
