"""What takes several steps, by keyboard alone; and pages at 200 %: nothing is cut or out of reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from crm import Deal, Lead
from headlessly.access.models import Membership
from tests.browser.conftest import open_session
from tests.browser.test_frame import seen
from tests.browser.test_rep import dialog

pytestmark = pytest.mark.browser
#: How many tabs there are at most from one control to the next that is wanted: past the menu and a table.
FAR = 90
#: What has the focus is called.
NAME = """() => {
  const at = document.activeElement;
  const said = [at.getAttribute("aria-label"), at.labels?.[0]?.textContent, at.textContent, at.value];
  return (said.find(Boolean) || "").trim().replace(/\\s+/g, " ").replace(/ \\*$/, "");
}"""


class Keys:
    """Somebody without a mouse, who sees where they are all the time."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def reach(self, name: str, *, back: bool = False) -> None:
        """Press Tab until what is called so, or begins so, has the focus."""
        met = []
        for _ in range(FAR):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            met.append(self.page.evaluate(NAME))
            if met[-1].startswith(name):
                assert seen(self.page), f"{name} does not show that it has the focus"
                return
        raise AssertionError(f"{name} is not reached: {met}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def fill(self, name: str, text: str) -> None:
        self.reach(name)
        while not self.page.evaluate("document.activeElement.matches('input, textarea')"):
            self.reach(name)  # a link may begin with the same word
        self.page.keyboard.type(text)

    def enter(self, name: str) -> None:
        self.reach(name)
        self.press("Enter")


@pytest.fixture
def keys(desk: Any, bob: Any) -> Keys:
    """Bob, who administers here."""
    Membership.objects.filter(user=bob).update(role="admin")
    return Keys(desk)


def go(keys: Keys, address: str) -> None:
    keys.page.goto(address)
    keys.page.wait_for_load_state()
    keys.press("Tab", "Enter")  # past the menu


def test_a_file_is_imported(keys: Keys, site: str, acme: Any, work: Any) -> None:
    page = keys.page
    go(keys, f"{site}/~acme/admin/imports/?type=Lead")
    with page.expect_file_chooser() as chooser:  # listened for before it is asked
        keys.reach("File")
        keys.press("Space")
    content = b"Name,Source\nMill,fair\nYard,\n"
    chooser.value.set_files({"name": "a.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("progressbar").wait_for()
    work()
    page.get_by_role("button", name="Import this row").wait_for()
    keys.enter("Import this row")
    page.get_by_role("progressbar").wait_for()
    work()
    page.get_by_role("link", name="To the leads").wait_for()
    keys.enter("To the leads")
    expect(page.locator("table.list tbody tr")).to_have_count(1)
    assert Lead.find({"name": "Mill"})[0].source == "fair"


def test_a_member_is_invited_and_a_stage_is_added(keys: Keys, site: str, acme: Any) -> None:
    page = keys.page
    go(keys, f"{site}/~acme/admin/settings/members/")
    keys.fill("Email", "nora@acme.example")
    keys.fill("First name", "Nora")
    keys.enter("Invite")
    expect(page.get_by_label("Members").first).to_contain_text("nora@acme.example")
    go(keys, f"{site}/~acme/admin/crm/pipeline/add/")
    keys.fill("Name", "Mills")
    keys.enter("Add a row")
    page.keyboard.type("Site visit")
    keys.enter("Create")
    expect(page.get_by_role("heading", level=1)).to_have_text("Mills")
    expect(page.get_by_role("main")).to_contain_text("Site visit")


def test_the_pages_of_the_settings_are_passed_at_once(keys: Keys, site: str, acme: Any) -> None:
    for place, name in {"settings/keys/": "Name", "crm/gate/": "Add gate"}.items():
        go(keys, f"{site}/~acme/admin/{place}")
        keys.enter("Past the pages of the settings")
        keys.press("Tab")
        assert keys.page.evaluate(NAME) == name


def test_a_lead_becomes_part_of_a_deal_that_is_there(
    keys: Keys, site: str, qualified: Any, people: Any
) -> None:
    page = keys.page
    # Of nobody yet: those of the same person or company would be one press away.
    deal = Deal.create(name="Acme fleet", value=9, owner=people.bob)
    page.goto(f"{site}/~acme/admin/crm/lead/{qualified.pk}/change/")
    page.wait_for_load_state()
    keys.press("4")
    expect(dialog(page)).to_be_visible()
    keys.reach("New deal", back=True)
    keys.press("ArrowRight", "Tab", "Enter")
    page.get_by_role("option", name="Acme fleet").first.wait_for()
    page.keyboard.type("fleet")
    expect(page.locator(".select2-results__option")).to_have_count(1)
    keys.press("Enter")
    keys.enter("Convert")
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme fleet")
    qualified.refresh_from_db()
    assert (qualified.status, qualified.deal_id) == ("Converted", deal.pk)


def test_a_segment_is_put_together(keys: Keys, site: str, lead: Any) -> None:
    from marketing import Segment

    page = keys.page
    go(keys, f"{site}/~acme/admin/marketing/segment/add/")
    page.get_by_role("button", name="Add a condition").first.wait_for()
    keys.fill("Name", "From the site")
    keys.reach("What it is about")
    # Of leads, of whom it is by itself: of deals first, so that it is chosen.
    with page.expect_response("**/deal/filter/**"):
        page.keyboard.type("Deals")
    with page.expect_response("**/lead/filter/**"):
        page.keyboard.press("Home")
    keys.reach("What the condition is about")
    page.keyboard.type("Score")
    expect(page.locator("[name='v.0.0']")).to_be_visible()
    keys.reach("Score: what is said")
    page.keyboard.type("is at least")
    expect(page.locator("input[name='v.0.0']")).to_be_visible()
    keys.fill("Score", "80")
    keys.enter("Create")
    expect(page.get_by_role("heading", level=1)).to_have_text("From the site")
    criteria = Segment.find({"name": "From the site"})[0].criteria
    assert criteria == {"type": "Lead", "filter": {"score": {"$gte": 80}}}


# -- at 200 % -------------------------------------------------------------------------------------

#: What of a page is cut, or cannot be reached: text in boxes that hide what does not fit, but for the one
#: line that ends with dots and is whole elsewhere; controls that are covered where they are scrolled to.
AMISS = """() => {
  const wrong = [];
  const shown = (each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const said = (each) => (each.ariaLabel || each.textContent || each.name).trim().slice(0, 40);
  const none = ".visually-hidden, .material-symbols-outlined, svg, option, template";
  for (const each of document.querySelectorAll("main *, header *")) {
    const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !shown(each) || each.closest(none)) continue;
    const look = getComputedStyle(each), hides = (how) => ["hidden", "clip"].includes(how);
    const dots = look.textOverflow === "ellipsis", clamped = look.webkitLineClamp !== "none";
    const [across, down] = [each.scrollWidth - each.clientWidth, each.scrollHeight - each.clientHeight];
    if (hides(look.overflowX) && !dots && across > 1) wrong.push(`cut: ${said(each)}`);
    if (hides(look.overflowY) && !clamped && down > 2) wrong.push(`cut below: ${said(each)}`);
    const box = each.getBoundingClientRect();
    const scrolls = each.closest(".sheet, .board, .viewtabs, .scrolls, nav, .tabs");
    if (!scrolls && (box.right > innerWidth + 1 || box.left < -1)) wrong.push(`outside: ${said(each)}`);
  }
  const never = ".visually-hidden, .skip, dialog:not([open]), .select2-hidden-accessible";
  const controls = "main :is(a[href], button, input, select, textarea, summary)";
  for (const each of document.querySelectorAll(controls)) {
    if (!shown(each) || each.disabled || each.type === "hidden" || each.closest(never)) continue;
    each.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const box = each.getClientRects()[0];
    if (!box || box.width < 2 || box.height < 2) continue;
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    const hit = top && (each.contains(top) || top.contains(each) || top.closest("label")?.control === each);
    if (!hit) wrong.push(`covered: ${said(each)} by ${top?.className}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) wrong.push("sideways");
  return wrong;
}"""
PAGES = (
    "", "crm/lead/", "crm/lead/{lead}/change/", "crm/lead/{lead}/edit/", "crm/lead/{lead}/do/lose/",
    "crm/lead/board/", "imports/", "settings/members/", "dashboard/",
)  # fmt: skip


@pytest.fixture
def twice_as_large(
    browser: Any, site: str, bob: Any, browser_context_args: dict[str, Any]
) -> Iterator[Any]:
    """A page of 1440 x 900 at 200 %: half as many pixels, each twice as large."""
    Membership.objects.filter(user=bob).update(role="admin")
    large = {"viewport": {"width": 720, "height": 450}, "device_scale_factor": 2}
    with browser.new_context(**(browser_context_args | large)) as context:
        page = context.new_page()
        open_session(page, site, bob)
        yield page


def test_at_200_percent_nothing_is_cut_and_everything_can_be_reached(
    twice_as_large: Any, site: str, qualified: Any
) -> None:
    amiss = {}
    for place in PAGES:
        twice_as_large.goto(f"{site}/~acme/admin/{place.format(lead=qualified.pk)}")
        amiss[place] = twice_as_large.evaluate(AMISS)
    assert {place: wrong for place, wrong in amiss.items() if wrong} == {}
