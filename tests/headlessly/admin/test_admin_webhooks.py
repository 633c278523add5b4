"""The webhooks in the settings, and what admins are told when one is disabled."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from headlessly.errors import Conflict
from headlessly.models import Delivery, Webhook
from headlessly.webhooks import disabling, registration
from tests.headlessly.admin.signed_in import client_of

URL = "https://example.com/hook"


def at(rest: str = "") -> str:
    return f"/~acme/admin/settings/webhooks/{rest}"


@pytest.fixture
def hook(acme: Any) -> Webhook:
    return registration.create_webhook({"url": URL, "events": ["Lead.*"], "secret": "old"})


@pytest.fixture
def delivery(hook: Webhook) -> Delivery:
    made = Delivery.make(hook, timezone.now(), name="ping")
    made.status, made.attempts, made.tried_at = Delivery.FAILING, 12, timezone.now()
    made.response_status, made.duration, made.error = 500, 35, "It answered 500."
    made.save(force_insert=True)
    return made


def secret_in(response: Any) -> str | None:
    found = re.search(r"data-secret>([^<]+)<", response.content.decode())
    return found and found[1]


def test_it_is_for_admins_of_the_tenant(users, ann, bob, cleo, vic, hook, delivery):
    pages = ("", f"{hook.pk}/")
    actions = [f"{hook.pk}/{what}/" for what in ("enable", "pause", "ping", "delete")]
    actions.append(f"{hook.pk}/deliveries/{delivery.pk}/redeliver/")
    for page in pages:
        assert ann.get(at(page)).status_code == 200
    for action in actions:
        assert ann.get(at(action)).status_code == 405
    for client, status in ((bob, 403), (cleo, 403), (vic, 403), (client_of(users.eve), 404)):
        for page in (*pages, *actions):
            assert client.get(at(page)).status_code == status
            assert client.post(at(page)).status_code == status
    theirs = client_of(users.eve)
    for page in (pages[1], *actions):
        address = at(page).replace("acme", "rival")
        assert theirs.post(address, {"url": URL, "events": "*"}).status_code == 404
    assert ann.get(at("%00/")).status_code == ann.get(at("webhook_nothing/")).status_code == 404
    hook.refresh_from_db()
    assert hook.active and hook.deliveries.count() == 1


def test_it_takes_and_shows_events_by_what_people_call_them(ann, users, acme):
    page = ann.get(at()).content.decode()
    assert "Lead: converted" in page and "Deals: everything" in page
    ann.post(at(), {"url": URL, "events": "Lead: converted; deals: everything; page_view"})
    hook = Webhook.objects.get()
    assert hook.events == ["Lead.Converted", "Deal.*", "page_view"]
    assert "Lead: converted, Deals: everything, page_view" in ann.get(at()).content.decode()
    users.ann.language = "de"
    users.ann.save()
    german = client_of(users.ann)
    german.post(at(f"{hook.pk}/"), {"url": URL, "events": "Alles", "active": "on"})
    hook.refresh_from_db()
    assert hook.events == ["*"]


def test_it_makes_one_and_shows_the_secret_once(ann, acme):
    made = ann.post(at(), {"url": URL, "events": "Lead.Converted\nDeal.*, page_view"})
    hook = Webhook.objects.get()
    assert secret_in(made) == hook.secret and hook.secret.startswith("whsec_")
    assert hook.events == ["Lead.Converted", "Deal.*", "page_view"]
    for page in (at(), at(f"{hook.pk}/")):
        assert hook.secret not in ann.get(page).content.decode()
    ann.post(at(), {"url": URL, "events": "*", "secret": "my own"})
    assert [each.secret for each in Webhook.objects.all()].count("my own") == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"url": "http://127.0.0.1/", "events": "*"}, "public"),
        ({"url": "nonsense", "events": "*"}, "https"),
        ({"url": URL, "events": "Lead.Exploded"}, "There is no event Lead.Exploded"),
        ({"url": URL, "events": ""}, "required"),
        ({"url": URL, "events": "*", "secret": "whsec_!"}, "base64"),
    ],
)
def test_it_says_beside_the_field_what_is_wrong(ann, acme, body, said):
    answer = ann.post(at(), body)
    assert answer.status_code == 422 and said in answer.content.decode()
    assert not Webhook.objects.exists()


def test_it_says_when_there_are_too_many(ann, hook, monkeypatch):
    monkeypatch.setattr(registration, "MOST", 1)
    answer = ann.post(at(), {"url": URL, "events": "*"})
    assert answer.status_code == 422 and "1 webhooks at the most" in answer.content.decode()


def test_it_changes_and_deletes_one(ann, hook):
    body = {"url": f"{URL}/new", "events": "*", "active": "on"}
    assert ann.post(at(f"{hook.pk}/"), body).status_code == 302
    hook.refresh_from_db()
    assert (hook.url, hook.events, hook.active, hook.secret) == (f"{URL}/new", ["*"], True, "old")
    turned = ann.post(at(f"{hook.pk}/"), body | {"new_secret": "on", "active": ""})
    hook.refresh_from_db()
    assert secret_in(turned) == hook.secret != "old" and not hook.active
    assert ann.post(at(f"{hook.pk}/"), body | {"events": "Nothing.*"}).status_code == 422
    assert ann.post(at(f"{hook.pk}/delete/")).status_code == 302
    assert not Webhook.objects.exists()


def test_it_shows_what_was_delivered_and_sends_it_again(ann, hook, delivery):
    page = ann.get(at(f"{hook.pk}/")).content.decode()
    for said in ("ping", "given up", "12 attempts", "answered 500 in 35 ms"):
        assert said in page
    again = at(f"{hook.pk}/deliveries/{delivery.pk}/redeliver/")
    assert ann.post(again).status_code == 302
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == (Delivery.PENDING, 0)
    assert ann.post(at(f"{hook.pk}/deliveries/delivery_none/redeliver/")).status_code == 404
    ann.post(at(f"{hook.pk}/pause/"))
    assert "It is paused" in ann.post(again, follow=True).content.decode()
    with pytest.raises(Conflict):
        hook.refresh_from_db()
        registration.redeliver(hook, delivery)


def test_it_pages_through_deliveries(ann, hook):
    now = timezone.now()
    made = [Delivery.make(hook, now, name=f"event-{n}") for n in range(120)]
    Delivery.objects.bulk_create(made)
    seen, address = set(), at(f"{hook.pk}/")
    for count in (50, 50, 20):
        page = ann.get(address).content.decode()
        names = set(re.findall(r"<b>(event-[0-9]+)</b>", page))
        assert len(names) == count and not names & seen
        seen |= names
        older = re.search(r'href="(\?before=[^"]+)"', page)
        address = at(f"{hook.pk}/") + (older[1] if older else "")
    assert older is None


def test_it_tells_every_admin_of_a_disabled_one_until_it_is_dealt_with(
    users, ann, cleo, bob, hook, lead
):
    said = "A webhook was disabled"
    pages = ("/~acme/admin/", "/~acme/admin/crm/lead/", at(), "/~acme/admin/dashboard/",
             f"/~acme/admin/crm/lead/{lead.pk}/change/")  # fmt: skip

    def told(client: Client) -> set[bool]:
        return {said in client.get(page).content.decode() for page in pages[:2]}

    for deal_with in ("enable", "pause", "delete"):
        assert told(ann) == {False}
        disabling.disable_webhook(hook.pk, Webhook.GONE, timezone.now())
        for page in pages:
            shown = ann.get(page).content.decode()
            assert said in shown and "It answered 410" in shown and URL in shown, page
        assert told(cleo) == told(bob) == {False}
        assert said not in client_of(users.eve).get("/~rival/admin/").content.decode()
        ann.post(at(f"{hook.pk}/{deal_with}/"))
        assert told(ann) == {False}
        if deal_with == "pause":
            ann.post(at(f"{hook.pk}/enable/"))
    assert not Webhook.objects.exists()


def test_it_disables_nothing_that_is_paused_or_gone(hook):
    registration.change_webhook(hook, {"active": False})
    disabling.disable_webhook(hook.pk, Webhook.GONE, timezone.now())
    disabling.disable_webhook("webhook_gone", Webhook.GONE, timezone.now())
    hook.refresh_from_db()
    assert hook.status == "paused"


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://example.com/hook"},
        {"url": "https://me:secret@example.com/"},
        {"url": "https://example.com/#there"},
        {"url": "example"},
        {"url": "https://example.com:22/"},
        {"url": "https://exa--.-mple.com/"},
        {"url": "https://[::::]/"},
        {"url": "https://1.2.3/"},
        {"url": "https://10.0.0.1/"},
        {"url": "https://erp.local/"},
        {"events": "Leda.*"},
        {"events": "*.Converted"},
        {"events": "Lead.Danced"},
        {"events": "Form.published"},
        {"events": "Dance.Begun"},
        {"events": " ".join(f"own_{each}" for each in range(101))},
        {"secret": "geheim ä"},
        {"secret": "whsec_?"},
        {"secret": "x" * 256},
    ],
    ids=lambda wrong: next(iter(wrong)) + str(next(iter(wrong.values())))[:20],
)
def test_what_is_wrong_is_said_in_the_readers_language(users, ann, wrong, settings):
    settings.WEBHOOKS_ALLOW_HTTP = settings.WEBHOOKS_ALLOW_PRIVATE = False
    said = {}
    for language in ("en", "de"):
        users.ann.language = language
        users.ann.save()
        answer = ann.post(at(), {"url": URL, "events": "*"} | wrong)
        assert answer.status_code == 422
        (said[language],) = re.findall(r'role="alert"[^>]*>([^<]+)<', answer.content.decode())
    assert said["de"] != said["en"]
    assert Webhook.objects.count() == 0
