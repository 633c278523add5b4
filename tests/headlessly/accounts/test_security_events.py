"""What the log keeps of how people get in: written by what happens, read by admins alone, never changed."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from headlessly.access.models import Membership, User
from headlessly.log import names
from headlessly.log.events import Event
from headlessly.log.security_events import record_security_event
from tests.answered import answered
from tests.headlessly.accounts.letters import link_in
from tests.headlessly.accounts.signing import PASSWORD, sign_in

LOG = "/~acme/admin/settings/log/"


def told(*wanted: str) -> list[tuple[str, str]]:
    """Name and actor of the events of security, in order."""
    found = Event.log.filter(target_type="Security").order_by("seq")
    return [(e.name, e.actor) for e in found if not wanted or e.name in wanted]


def last(name: str) -> Event:
    return Event.log.filter(name=name).order_by("-seq")[0]


def test_it_tells_of_sign_ins_where_they_come_in_and_of_failures(people_with_passwords, acme):
    bob = people_with_passwords.bob
    sign_in(bob, password="wrong", REMOTE_ADDR="192.0.2.7")
    assert told() == [(names.SIGN_IN_FAILED, "public")]
    assert last(names.SIGN_IN_FAILED).data == {"address": "192.0.2.7"}
    client = sign_in(bob)
    assert told(names.SIGNED_IN) == []  # not in here yet
    client.get("/~acme/admin/")
    client.get("/~acme/admin/")
    client.get("/~acme/leads")
    assert told(names.SIGNED_IN) == [(names.SIGNED_IN, bob.pk)]
    assert last(names.SIGNED_IN).target == bob.pk


def test_it_tells_of_members_keys_settings_webhooks_and_exports(
    people_with_passwords, acme, lead, work, mailoutbox
):
    users = people_with_passwords
    ann, place = sign_in(users.ann), "/~acme/admin/settings/"
    ann.post(f"{place}members/", {"email": "new@sign.example", "first_name": "N", "role": "rep"})
    work()
    new = {"first_name": "N", "new_password1": PASSWORD, "new_password2": PASSWORD}
    nora = Client()
    nora.post(link_in(mailoutbox[0]), new)
    member = users.bob.memberships.get()
    ann.post(f"{place}members/{member.pk}/", {"role": "manager", "contact": ""})
    ann.post(f"{place}members/{member.pk}/remove/")
    ann.post(f"{place}keys/", {"name": "Zapier", "scope": "read", "expires": ""})
    key = users.ann.api_keys.get()
    ann.post(f"{place}keys/{key.pk}/revoke/")
    ann.post(place, {"name": "Acme Inc", "currency": "USD"})
    ann.post(f"{place}webhooks/", {"url": "https://example.com/hook", "events": "*"})
    ann.get("/~acme/export/leads?status=New&format=ndjson")
    assert [name for name, actor in told() if actor == users.ann.pk] == [
        names.SIGNED_IN, names.INVITED, names.ROLE_CHANGED, names.MEMBER_REMOVED,
        names.KEY_ISSUED, names.KEY_REVOKED, names.SETTINGS_CHANGED, names.WEBHOOK_CREATED,
        names.EXPORTED,
    ]  # fmt: skip
    newcomer = User.objects.get(email="new@sign.example")
    assert told(names.INVITATION_ACCEPTED) == [(names.INVITATION_ACCEPTED, newcomer.pk)]
    changed = last(names.ROLE_CHANGED)
    assert (changed.previous["role"], changed.data["role"]) == ("rep", "manager")
    assert last(names.SETTINGS_CHANGED).previous == {"name": "Acme"}
    exported = last(names.EXPORTED).data
    assert exported == {
        "noun": "Lead",
        "asked": {"status": "New", "format": "ndjson"},
        "rows": 1,
    }
    work()
    assert "A new API key of yours" in [letter.subject for letter in mailoutbox]

    page = ann.get(LOG).content.decode()
    for words in (
        "invited new@sign.example as Rep", "made Bob Manager", "removed Bob",
        "made the API key “Zapier” (read)", "Acme → Acme Inc", "exported 1: Leads",
        "format=ndjson&amp;status=New",
    ):  # fmt: skip
        assert words in page, words
    only = ann.get(LOG + "?what=keys").content.decode()
    assert "Zapier" in only and "exported" not in only


@pytest.mark.attack
def test_reps_and_keys_that_only_write_see_none_of_it(people_with_passwords, acme, api, lead):
    users = people_with_passwords
    sign_in(users.ann).get("/~acme/admin/")
    event = last(names.SIGNED_IN)
    ask = "/events?targetType=Security"
    assert answered(api.call("GET", ask))["results"][0]["name"] == names.SIGNED_IN
    assert answered(api.call("GET", f"/events/{event.id}"))["name"] == names.SIGNED_IN
    for scope in ("write", "read"):
        key = type(api)(acme, scope)
        assert answered(key.call("GET", ask))["results"] == []
        assert answered(key.call("GET", ask + "&count=exact"))["total"] == 0
        assert key.call("GET", f"/events/{event.id}").status_code == 404
        everything = answered(key.call("GET", "/events?limit=100"))["results"]
        assert everything and "Security" not in [each["targetType"] for each in everything]
        named = answered(key.call("GET", f"/events?name={names.SIGNED_IN}"))
        assert named["results"] == []
    for user in (users.bob, users.cleo, users.vic):
        client = sign_in(user)
        assert client.get(LOG).status_code == 403
        assert client.get("/~acme" + ask).json()["results"] == []
    assert sign_in(users.eve).get(LOG).status_code == 404


@pytest.mark.attack
def test_it_is_never_changed_and_never_forged(people_with_passwords, acme, api):
    sign_in(people_with_passwords.ann).get("/~acme/admin/")
    event = last(names.SIGNED_IN)
    for statement in ("UPDATE headlessly_event SET actor = 'x'", "DELETE FROM headlessly_event"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"{statement} WHERE seq = %s", [event.seq])
    for name in (names.SIGNED_IN, names.KEY_ISSUED):
        assert api.call("POST", "/events", {"name": name}).status_code == 422


@pytest.mark.attack
def test_an_admin_who_made_a_link_is_named_in_what_follows(people_with_passwords, acme, settings):
    settings.MAIL_IS_SET_UP = False
    users = people_with_passwords
    ann, member = sign_in(users.ann), users.bob.memberships.get()
    page = ann.post(f"/~acme/admin/settings/members/{member.pk}/link/").content.decode()
    link = page.split("data-secret>http://testserver")[1].split("<")[0]
    chosen = {"new_password1": "evil-horse-battery", "new_password2": "evil-horse-battery"}
    thief = Client()
    assert (
        thief.get(link.rsplit("/", 1)[0] + "/" + users.bob.pk).status_code == 404
    )  # another's name
    assert thief.post(link, chosen).status_code == 302
    thief.get("/~acme/admin/")
    for name in (names.PASSWORD_CHANGED, names.SIGNED_IN):
        assert last(name).data["linkMadeBy"] == users.ann.pk
        assert last(name).target == users.bob.pk
    assert "by a link that Ann made" in ann.get(LOG).content.decode()
    # As long as that password stays.
    sign_in(users.bob, password="evil-horse-battery").get("/~acme/admin/")
    assert last(names.SIGNED_IN).data["linkMadeBy"] == users.ann.pk
    own = sign_in(users.bob, password="evil-horse-battery")
    own.post(
        "/~acme/admin/account/password/",
        {"old_password": "evil-horse-battery"}
        | {"new_password1": PASSWORD, "new_password2": PASSWORD},
    )
    sign_in(users.bob).get("/~acme/admin/")
    assert "linkMadeBy" not in last(names.SIGNED_IN).data


def test_it_is_told_in_every_tenant_of_an_account_and_of_no_other(
    people_with_passwords, acme, rival, rival_api, api
):
    bob = people_with_passwords.bob
    Membership.objects.create(user=bob, tenant=rival, role="viewer")
    sign_in(bob, password="wrong")
    client = sign_in(bob)
    client.get("/~acme/admin/")
    ask = "/events?targetType=Security"
    names_of = lambda api: [e["name"] for e in answered(api.call("GET", ask))["results"]]  # noqa: E731
    assert names_of(api) == [names.SIGN_IN_FAILED, names.SIGNED_IN]
    assert names_of(rival_api) == [names.SIGN_IN_FAILED]
    seen = Membership.objects.get(user=bob, tenant=rival).seen_at
    assert seen is None and Membership.objects.get(user=bob, tenant=acme).seen_at is not None


def test_no_webhook_is_told(people_with_passwords, acme):
    from headlessly.models import Webhook
    from headlessly.webhooks import registration

    webhook: Any = registration.create_webhook(
        {"url": "https://example.com/hook", "events": ["*"], "secret": "s"}
    )
    assert not Webhook.objects.get(pk=webhook.pk).wants(names.SIGNED_IN, names.SECURITY)


def test_its_pages_read_as_much_for_many_events_as_for_few(
    people_with_passwords, acme, django_assert_max_num_queries
):
    ann = sign_in(people_with_passwords.ann)
    for number in range(60):
        record_security_event(names.KEY_ISSUED, name=f"Key {number}", scope="read")
    page = ann.get(LOG)
    older = page.context["older"]
    with django_assert_max_num_queries(11):
        assert "Key" in ann.get(LOG).content.decode()
    seen = {row["event"].seq for row in page.context["rows"]}
    more = {row["event"].seq for row in ann.get(f"{LOG}{older}").context["rows"]}
    assert len(seen) == 50 and more and not seen & more
    assert ann.get(LOG + "?before=nonsense&what=nothing").status_code == 200


def test_it_names_the_operator_in_the_log_of_the_tenant(people_with_passwords, acme):
    users = people_with_passwords
    olga, place = sign_in(users.olga), "/admin/headlessly/"
    member = users.bob.memberships.get()
    olga.post(f"{place}membership/{member.pk}/change/", {"role": "manager", "person": ""})
    olga.post(
        f"{place}apikey/add/",
        {"tenant": acme.pk, "name": "Theirs", "scope": "read", "rate_limit": "10"}
        | {"expires_at_0": "", "expires_at_1": ""},
    )
    chosen = {"password1": "other-horse-battery", "password2": "other-horse-battery"}
    olga.post(f"{place}user/{users.bob.pk}/password/", chosen | {"usable_password": "true"})
    olga.post(f"{place}user/", {"action": "sign_out_users", "_selected_action": [users.bob.pk]})
    olga.post(f"{place}membership/{member.pk}/delete/", {"post": "yes"})
    assert [name for name, actor in told() if actor == users.olga.pk] == [
        names.ROLE_CHANGED, names.KEY_ISSUED, names.PASSWORD_CHANGED, names.SESSIONS_ENDED,
        names.MEMBER_REMOVED,
    ]  # fmt: skip
    assert last(names.PASSWORD_CHANGED).data["linkMadeBy"] == users.olga.pk


def test_an_operator_lets_in_who_has_lost_their_second_factor(people_with_passwords, acme):
    from headlessly.accounts import factors
    from tests.headlessly.accounts.signing import give_app

    bob = people_with_passwords.bob
    give_app(bob)
    olga = sign_in(people_with_passwords.olga)
    sent = {"action": "remove_second_factors", "_selected_action": [bob.pk]}
    olga.post("/admin/headlessly/user/", sent)
    assert not factors.has_factor(bob)
    assert last(names.FACTOR_REMOVED).actor == people_with_passwords.olga.pk
    assert sign_in(bob).get("/~acme/admin/").status_code == 200
