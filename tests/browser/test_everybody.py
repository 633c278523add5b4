"""For everybody: each page passes axe, fits a phone, loads nothing from elsewhere and keeps to its policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from axe_playwright_python.base import AXE_SCRIPT
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import URLPattern
from django.utils import timezone

from headlessly.accounts.models import Invitation
from headlessly.models import Delivery
from headlessly.notifications.telling import Notice, tell
from headlessly.webhooks import registration
from tests.browser.conftest import PASSWORD, open_session, sign_in
from tests.browser.markup import Markup, with_something_new
from tests.contract import samples
from tests.headlessly.admin.signed_in import client_of

pytestmark = pytest.mark.browser

RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
#: And of the best practices: all that is on a page is in a landmark.
LANDMARKS = {"region": {"enabled": True}}
#: A page has few colours, and axe reads each from its text for every element and all that it lies on.
COLOURS = """
{
  const known = new Map(), colour = axe.commons.color.Color.prototype, read = colour.parseString;
  colour.parseString = function (text) {
    if (known.has(text)) [this.r, this.g, this.b, this.alpha] = known.get(text);
    else known.set(text, [read.call(this, text), this.r, this.g, this.b, this.alpha].slice(1));
    return this;
  };
}
"""
#: Most texts of a walk look like one that axe found legible: in the same colour, as large and as bold, on the
#: same grounds. Such a look is not looked at again. Whatever lies on something else than its ancestors, or
#: shines through, has no look that can be told from its styles: axe sees to each.
LOOKS = """
{
  const { rules, checks } = axe._audit, rule = rules.find(({ id }) => id === "color-contrast");
  const check = checks["color-contrast"], { matches } = rule, { evaluate } = check;
  const TELLS_NOTHING = null, SHINES = false;
  let legible = new Set(), fresh = [], grounds = new WeakMap();
  const ground = (element) => {
    if (!element) return "";
    if (grounds.has(element)) return grounds.get(element);
    const style = getComputedStyle(element), under = ground(element.parentElement);
    const { backgroundColor: colour, backgroundImage: image, position } = style;
    const shines = style.opacity !== "1" || style.filter !== "none" || style.mixBlendMode !== "normal";
    const covers = image === "none" && !/^rgba|[/]/.test(colour);
    const lies = position === "static" || position === "relative";
    let found = `${under}|${colour} ${image}`;
    if (shines || under === SHINES) found = SHINES;
    else if (covers) found = colour;
    else if (!lies || under === TELLS_NOTHING) found = TELLS_NOTHING;
    else if (colour === "rgba(0, 0, 0, 0)" && image === "none") found = under;
    grounds.set(element, found);
    return found;
  };
  const look = (element) => {
    const under = ground(element);
    if (under === SHINES || under === TELLS_NOTHING) return null;
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(element);
    return [color, fontSize, fontWeight, textShadow, under].join(" on ");
  };
  rule.matches = function (element, ...more) {
    return !legible.has(look(element)) && matches.call(this, element, ...more);
  };
  check.evaluate = function (element, ...more) {
    const seen = look(element);
    if (legible.has(seen)) return true;
    const found = evaluate.call(this, element, ...more);
    if (found === true && seen) {
      legible.add(seen);
      fresh.push(seen);
    }
    return found;
  };
  window.looks = {
    begin: (known) => ([legible, fresh, grounds] = [new Set(known.split("\\n")), [], new WeakMap()]),
    end: () => fresh.join("\\n"),
  };
}
"""
#: Whether the frame was there, what axe found, how wide the page is, and whether it had remained light in the
#: dark: in one question. A page hears of another light some frames later. A frame that is known is away
#: meanwhile, for axe reads all that there is before it leaves something out.
AXE = """
async ([within, without, frame, rules, more, legible]) => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const dazzled = () => dark && document.documentElement.classList.contains("light");
  for (let frame = 0; dazzled() && frame < 60; frame++) await new Promise(requestAnimationFrame);
  const where = { include: [within], exclude: without };
  const how = { runOnly: rules, rules: more, resultTypes: ["violations"], preload: false };
  const around = document.querySelector(frame);
  const away = without.length && around ? [...around.childNodes] : [];
  for (const each of away) each.remove();
  looks.begin(legible);
  const found = await axe.run(where, how);
  around?.append(...away);
  const said = (node) => [...node.target, ...node.any.map((each) => each.message)].join(" ");
  return [
    around !== null,
    found.violations.map((each) => [each.id, each.nodes.map(said)]),
    document.documentElement.scrollWidth,
    dazzled(),
    looks.end(),
  ];
}
"""
WIDTH = "document.documentElement.scrollWidth"
#: Whether the page has keys to tell of; what has the focus would take them for itself.
HAS_KEYS = """() => {
  document.activeElement.blur();
  return document.querySelector(".frame-menu") !== null;
}"""
KEYS_TOLD = "document.querySelectorAll('dialog#keys[open] kbd').length"
#: What is the same on all pages of a walk, and as much as the page itself: looked at once in each shape.
FRAME = "#menu"
LARGE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
#: What a page of 1440 pixels has at 200 %.
ZOOMED = {"width": 720, "height": 450}


class Walk:
    """A browser that looks at each page as everybody might, and notes what is wrong with it."""

    def __init__(self, page: Any, site: str) -> None:
        self.page, self.site, self.wrong = page, site, []
        self.place = ""
        self.known_frames: set[str] = set()
        self.legible: list[str] = []
        self.is_large = True
        page.set_viewport_size(LARGE)
        page.emulate_media(reduced_motion="reduce")  # a colour on its way to another is neither
        page.add_init_script(AXE_SCRIPT + COLOURS + LOOKS)
        page.on("pageerror", lambda error: self.note("script", error))
        page.on("console", lambda said: said.type == "error" and self._said(said))
        page.on("requestfailed", lambda r: r.url.startswith(site) or self.note("elsewhere", r.url))

    def note(self, kind: str, what: Any) -> None:
        self.wrong.append(f"{self.place}: {kind}: {what}")

    def _said(self, said: Any) -> None:
        # A browser says so of every answer that is an error; whether it should be one is not asked here.
        if "Failed to load resource" not in said.text:
            self.note("console", said.text)

    def go_through(self, addresses: Iterable[str], *, full: bool = True) -> None:
        """Look at one page after the other."""
        for address in addresses:
            self.go(address, full=full, stay=True)

    def go(self, address: str, *, status: int = 200, full: bool = True, stay: bool = False) -> None:
        """Open a page and look at it."""
        self.place = address
        answer = self.page.goto(self.site + address)
        if answer.status != status:
            self.note("status", answer.status)
        if "content-security-policy" not in answer.headers:
            self.note("policy", "none")
        self.look(full=full, stay=stay)
        if full and "/~" in address and self.page.evaluate(HAS_KEYS):
            self._ask_for_keys()

    def _ask_for_keys(self) -> None:
        self.page.keyboard.press("?")
        if self.page.evaluate(KEYS_TOLD) > 1:
            self.page.keyboard.press("Escape")
        else:
            self.note("keys", "? tells none")

    def look(
        self, name: str = "", *, within: str = "html", full: bool = True, stay: bool = False
    ) -> None:
        """Large and light; with ``full`` also on a phone in the dark: each rule in both shapes, and each
        colour in both lights. Whoever ``stay``s goes on to the next page as they saw this one last: pages are
        drawn in one shape and come to fit the other, by turns."""
        self.place = f"{self.place.split(' (')[0]} ({name})" if name else self.place
        was_large = self.is_large
        for is_large in (was_large, not was_large):
            self._resize(is_large)
            if is_large:
                self._fits(self.axe(within, "large"), LARGE)
            else:
                self._look_small(within, full)
            if full and is_large is was_large:
                self._look_from_near()
        if not stay:
            self._resize(True)

    def _resize(self, is_large: bool) -> None:
        if is_large is not self.is_large:
            self.page.set_viewport_size(LARGE if is_large else PHONE)
            self.is_large = is_large

    def _look_small(self, within: str, full: bool) -> None:
        if full:
            self.page.emulate_media(color_scheme="dark")
            width = self.axe(within, "on a phone in the dark")
            self.page.emulate_media(color_scheme="light")
        else:
            width = self.page.evaluate(WIDTH)
        self._fits(width, PHONE)

    def _fits(self, width: int, window: dict[str, int]) -> None:
        if width > window["width"]:
            self.note("sideways", f"{width} in {window['width']}")

    def _look_from_near(self) -> None:
        self.page.set_viewport_size(ZOOMED)
        self._fits(self.page.evaluate(WIDTH), ZOOMED)

    def axe(self, within: str, how: str) -> int:
        """Note what axe finds; answers how wide the page is."""
        without = [FRAME] if how in self.known_frames else []
        more = LANDMARKS if within == "html" and how == "large" else {}
        asked = [within, without, FRAME, RULES, more, "\n".join(self.legible)]
        has_frame, found, width, dazzled, legible = self.page.evaluate(AXE, asked)
        self.legible += filter(None, legible.split("\n"))
        if within == "html" and has_frame:
            self.known_frames.add(how)
        if dazzled:
            self.note("light", f"was looked at {how}")
        for id, nodes in found:
            self.note(f"axe {how}", f"{id}: {len(nodes)} like {nodes[:2]}")
        return width


@pytest.fixture
def walk(page: Any, site: str) -> Iterator[Walk]:
    """At its end everything that was wrong is told at once."""
    walk = Walk(page, site)
    yield walk
    if walk.wrong:
        pytest.fail("\n".join(walk.wrong), pytrace=False)


def user(name: str, *places: tuple[Any, str], **more: Any) -> Any:
    from headlessly.access.models import Membership, User

    made = User.objects.create_user(
        f"{name}@sign.example",
        PASSWORD,
        first_name=name.title(),
        email_proven_at=timezone.now(),
        **more,
    )
    for tenant, role in places:
        Membership.objects.create(user=made, tenant=tenant, role=role)
    return made


#: Each makes one text of a page that was looked at illegible in its own way.
SPOILS = {
    "its colour": "(text) => (text.style.color = '#d0d0d0')",
    "its ground": "(text) => (text.closest('.head').style.background = '#404040')",
    "what it lies on": """(text) => {
      const dark = text.parentElement.appendChild(document.createElement("p"));
      dark.style.cssText = "position: absolute; inset: 0; background: #303030";
      text.parentElement.style.position = "relative";
      text.style.cssText = "position: absolute; z-index: 1";
    }""",
    "how it shines": "(text) => (text.style.opacity = 0.3)",
}


def test_a_walk_tells_of_what_nobody_can_read_and_of_what_comes_from_elsewhere(page, site, acme):
    walk = Walk(page, site)
    open_session(page, site, user("ann", (acme, "admin")))
    walk.go("/~acme/admin/crm/lead/", full=False)
    assert walk.wrong == []
    page.evaluate("window.unspoilt = document.getElementById('hly').cloneNode(true)")
    for spoils in SPOILS.values():
        page.locator("#hly h1").evaluate(spoils)
        walk.look(full=False)
        assert ["color-contrast" in each for each in walk.wrong] == [True], spoils
        walk.wrong.clear()
        page.evaluate("document.getElementById('hly').replaceWith(unspoilt.cloneNode(true))")
    walk.look(full=False)
    assert walk.wrong == []
    with page.expect_event("requestfailed"):
        page.evaluate("new Image().src = 'https://elsewhere.example/'")
    assert any("elsewhere: https://elsewhere.example/" in each for each in walk.wrong)


def test_those_who_are_outside(walk, site, acme, rival):
    tomas = user("tomas", (acme, "viewer"), (rival, "manager"))
    walk.go("/")
    walk.page.get_by_role("button", name="Sign in").click()
    walk.page.get_by_text("Type your email.").wait_for()
    walk.look("refused")
    walk.go("/forgotten")
    walk.go("/invitation/none/none", status=404)
    invited = Invitation.objects.create(
        tenant=acme, email="new@sign.example", first_name="Nora", role="rep", invited_by="system",
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    walk.go(f"/invitation/{invited.pk}/{invited.token}")
    sign_in(walk.page, site, tomas.email)
    walk.place = "choose"
    walk.look()
    tomas.refresh_from_db()
    walk.go(f"/password/{tomas.pk}/{default_token_generator.make_token(tomas)}")
    walk.go("/~nowhere/admin/", status=404)


def pages_of_the_workplace() -> list[str]:
    """The addresses that take no record, but for those that are no pages."""
    from headlessly.admin import workplace

    no_pages = {
        "login",
        "logout",
        "jsi18n",
        "autocomplete",
        "find",
        "search",
        "session",
        "sessions_end",
        "when",
        "watch_token",
        "notifications_unread",
        "mentions",
        "notifications_read",
        "follow",
        "undo",
        "put_off",
        "take",
        "hand_over",  # of somebody: see below
    }
    found = {str(p.pattern): p.name for p in workplace.get_urls() if isinstance(p, URLPattern)}
    return [a for a, name in found.items() if name not in no_pages and not set("<(") & set(a)]


def test_those_who_sell(walk, site, acme, people, qualified):
    from headlessly.declaration.registry import registry

    ann = user("ann", (acme, "admin"))
    records = [samples.create(noun, full=True) for noun in registry.values()]
    gone = samples.create(type(qualified))
    gone.delete()
    about = {"record": qualified.pk, "record_type": "Lead", "actor": "system"}
    told = Notice("mentioned", ann.pk, "an occasion", excerpt="Have a look", **about)
    due = Notice("overdue", ann.pk, "another", **about)
    with transaction.atomic():
        tell([told, due])
    open_session(walk.page, site, ann)
    start = "/~acme/admin/"
    # A page that is added is looked at from that day on.
    walk.go_through(start + address for address in pages_of_the_workplace())
    client, known = client_of(ann), set()
    pages: dict[str, str] = {}
    for record in records:
        noun = f"{start}{record._meta.app_label}/{record._meta.model_name}/"
        for address in (noun, f"{noun}add/", f"{noun}{record.pk}/change/"):
            html = client.get(address).content.decode()
            # They share their templates: two of them stand for all in the dark and on a phone.
            if type(record).__name__ in ("Lead", "Activity"):
                walk.go(address, stay=True)
                known |= Markup(html).kinds
            else:
                pages[address] = html
    # That each is there, and what it may load, is in ``test_admin_get.py``.
    others = with_something_new(pages, known)
    assert 10 < len(others) < len(pages)
    walk.go_through(others, full=False)
    deal = next(record for record in records if type(record).__name__ == "Deal")
    lead, credit = f"{start}crm/lead/", f"{start}marketing/touchpoint/attribution/"
    walk.go_through([
        *(f"{start}crm/activity/calendar/{by}/" for by in ("month", "week", "day")),
        f"{start}marketing/campaign/calendar/", f"{start}account/calendar/",
        *(lead + each for each in ("board/", "?q=nobody+at+all", "?deleted=true", "?asOf=2026-01-31")),
        *(f"{lead}{qualified.pk}/{each}/" for each in ("history", "delete", "edit")),
        *(credit + each for each in ("", "deals/", f"{deal.pk}/")),
    ])  # fmt: skip
    walk.go(f"{start}dashboard/tables/team/")
    walk.go(f"{start}today/hand-over/?of={people.bob.pk}")
    walk.go(f"{start}nothing/", status=404)


def test_what_an_agent_proposes(walk, site, acme, people, qualified):
    from headlessly.access import actors
    from headlessly.access.models import ApiKey
    from headlessly.scripts import proposals

    with actors.acting(ApiKey.issue(acme, "Agent", "propose")[0].actor):
        made = proposals.propose(
            f"""lead = Lead.get("{qualified.pk}")
lead.update(score=5, need="{"One tool for all of it. " * 9}")
lead.convert()
Contact.create(name="Eve").delete()""",
            "Acme is ready",
        )
    open_session(walk.page, site, user("ann", (acme, "admin")))
    start = "/~acme/admin/proposals/"
    walk.go(start)
    walk.go(f"{start}{made.pk}/")
    walk.page.get_by_text("Refuse…").click()
    walk.look("refusing", full=False)
    qualified.update(score=50)
    walk.page.get_by_role("button", name="Approve").click()
    walk.page.get_by_text("The world has changed").wait_for()
    walk.look("changed")
    walk.page.get_by_role("button", name="Approve").click()
    walk.page.get_by_text("approved this").wait_for()
    walk.look("approved")
    walk.page.goto(f"{site}/~acme/admin/crm/lead/{qualified.pk}/change/")
    walk.page.get_by_text("in a script that").first.click()
    walk.look("in a script", within=".timeline")


def test_what_opens_on_a_page(walk, site, acme, people, qualified, work):
    """Dialogs, menus, what is edited in place, what is refused."""
    open_session(walk.page, site, user("ann", (acme, "admin")))
    page = walk.page
    dialog = page.locator("dialog[open]")
    leads = f"{site}/~acme/admin/crm/lead/"

    walk.go("/~acme/admin/crm/lead/", full=False)
    page.locator("summary", has_text="More filters").click()
    walk.look("filters", within=".more")
    page.goto(leads)
    page.get_by_role("checkbox", name="Select Acme").check()
    walk.look("selected")
    page.get_by_role("button", name="Lose…").click()
    dialog.get_by_role("button", name="Lose").click()
    dialog.get_by_role("alert").wait_for()
    walk.look("lose several")
    page.goto(leads)
    page.locator(".views .menus > .menu > summary", has_text="View").click()
    page.get_by_role("button", name="Save as a new view…").click()
    walk.look("save a view")
    page.goto(leads)
    page.locator(".list td.name a").first.focus()
    page.keyboard.press(" ")
    page.get_by_role("complementary", name="Acme").wait_for()
    walk.look("a record beside its list")
    page.goto(leads)
    page.locator("[data-cell=owner]").first.click()
    page.locator("td.editing .select2-container--open").wait_for()
    # What opens lies over a part of the list, which was looked at before.
    walk.look("an owner in place", within="td.editing, .select2-container--open")

    walk.go(f"/~acme/admin/crm/lead/{qualified.pk}/change/", full=False)
    page.keyboard.press("n")
    walk.look("a note")
    page.get_by_role("link", name="+ add").first.click()
    page.get_by_role("textbox", name="Authority").wait_for()
    walk.look("an answer in place")
    page.get_by_role("button", name="Convert…").click()
    dialog.get_by_text("What will happen").wait_for()
    walk.look("convert")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Lose…").click()
    dialog.get_by_role("button", name="Lose").click()
    dialog.get_by_role("alert").wait_for()
    walk.look("lose")
    page.keyboard.press("Escape")
    page.goto(f"{site}/~acme/admin/crm/contact/{people.ada.pk}/change/")
    page.get_by_label("More", exact=True).first.click()
    page.get_by_role("button", name="Merge…").click()
    dialog.get_by_role("button", name="Merge").wait_for()
    walk.look("merge", within="dialog[open]")
    page.goto(f"{leads}{qualified.pk}/change/")
    page.keyboard.press("?")
    walk.look("keys")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("acme")
    page.locator("[role=option]").first.wait_for()
    walk.look("find")
    page.goto(f"{leads}add/")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("alert").first.wait_for()
    walk.look("refused")

    walk.go("/~acme/admin/imports/", full=False)
    file = {"name": "leads.csv", "mimeType": "text/csv", "buffer": b"name,source\nA,web\nB,\n"}
    page.locator("#import-file").set_input_files(file)
    page.get_by_role("progressbar").wait_for()
    walk.look("an import at work")
    work()
    page.locator("table.refused").wait_for()
    page.locator(".reads summary").click()
    walk.look("an import that was tried")


def test_what_settles_counts_and_narrows(walk, site, acme, people, qualified):
    """Members, teams, goals and who did what; the filter builder, the quick form, reports and funnels."""
    from crm import Goal, TeamMember
    from headlessly.access.models import Membership
    from marketing import Funnel

    ann = user("ann", (acme, "admin"))
    member = Membership.objects.get(user=ann)
    place, goal, funnel = (samples.create(noun, full=True) for noun in (TeamMember, Goal, Funnel))
    open_session(walk.page, site, ann)
    page, start = walk.page, "/~acme/admin/"
    walk.go_through(start + each for each in (
        "settings/members/", f"settings/members/{member.pk}/", "settings/log/?what=Lead",
        f"crm/team/{place.team_id}/change/", "crm/team/", "crm/teammember/add/", "crm/goal/",
        f"crm/goal/{goal.pk}/change/", "reports/leads/?groupBy=status",
        f"marketing/funnel/steps/?funnel={funnel.pk}", f"?of={place.team_id}",
        f"dashboard/?owner.team={place.team_id}",
    ))  # fmt: skip
    walk.go(f"{start}crm/lead/?view=all&owner=-&owner={people.bob.pk}")
    page.locator("summary", has_text="More filters").click()
    page.get_by_role("link", name="Build a filter…").click()
    builder = page.get_by_role("dialog", name="Filter the leads")
    builder.wait_for()
    walk.look("a filter is built")
    page.keyboard.press("Escape")
    builder.wait_for(state="hidden")
    page.keyboard.press("c")
    page.get_by_role("dialog", name="New lead").wait_for()
    walk.look("a quick lead")


def test_what_is_set_up(walk, site, acme, people, qualified, work):
    """Rules of each kind, tried and run; fields and lists of one's own; what is given row by row."""
    from crm import Calendar, Gate, Pipeline, Rule, StaleLimit
    from headlessly.shaping import custom_fields

    options = [{"value": "n", "label": "North", "color": "#15803d"}]
    field = custom_fields.create_field(
        {"noun": "Lead", "label": "Region", "type": "choice", "options": options}
    )
    about = {"condition": {"type": "Lead", "filter": {"source": "website"}}, "is_active": False}
    line = {"name": "Asked us", "points": 20, "type": "Lead", "filter": {"source": "website"}}
    step = {"do": "Activity.create", "with": {"subject": "Call {{name}}", "type": "Task"}}
    given: dict[str, dict[str, Any]] = {
        "Assignment": {"how": "Person", "person": people.bob.pk},
        "FirstAnswer": {"within": 60},
        "Score": {"lines": [line], "thresholds": [{"name": "Warm", "from": 10}]},
        "Automation": {"events": ["Lead.Created"], "steps": [{"wait": "3 days"}, step]},
    }
    rules = {
        kind: Rule.create(name=kind, kind=kind, **about, **more) for kind, more in given.items()
    }
    others = [
        Gate.create(type="Lead", state="Converted", requires=[{"field": "budget"}]),
        Pipeline.create(name="Renewals", stages=[{"name": "Upcoming"}, {"name": "Signing"}]),
        StaleLimit.create(about="Lead", status="New", days=3),
        Calendar.create(
            name="Office", time_zone="Europe/Berlin", days_off=[{"from": "2026-12-24"}]
        ),
    ]
    open_session(walk.page, site, user("ann", (acme, "admin")))
    page, start = walk.page, "/~acme/admin/"
    for kind, rule in rules.items():
        rules_own = [f"{start}crm/rule/{rule.pk}/{each}/" for each in ("change", "edit")]
        pages = [f"{start}crm/rule/add/?kind={kind}", *rules_own]
        walk.go_through(pages, full=kind in ("Score", "Automation"))
        if kind != "Score":
            walk.go(f"{start}crm/rule/{rule.pk}/backtest/", full=False)
            page.get_by_role("button", name="Try", exact=True).click()
            page.get_by_label("What it would have done").first.wait_for()
            walk.look(f"{kind} was tried")
    walk.go(f"{start}crm/rule/{rules['Score'].pk}/panels/try/")
    walk.go(f"{start}crm/rule/{rules['Automation'].pk}/run/")
    # What is given row by row is a table of its own on each.
    for other in others:
        noun = f"{start}crm/{other._meta.model_name}/{other.pk}/"
        walk.go_through((f"{noun}change/", f"{noun}edit/"), full=False)
    told = registration.create_webhook({"url": "https://example.com/hook", "events": ["Lead.*"]})
    delivery = Delivery.make(told, timezone.now(), name="ping")
    delivery.status, delivery.attempts, delivery.tried_at = Delivery.FAILING, 3, timezone.now()
    delivery.response_status, delivery.duration, delivery.error = 500, 35, "It answered 500."
    delivery.save(force_insert=True)
    walk.go(f"{start}settings/webhooks/{told.pk}/")
    walk.go(f"{start}settings/fields/{field.pk}/")
    walk.go(f"{start}settings/lists/Lead.lostReason/")


def test_a_new_tenant_has_pages_without_records(walk, site, acme):
    open_session(walk.page, site, user("ann", (acme, "admin")))
    pages = ("", "dashboard/", "crm/lead/", "crm/lead/board/")
    walk.go_through(f"/~acme/admin/{each}" for each in pages)


def test_those_who_operate(walk, site, acme):
    from headlessly.access.models import ApiKey

    olga = user("olga", is_superuser=True, is_staff=True)
    key, _ = ApiKey.issue(acme, "Website", "write")
    open_session(walk.page, site, olga)
    walk.go("/admin/")
    walk.go("/admin/installation/")
    changed = {"tenant": acme, "user": olga, "membership": None, "apikey": key}
    for model, record in changed.items():
        for address in ("", "add/", record and f"{record.pk}/change/"):
            if address is not None:
                # They share their templates, too.
                place = f"/admin/headlessly/{model}/{address}"
                walk.go(place, full=model == "tenant", stay=True)


def test_visitors_of_a_form(walk, site, acme):
    from marketing import Form

    form = samples.create(Form, full=True)
    form.publish()
    walk.go(f"/~acme/f/{form.pk}")
    walk.page.get_by_role("button", name="Send").click()
    walk.look("refused")
