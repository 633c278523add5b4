"""For everybody: each page passes axe, fits a phone, loads nothing from elsewhere and keeps to its policy."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.conftest import PASSWORD, sign_in
from tests.contract import samples

pytestmark = pytest.mark.browser

RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COLOURS = {"type": "rule", "values": ["color-contrast"]}
LARGE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


class Walk:
    """A browser that looks at each page as everybody might, and notes what is wrong with it."""

    def __init__(self, page: Any, site: str) -> None:
        self.page, self.site, self.wrong = page, site, []
        self.place = ""
        page.emulate_media(reduced_motion="reduce")  # a colour on its way to another is neither
        page.on("pageerror", lambda error: self.note("script", error))
        page.on("console", lambda said: said.type == "error" and self._said(said))
        page.on(
            "request", lambda r: r.url.startswith((site, "data:")) or self.note("elsewhere", r.url)
        )

    def note(self, kind: str, what: Any) -> None:
        self.wrong.append(f"{self.place}: {kind}: {what}")

    def _said(self, said: Any) -> None:
        # A browser says so of every answer that is an error; whether it should be one is not asked here.
        if "Failed to load resource" not in said.text:
            self.note("console", said.text)

    def go(self, address: str, *, status: int = 200) -> None:
        """Open a page and look at it."""
        self.place = address
        answer = self.page.goto(self.site + address)
        if answer.status != status:
            self.note("status", answer.status)
        if "content-security-policy" not in answer.headers:
            self.note("policy", "none")
        self.look()

    def look(self, name: str = "") -> None:
        """Large and light, large and dark, and on a phone."""
        self.place += name and f" ({name})"
        self.page.evaluate(AXE_SCRIPT)
        self.page.set_viewport_size(LARGE)
        self._axe(RULES, "large")
        self.page.emulate_media(color_scheme="dark")
        self._axe(COLOURS, "dark")
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(PHONE)
        self._axe(RULES, "phone")
        if (width := self.page.evaluate("document.documentElement.scrollWidth")) > PHONE["width"]:
            self.note("sideways", width)
        self.page.set_viewport_size(LARGE)

    def _axe(self, rules: Any, how: str) -> None:
        found = self.page.evaluate(
            "rules => axe.run({runOnly: rules, resultTypes: ['violations']}).then(r => r.violations.map("
            "v => [v.id, v.nodes.map(n => n.target.join(' ') + ' ' + n.any.map(a => a.message).join(' '))]))",
            rules,
        )
        for id, nodes in found:
            self.note(f"axe {how}", f"{id}: {len(nodes)} like {nodes[:2]}")


@pytest.fixture
def walk(page: Any, site: str) -> Iterator[Walk]:
    """At its end everything that was wrong is told at once."""
    walk = Walk(page, site)
    yield walk
    if walk.wrong:
        pytest.fail("\n".join(walk.wrong), pytrace=False)


def user(name: str, *places: tuple[Any, str], **more: Any) -> Any:
    from headlessly.models import Membership, User

    made = User.objects.create_user(f"{name}@sign.example", PASSWORD, first_name=name.title(), **more)
    for tenant, role in places:
        Membership.objects.create(user=made, tenant=tenant, role=role)
    return made


def test_those_who_are_outside(walk, site, acme, rival):
    tomas = user("tomas", (acme, "viewer"), (rival, "manager"))
    walk.go("/")
    walk.page.get_by_role("button", name="Sign in").click()
    walk.page.get_by_text("Type your email.").wait_for()
    walk.look("refused")
    walk.go("/welcome/user_none/none", status=404)
    sign_in(walk.page, site, tomas.email)
    walk.place = "choose"
    walk.look()
    walk.go("/~nowhere/admin/", status=404)


def test_those_who_sell(walk, site, acme, people, qualified):
    from headlessly.nouns import registry

    ann = user("ann", (acme, "admin"))
    records = [samples.create(noun, full=True) for noun in registry.values()]
    sign_in(walk.page, site, ann.email)
    for address in ("", "dashboard/", "settings/", "settings/members/", "settings/keys/", "password_change/"):
        walk.go(f"/~acme/admin/{address}")
    for record in records:
        noun = f"/~acme/admin/{record._meta.app_label}/{record._meta.model_name}/"
        for address in ("", "add/", f"{record.pk}/change/"):
            walk.go(noun + address)
