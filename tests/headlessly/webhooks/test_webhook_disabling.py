"""A webhook that nobody answers is disabled, until somebody looks after it."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from crm import Contact
from headlessly.access.models import Tenant
from headlessly.models import Delivery, Webhook
from headlessly.notifications.models import Notification
from tests.answered import answered, problem
from tests.headlessly.admin.conftest import users
from tests.headlessly.notifications.test_telling import told

__all__ = ["users"]


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


# -- who is told -------------------------------------------------------------------------------------


def test_its_admins_are_told_when_it_has_been_failing_for_an_hour_and_when_it_is_disabled(
    listen, later, receiver, acme, users, mailoutbox, work
):
    listen()
    receiver.answer = lambda body: 500
    Contact.create(name="Ada")
    later()
    later()
    assert told(users.ann) == [], "a restart of the receiver is no news"
    Webhook.objects.update(failing_since=timezone.now() - timedelta(hours=1))
    for _again in range(3):
        later()
    assert told(users.ann) == [f"A webhook is failing: {receiver.url}"], "once"
    Webhook.objects.update(failing_since=timezone.now() - timedelta(days=3))
    later()
    assert told(users.ann)[1:] == [f"A webhook was disabled: {receiver.url}"]
    assert not Notification.objects.exclude(user=users.ann).exists()
    for user in (users.bob, users.cleo, users.vic):
        assert told(user) == [], "admins of this tenant alone"
    work(later=True)
    (letter,) = mailoutbox
    assert letter.to == ["ann@sign.example"]
    assert f"A webhook is failing: {receiver.url}" in letter.body
    assert "A webhook is failing, or was disabled for it" in letter.body


def test_nobody_is_led_to_one_that_is_deleted(listen, deliver, later, receiver, users, api):
    other, hook = listen(), listen()
    receiver.answer = lambda body: 410
    Contact.create(name="Ada")
    deliver()
    assert len(told(users.ann)) == 2
    answered(api.call("DELETE", f"/webhooks/{hook.pk}"), 204)
    (left,) = Notification.objects.filter(user=users.ann)
    assert left.occasion.startswith(other.pk)


def test_when_it_fails_again_later_they_are_told_again(listen, deliver, later, receiver, users):
    listen()

    def fails_for_an_hour():
        receiver.answer = lambda body: 500
        Contact.create(name="Ada")
        later()
        Webhook.objects.update(
            failing_since=Webhook.objects.get().failing_since - timedelta(hours=1)
        )
        later()

    fails_for_an_hour()
    receiver.answer = lambda body: 200
    later()
    assert Webhook.objects.get().failing_since is None
    fails_for_an_hour()
    assert told(users.ann) == [f"A webhook is failing: {receiver.url}"] * 2
