"""The one public write: a form's submission by REST, without a key and from any website."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver

from crm import Contact, Lead
from headlessly import tenant_urls
from headlessly.access import tenancy
from headlessly.access.models import ApiKey, KeyUse
from headlessly.api import strangers
from headlessly.log.events import Event
from headlessly.web.callers import caller_address, customer_network
from marketing import Campaign, Form
from tests.answered import answered, named, problem, unchanged

FIELDS = [
    {"name": "email", "type": "email"},
    {"name": "name", "type": "text", "required": True},
    {"name": "newsletter", "type": "checkbox"},
    {"name": "seats", "type": "number"},
]
ADA = {"email": "ada@acme.example", "name": "Ada Chen"}
SHOP = "https://shop.example"


@pytest.fixture
def form(acme: Any) -> Form:
    return Form.create(
        name="Request a demo", fields=FIELDS, redirect_url="https://acme.example/thanks"
    ).publish()


@pytest.fixture
def draft(acme: Any) -> Form:
    return Form.create(name="Secret plans", fields=FIELDS)


@pytest.fixture
def stranger(db: None) -> Client:
    """A browser somewhere, without a key or a session."""
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


def address(form: Form, tenant: str = "acme") -> str:
    return f"/~{tenant}/forms/{form.pk}/submit"


def send(client: Client, form: Form, body: Any = ADA, **headers: str) -> Any:
    """JSON, as a script of a website sends it."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(address(form), json.dumps(body), "application/json", headers=sent)


def cors(response: Any) -> list[str]:
    return [name for name in response.headers if name.startswith("Access-Control")]


# -- what strangers may ---------------------------------------------------------------------------


def test_it_takes_json_without_a_key(stranger: Client, form: Form) -> None:
    said = answered(send(stranger, form, ADA | {"seats": 5, "newsletter": True}))
    assert said == {
        "$id": form.pk,
        "$type": "Form",
        "$context": "http://testserver/~acme",
        "name": "Request a demo",
        "redirectUrl": "https://acme.example/thanks",
    }
    lead = Lead.objects.get()
    assert (lead.source, lead.created_by, lead.contact.email) == ("form", "public", ADA["email"])
    assert Form.get(form.pk).submission_count == 1


def test_it_takes_what_a_browser_sends_without_a_script(stranger: Client, form: Form) -> None:
    sent = ADA | {"seats": "5", "newsletter": "on", "utm_source": "news"}
    response = stranger.post(
        address(form),
        "&".join(f"{k}={v}" for k, v in sent.items()),
        "application/x-www-form-urlencoded",
        headers={"Referer": "https://acme.example/pricing"},
    )
    answered(response)
    assert Lead.objects.get().source_detail == "https://acme.example/pricing"
    kept = Event.objects.get(name="form_submitted").data
    assert kept["answers"] == ADA | {"seats": 5, "newsletter": True}
    assert kept["utm"] == {"utm_source": "news"}


@pytest.mark.parametrize(
    ("sent", "referer", "detail"),
    [
        ("/pricing", "https://acme.example/", "/pricing"),
        (None, "https://acme.example/a", "https://acme.example/a"),
        (None, "https://acme.example/" + "x" * 3000, ("https://acme.example/" + "x" * 300)[:255]),
        (None, None, None),
        (None, "\x01", None),
    ],
)
def test_it_knows_the_page(
    sent: Any, referer: Any, detail: Any, stranger: Client, form: Form
) -> None:
    body = ADA | ({"page": sent} if sent else {})
    answered(send(stranger, form, body, **({"Referer": referer} if referer else {})))
    assert Lead.objects.get().source_detail == detail


def test_it_tells_a_stranger_which_answer_is_wrong(stranger: Client, form: Form) -> None:
    with unchanged():
        found = named(
            problem(
                send(stranger, form, {"email": "nobody", "colour": "red", "submissionCount": 5}),
                422, "validation_error", type="Form",
            )
        )  # fmt: skip
    assert found.keys() == {"email", "name"}


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"null", b"\xff", b'{"email": {"a": 1}}'])
def test_it_has_an_answer_to_any_body(body: bytes, stranger: Client, form: Form) -> None:
    with unchanged():
        response = stranger.post(address(form), body, "application/json")
        assert response.status_code in (400, 422)
        problem(response, response.status_code, response.json()["error"])


def test_it_has_an_answer_to_any_form(stranger: Client, form: Form) -> None:
    kind = "application/x-www-form-urlencoded"
    with unchanged():
        problem(stranger.post(address(form), "", kind), 422, "validation_error")
        problem(stranger.post(address(form), "email=%00&name=x", kind), 422, "validation_error")
        problem(stranger.post(address(form), "email=%ff%fe&name=x", kind), 422, "validation_error")
        problem(stranger.post(address(form), "email=a&email=b", kind), 422, "validation_error")
        parts = "multipart/form-data; boundary=x"
        problem(stranger.post(address(form), "x", parts), 422, "validation_error")
        problem(stranger.post(address(form), "x", parts.partition(";")[0]), 400, "bad_request")
        cut = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@acme.exa'
        problem(stranger.post(address(form), cut, parts), 422, "validation_error")
        many = "&".join(f"a{n}=1" for n in range(1001))
        problem(stranger.post(address(form), many, kind), 400, "bad_request")
        for other in ("text/plain", "text/xml"):
            problem(stranger.post(address(form), "x", other), 415, "unsupported_media_type")


def test_it_refuses_what_is_too_large(stranger: Client, form: Form) -> None:
    large = "x" * strangers.MAX_BODY_SIZE
    with unchanged():
        found = problem(send(stranger, form, ADA | {"name": large}), 413, "too_large")
        assert "256 KB" in found["message"]
        sent = stranger.post(address(form), f"email={large}", "application/x-www-form-urlencoded")
        problem(sent, 413, "too_large")


def test_it_shows_a_stranger_nothing_of_what_is_known(
    stranger: Client, form: Form, people: Any
) -> None:
    """Neither by a dry run, nor by a version, nor in an answer."""
    with unchanged():
        dry = stranger.post(f"{address(form)}?dryRun=true", json.dumps(ADA), "application/json")
        problem(dry, 400, "bad_request", field="dryRun")
    answered(send(stranger, form, ADA, If_Match='"99"'))
    for other in (Contact, Lead, Campaign):
        assert str(other.__name__) not in str(send(stranger, form).json())


def test_it_is_not_there_for_a_stranger_anywhere_else(
    stranger: Client, form: Form, draft: Form, rival: Any
) -> None:
    nobodys = "form_222222222222"
    with unchanged():
        problem(send(stranger, draft), 409, "conflict")
        for path in (
            f"/~acme/forms/{nobodys}/submit",
            f"/~rival/forms/{form.pk}/submit",
            f"/~nobody/forms/{form.pk}/submit",
            "/~acme/forms/%00/submit",
        ):
            problem(stranger.post(path, "{}", "application/json"), 404, "not_found", type="Form")
        problem(stranger.get(address(form)), 405, "method_not_allowed")
        for method, path in (
            ("post", "/~acme/forms"),
            ("get", f"/~acme/forms/{form.pk}"),
            ("patch", f"/~acme/forms/{form.pk}"),
            ("post", f"/~acme/forms/{form.pk}/publish"),
            ("post", f"/~acme/forms/{form.pk}/archive"),
            ("post", f"/~acme/forms/{form.pk}/rollback"),
            ("post", "/~acme/leads"),
        ):
            response = stranger.generic(method.upper(), path, "{}", "application/json")
            problem(response, 401, "unauthorized")


# -- with a key, with a session -------------------------------------------------------------------


def test_it_takes_a_key_like_any_other_verb(api: Any, form: Form, acme: Any) -> None:
    path = f"/forms/{form.pk}/submit"
    done = answered(type(api)(acme, "write").call("POST", path, ADA))
    assert (done["submissionCount"], done["$version"]) == (1, form.version + 1)
    with unchanged():
        told = answered(api.call("POST", f"{path}?dryRun=true", ADA | {"seats": 2}))
        assert [e["name"] for e in told["events"]] == [
            "Form.Submitted", "Lead.Created", "Touchpoint.Created", "form_submitted"
        ]  # fmt: skip
        problem(api.call("POST", path, ADA, If_Match='"1"'), 412, "stale")
        problem(type(api)(acme, "read").call("POST", path, ADA), 403, "forbidden")


def test_it_does_not_take_a_wrong_key_for_none(
    stranger: Client, form: Form, rival_api: Any, acme: Any
) -> None:
    expired, secret = ApiKey.issue(acme, "old")
    expired.revoke()
    with unchanged():
        for key in ("nonsense", secret, rival_api.secret):
            response = send(stranger, form, Authorization=f"Bearer {key}")
            problem(response, 401, "unauthorized")


def test_it_does_nothing_in_the_name_of_who_is_signed_in(
    stranger: Client, form: Form, acme: Any
) -> None:
    """Another website may make a member's browser send a form: it is a stranger's all the same."""
    from headlessly.access.models import Membership, User

    boss = User.objects.create_user("boss@acme.example", "pass-word-1")
    Membership.objects.create(user=boss, tenant=acme, role="admin")
    stranger.force_login(boss)
    assert "submissionCount" not in answered(send(stranger, form, Origin=SHOP))
    assert Lead.objects.get().created_by == "public"


def test_it_goes_into_a_batch(api: Any, form: Form) -> None:
    path = f"/forms/{form.pk}/submit"
    calls = [{"method": "POST", "path": path, "body": ADA | {"seats": n}} for n in (1, 2, 2)]
    found = answered(api.call("POST", "/batch", {"operations": calls, "atomic": True}))
    assert [each["status"] for each in found["results"]] == [200] * 3
    assert (Form.get(form.pk).submission_count, Contact.count()) == (2, 1)


def test_it_is_sent_once_however_often_it_is_retried(stranger: Client, form: Form) -> None:
    first = send(stranger, form, Idempotency_Key="a-visit", Origin=SHOP)
    again = send(stranger, form, Idempotency_Key="a-visit", Origin=SHOP)
    assert answered(first) == answered(again)
    assert again["Idempotency-Replayed"] == "true" and cors(again)
    assert Form.get(form.pk).submission_count == 1


# -- how much -------------------------------------------------------------------------------------


def test_it_takes_so_many_a_minute_from_one_address(
    stranger: Client, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "PER_MINUTE", 3)
    for number in range(3):
        answered(send(stranger, form, ADA | {"seats": number}))
    found = send(stranger, form, Origin=SHOP)
    assert (
        "One address may send 3 requests a minute" in problem(found, 429, "rate_limited")["message"]
    )
    assert int(found["Retry-After"]) > 0 and cors(found)
    assert Form.get(form.pk).submission_count == 3
    preflight(stranger, form)  # asks, and sends nothing
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    answered(send(elsewhere, form))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", "nonsense", False),
    ],
)
def test_it_tells_one_visitor_from_another(one: str, other: str, same: bool) -> None:
    assert (customer_network(one) == customer_network(other)) is same


def test_it_believes_a_proxy_only_when_told_to(rf: Any, settings: Any) -> None:
    request = rf.get("/", headers={"X-Forwarded-For": "198.51.100.1, 192.0.2.9"})
    settings.TRUST_PROXY = False
    assert caller_address(request.META) == "127.0.0.1"
    settings.TRUST_PROXY = True
    assert caller_address(request.META) == "192.0.2.9"
    assert caller_address(rf.get("/").META) == "127.0.0.1"


def test_it_forgets_addresses_whose_minute_is_over(acme: Any) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from headlessly.database import prepared

    old = timezone.now() - timedelta(minutes=2)
    for key, since in (("ip_old", old), ("ip_new", timezone.now()), ("apikey_old", old)):
        KeyUse.objects.create(key=key, since=since, count=1)
    prepared.execute_prepared(strangers.CLEAR, [], rows=False)
    assert set(KeyUse.objects.values_list("key", flat=True)) == {"ip_new", "apikey_old"}


# -- other websites -------------------------------------------------------------------------------


def preflight(client: Client, form: Form, tenant: str = "acme") -> Any:
    return client.options(
        address(form, tenant),
        headers={"Origin": SHOP, "Access-Control-Request-Method": "POST"},
    )


def test_it_lets_any_website_send_a_published_form(stranger: Client, form: Form) -> None:
    asked = preflight(stranger, form)
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (204, "*")
    assert "POST" in asked["Access-Control-Allow-Methods"]
    assert "Content-Type" in asked["Access-Control-Allow-Headers"]
    for response, status in ((send(stranger, form, Origin=SHOP), 200),
                             (send(stranger, form, {}, Origin=SHOP), 422)):  # fmt: skip
        assert response.status_code == status
        assert response["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response
        assert "Origin" in response["Vary"]


def test_it_lets_no_website_near_a_form_that_is_not_published(
    stranger: Client, form: Form, draft: Form, rival: Any
) -> None:
    for response in (
        preflight(stranger, draft),
        send(stranger, draft, Origin=SHOP),
        preflight(stranger, form, "rival"),
        preflight(stranger, form, "nobody"),
        preflight(stranger, Form(id="form_\x00")),
        send(stranger, form),  # no other website
    ):
        assert cors(response) == []
    form.archive()
    assert cors(preflight(stranger, form)) == cors(send(stranger, form, Origin=SHOP)) == []


def addresses(patterns: list[Any], before: str = "") -> Any:
    for each in patterns:
        path = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns, path)
        elif isinstance(each, URLPattern):
            yield path


def test_it_is_the_only_address_for_other_websites(
    stranger: Client, api: Any, form: Form, acme: Any
) -> None:
    tried = 0
    for path in addresses(tenant_urls.urlpatterns):
        if path.startswith("admin") or "\\Z" in path or path == "forms/<id>/submit":
            continue
        path = path.replace("<id>", form.pk).replace("<key>", form.pk).replace("<name>", "Lead")
        path = f"/~acme/{path.replace('<what>', 'nothing')}"
        for method in ("options", "get", "post"):
            for client, key in ((stranger, {}), (api, {"Authorization": f"Bearer {api.secret}"})):
                response = getattr(client, method)(path, headers={"Origin": SHOP} | key)
                assert cors(response) == [], (method, path)
                tried += 1
    assert tried > 300
    for path in ("/", "/healthz", "/admin/", "/~acme/admin/"):
        assert cors(stranger.options(path, headers={"Origin": SHOP})) == []


def test_it_counts_only_its_own_tenant(stranger: Client, form: Form, rival: Any) -> None:
    answered(send(stranger, form))
    with tenancy.active(rival):
        assert (Lead.count(), Contact.count(), Event.objects.count()) == (0, 0, 0)


# -- the document ---------------------------------------------------------------------------------


def test_it_says_in_the_document_that_it_needs_no_key(api: Any, form: Form) -> None:
    from tests.contract.described import described_to

    described = described_to(api)
    _, _, operation = described.operations["formSubmit"]
    assert operation["security"] == [{}, {"bearer": []}]
    assert set(operation["requestBody"]["content"]) == {
        "application/json", "application/x-www-form-urlencoded", "multipart/form-data"
    }  # fmt: skip
    assert described.takes("formSubmit", ADA | {"seats": 5, "newsletter": True}) == []
    stranger = Client()
    described.fits("formSubmit", send(stranger, form), 200)
    described.fits("formSubmit", send(stranger, form, {}), 422)
    others = [i for i, (_, _, o) in described.operations.items() if {} in o["security"]]
    assert others == ["formSubmit"]
    said = answered(api.call("GET", "/schema/Form"))["verbs"]
    assert said["submit"]["public"] is True and "public" not in said["publish"]
