"""A passkey of a real browser, attacked over the network: what was signed is caught, moved and copied."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from playwright.sync_api import Error

from headlessly.access.models import Membership, User
from headlessly.accounts import factors
from headlessly.accounts.models import Guess, SecondFactor
from tests.browser.conftest import PASSWORD, open_session, sign_in
from tests.browser.test_passkeys import AUTHENTICATOR
from tests.headlessly.accounts.signing import code_of, give_app

pytestmark = [pytest.mark.browser, pytest.mark.attack]

#: What the page's own script does, for a challenge that somebody else was asked.
SIGN = """async ([challenge, ids]) => {
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")),
                                          (letter) => letter.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const given = await navigator.credentials.get({ publicKey: {
    challenge: bytes(challenge), rpId: "localhost",
    allowCredentials: ids.map((id) => ({ type: "public-key", id: bytes(id) })) } });
  const response = {};
  for (const name of ["clientDataJSON", "authenticatorData", "signature"])
    response[name] = text(given.response[name]);
  return JSON.stringify({ id: given.id, rawId: text(given.rawId), type: given.type, response });
}"""


class Thief:
    """Who knows somebody's password and has a program instead of a browser."""

    def __init__(self, site: str, email: str) -> None:
        Guess.objects.all().delete()  # it is not the waiting for guesses that refuses
        self.site = site
        self.client = httpx.Client(base_url=site, trust_env=False, timeout=60)
        self._post("/", {"username": email, "password": PASSWORD})
        self.page = self.client.get("/second").text

    def _post(self, path: str, data: dict[str, str]) -> httpx.Response:
        self.client.get(path)
        token = self.client.cookies["csrftoken"]
        sent = data | {"csrfmiddlewaretoken": token}
        return self.client.post(path, data=sent, headers={"Referer": self.site + path})

    def challenge(self) -> str:
        found = re.search(r'"challenge": "([\w-]+)"', self.page)
        assert found, self.page
        return found[1]

    def show(self, **data: str) -> bool:
        """Whether this lets in."""
        token = {"csrfmiddlewaretoken": self.client.cookies["csrftoken"]}
        headers = {"Referer": self.site + "/second"}
        answer = self.client.post("/second", data=data | token, headers=headers)
        assert answer.status_code in (302, 422), answer
        found = self.client.get("/~acme/admin/").status_code == 200
        assert found == (answer.status_code == 302)
        return found


def member(acme: Any, name: str) -> User:
    user = User.objects.create_user(f"{name}@sign.example", PASSWORD, first_name=name.title())
    Membership.objects.create(user=user, tenant=acme, role="admin")
    return user


def add_passkey(page: Any, site: str) -> None:
    page.goto(f"{site}/~acme/admin/account/passkey/")
    page.get_by_label("What you call it").fill("Laptop")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("button", name="Make recovery codes").wait_for()


def test_what_a_passkey_signed_lets_nobody_else_in(page: Any, site: str, acme: Any, settings: Any):
    ann, bob = member(acme, "ann"), member(acme, "bob")
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    added = devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    device = {"authenticatorId": added["authenticatorId"]}
    site = site.replace("127.0.0.1", "localhost")

    # Who has a session alone, and not the password, adds none.
    lasting, settings.CONFIRMED_FOR = settings.CONFIRMED_FOR, timedelta(0)
    open_session(page, site, ann)
    page.goto(f"{site}/~acme/admin/account/passkey/")
    page.get_by_label("Password").wait_for()
    assert "/confirm/" in page.url
    token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    posted = page.request.post(
        f"{site}/~acme/admin/account/passkey/",
        form={"csrfmiddlewaretoken": token, "passkey": "{}"},
        headers={"Referer": site},
        max_redirects=0,
    )
    assert posted.status == 302
    assert "/confirm/" in posted.headers["location"]
    assert not factors.has_factor(ann)
    settings.CONFIRMED_FOR = lasting

    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    page.get_by_label("What you call it").wait_for()
    add_passkey(page, site)
    page.context.clear_cookies()
    sign_in(page, site, ann.email)
    with page.expect_request(lambda each: each.method == "POST") as caught:
        page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/~acme/admin/")
    signed = parse_qs(caught.value.post_data)["passkey"][0]
    assert not Thief(site, ann.email).show(passkey=signed), "again"

    # The browser is had to sign what somebody else was asked, as a page in between would.
    (mine,) = devices.send("WebAuthn.getCredentials", device)["credentials"]
    id = mine["credentialId"].replace("+", "-").replace("/", "_").rstrip("=")
    thief, asked = Thief(site, bob.email), Thief(site, ann.email).challenge()
    assert thief.client.get("/~acme/admin/").status_code == 200, "bob has no second factor yet"
    thief = Thief(site, ann.email)
    assert not thief.show(passkey=page.evaluate(SIGN, [asked, [id]])), "another's challenge"
    page.context.clear_cookies()
    sign_in(page, site, bob.email)
    page.wait_for_url("**/~acme/admin/")
    add_passkey(page, site)
    theirs = [
        each["credentialId"].replace("+", "-").replace("/", "_").rstrip("=")
        for each in devices.send("WebAuthn.getCredentials", device)["credentials"]
        if each["credentialId"] != mine["credentialId"]
    ]
    thief = Thief(site, ann.email)
    signed = page.evaluate(SIGN, [thief.challenge(), theirs])
    assert not thief.show(passkey=signed), "another account's passkey"

    # From another site; the browser may refuse it, too.
    evil = site.replace("localhost", "evil.localhost")
    page.route(f"{evil}/**", lambda route: route.fulfill(body="<p>Win", content_type="text/html"))
    page.goto(f"{evil}/")
    thief = Thief(site, ann.email)
    try:
        elsewhere = page.evaluate(SIGN, [thief.challenge(), [id]])
    except Error as problem:
        assert "SecurityError" in str(problem) or "relying party" in str(problem)
    else:
        assert not thief.show(passkey=elsewhere), "another origin"

    # The same, asked for by this very browser, is right: the attacks failed for what they are.
    page.goto(f"{site}/healthz")
    thief = Thief(site, ann.email)
    assert thief.show(passkey=page.evaluate(SIGN, [thief.challenge(), [id]]))

    # A copy of it counts behind the one that went on.
    SecondFactor.objects.filter(user=ann).update(counter=1_000)
    thief = Thief(site, ann.email)
    assert not thief.show(passkey=page.evaluate(SIGN, [thief.challenge(), [id]])), "a copy"
    # Of all tries, none moved the counter.
    assert SecondFactor.objects.get(user=ann, kind=SecondFactor.PASSKEY).counter == 1_000


def test_a_code_lets_one_in_of_two_at_once(page: Any, site: str, acme: Any):
    ann = member(acme, "ann")
    key = give_app(ann)
    paper = factors.new_codes(ann)[0]
    for code in (paper, code_of(key)):
        thieves = [Thief(site, ann.email), Thief(site, ann.email)]
        gate = threading.Barrier(2)

        def show(thief: Thief, code: str = code, gate: threading.Barrier = gate) -> bool:
            gate.wait(60)
            return thief.show(code=code)

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(show, thieves)) == [False, True]
        assert not Thief(site, ann.email).show(code=code), "again"
