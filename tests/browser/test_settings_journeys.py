"""Two journeys through what a company makes its own: an admin shapes what is kept of a lead, a manager writes
the rules by which leads are given away and counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.conftest import open_session
from tests.browser.test_everybody import user

pytestmark = pytest.mark.browser


class Hands:
    """Somebody at a page: what is clicked, chosen and typed is counted, and no address is typed at all."""

    #: Seconds that a person takes to find and click something, and to type one character.
    CLICK, CHARACTER = 2.5, 0.25

    def __init__(self, page: Any) -> None:
        self.page, self.clicks, self.characters = page, 0, 0

    @property
    def seconds(self) -> float:
        return self.clicks * self.CLICK + self.characters * self.CHARACTER

    def click(self, place: Any) -> None:
        place.click()
        self.clicks += 1

    def link(self, name: str, **more: Any) -> None:
        self.click(self.page.get_by_role("link", name=name, **more).first)

    def button(self, name: str, **more: Any) -> None:
        self.click(self.page.get_by_role("button", name=name, **more).first)

    def type(self, place: Any, text: str) -> None:
        place.fill(text)
        self.clicks += 1
        self.characters += len(text)

    def choose(self, place: Any, label: str) -> None:
        place.select_option(label=label)
        self.clicks += 2


@pytest.fixture
def ann(page: Any, site: str, acme: Any) -> Iterator[Hands]:
    """The admin, on the page that signing in leads to."""
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    open_session(page, site, user("ann", (acme, "admin")))
    page.goto(f"{site}/~acme/admin/")
    yield Hands(page)
    assert failed == []


def drag(page: Any, card: Any, column: Any) -> None:
    start, end = card.bounding_box(), column.bounding_box()
    page.mouse.move(start["x"] + 60, start["y"] + 60)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + 120, steps=6)
    page.mouse.up()


def test_an_admin_makes_the_company_its_own(ann: Hands, lead: Any, people: Any) -> None:
    from crm import Deal, Lead

    lead.update(status="Contacted")
    Deal.create(name="North Mill", value=5)
    Lead.create(name="South Mill", source="fair", owner=people.bob)
    page, main = ann.page, ann.page.get_by_role("main")
    menu, rows = page.get_by_role("navigation", name="Menu"), page.locator("main .rows").first
    dialog = page.locator("dialog[open]")

    # A field of leads: one of a list, with colours.
    ann.link("Settings", exact=True)
    ann.link("Fields", exact=True)
    form = page.get_by_role("form", name="New field")
    ann.type(form.get_by_label("Name", exact=True), "Region")
    ann.choose(form.get_by_label("Kind"), "One of a list")
    expect(form.get_by_label("Leads to")).to_be_hidden()
    expect(form.get_by_label("At least")).to_be_hidden()
    for number, (name, color) in enumerate([("North", "green"), ("South", "orange")], 1):
        ann.type(form.get_by_label(f"Option {number}", exact=True), name)
        ann.choose(form.get_by_label(f"Colour of option {number}"), color)
    ann.button("Add the field")
    expect(main).to_contain_text("“Region” is there now, on every page of Leads.")

    # A stage: the pipeline begins with the usual ones.
    ann.click(main.get_by_role("link", name="Pipelines"))
    ann.link("Add pipeline")
    ann.type(page.locator("#id_name"), "Standard")
    ann.click(main.get_by_label("Default"))
    expect(rows.locator("li")).to_have_count(7)
    ann.button("Add a row")
    ann.type(rows.locator("li").last.get_by_label("Name"), "Trial")
    for number in (8, 7, 6):
        ann.click(rows.get_by_role("button", name=f"Move row {number} up"))
    ann.button("Create")
    expect(page.get_by_role("heading", level=1)).to_have_text("Standard")

    # A gate: who becomes qualified has a region.
    ann.click(menu.get_by_role("link", name="Gates"))
    ann.link("Add gate")
    ann.choose(main.get_by_label("Type"), "Lead")
    ann.choose(main.get_by_label("State entered"), "Qualified")
    ann.button("Add a row")
    ann.choose(rows.get_by_label("Field"), "Region")
    ann.button("Create")
    expect(page.get_by_role("heading", level=1)).to_have_text("Lead: Qualified")
    expect(main).to_contain_text("Region")

    # A reason to lose one.
    ann.link("Settings", exact=True)
    ann.link("Lists of values")
    ann.link("Leads: Lost reason")
    values = page.get_by_role("form", name="Values")
    ann.type(values.locator("[name=value_name]:not([readonly])").first, "Went to a friend")
    ann.click(values.get_by_role("button", name="Save"))
    expect(main).to_contain_text("Saved.")
    made = ann.seconds, ann.clicks

    # All of it is there: a column of the list ...
    ann.click(menu.get_by_role("link", name="Leads"))
    ann.click(main.get_by_text("Columns", exact=True))
    ann.click(main.get_by_label("Region", exact=True))
    ann.button("Show these")
    expect(page.locator("table.list thead")).to_contain_text("Region")

    # ... what the board asks for, and nothing else, before a lead is qualified ...
    ann.link("Board", exact=True)
    page.wait_for_load_state()
    qualified = page.locator('[data-column="Qualified"]')
    drag(page, page.locator("[data-card]").filter(has_text=lead.name), qualified)
    ann.clicks += 1
    expect(dialog).to_contain_text("Region")
    asked = dialog.locator(".lacks :is(input, select, textarea):not([type=hidden])")
    expect(asked).to_have_count(1)
    ann.choose(dialog.get_by_label("Region"), "North")
    ann.click(dialog.locator("button.strong"))
    expect(qualified.locator("[data-card]")).to_contain_text(lead.name)

    # ... a field of the form ...
    ann.click(qualified.locator("[data-card] .name"))
    ann.link("Edit", exact=True)
    region = main.get_by_label("Region")
    expect(region).to_have_value("North")
    expect(region).to_be_visible()

    # ... a stage of the board ...
    ann.click(menu.get_by_role("link", name="Deals"))
    ann.link("Board", exact=True)
    columns = page.locator("[data-column]")
    expect(page.get_by_role("region", name="Trial")).to_be_visible()
    stages = columns.evaluate_all("all => all.map((each) => each.dataset.label)")
    assert stages[2:5] == ["Proposal", "Negotiation", "Trial"]

    # ... a reason that is counted ...
    ann.click(menu.get_by_role("link", name="Leads"))
    ann.link("South Mill")
    ann.button("Lose…")
    ann.click(dialog.get_by_role("button", name="Went to a friend"))
    ann.click(dialog.get_by_role("button", name="Lose", exact=True))
    expect(dialog).to_have_count(0)
    ann.click(menu.get_by_role("link", name="Dashboard"))
    reasons = page.locator(".graph").filter(has_text="Lost reasons")
    expect(reasons).to_contain_text("Went to a friend")

    # ... what a report is grouped by ...
    ann.click(menu.get_by_role("link", name="Reports"))
    ann.click(main.get_by_role("link", name="Leads", exact=True))
    ann.choose(page.get_by_label("Group by").first, "Region")
    ann.button("Show", exact=True)
    expect(page.get_by_role("row", name="North")).to_be_visible()

    # ... and a question of a form on the web.
    ann.click(menu.get_by_role("link", name="Forms"))
    ann.link("Add form")
    ann.type(page.locator("#id_name"), "Ask us")
    ann.button("Add a row")
    question = rows.locator("li").last
    ann.type(question.get_by_label("Name"), "region")
    ann.type(question.get_by_label("Label"), "Where are you?")
    ann.button("Create")
    ann.button("Publish", exact=True)
    web = page.get_by_role("link", name="/f/")
    visitor = page.context.browser.new_page()
    visitor.goto(web.first.get_attribute("href"))
    visitor.get_by_label("Where are you?").select_option("South")
    visitor.get_by_label("Your name").fill("Eva Novak")
    visitor.get_by_label("Work email").fill("eva@novak.example")
    visitor.get_by_role("button", name="Send").click()
    expect(visitor.get_by_role("heading", name="Thank you")).to_be_visible()
    visitor.context.close()
    ann.click(menu.get_by_role("link", name="Leads"))
    ann.link("Ask us: Eva Novak")
    expect(main).to_contain_text("South")

    # Five minutes are enough for a person: for what is made, and for all of it.
    assert made[1] <= 38 and made[0] <= 120, made
    assert ann.clicks <= 72 and ann.seconds <= 300, (ann.clicks, ann.characters)


@pytest.fixture
def cleo(page: Any, site: str, acme: Any, people: Any) -> Iterator[Hands]:
    """The manager, on the page that signing in leads to."""
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    open_session(page, site, user("cleo", (acme, "manager")))
    page.goto(f"{site}/~acme/admin/")
    yield Hands(page)
    assert failed == []


def test_a_manager_writes_rules_and_whoever_gets_a_lead_knows_why(
    cleo: Hands, browser: Any, site: str, people: Any, bob: Any, work: Any
) -> None:
    from crm import Lead
    from marketing import Form

    asks = [{"name": "email", "type": "email"}, {"name": "name", "type": "text"}]
    form = Form.create(name="Ask us", fields=asks).publish()
    for name in ("First mill", "Second mill"):
        Lead.create(name=name, source="form")
    Lead.create(name="From the fair", source="fair")
    page, main = cleo.page, cleo.page.get_by_role("main")
    menu, rows = page.get_by_role("navigation", name="Menu"), page.locator("main .rows").first
    title = page.get_by_role("heading", level=1)

    def from_a_form(place: Any) -> None:
        """Fill in a condition: the source is a form."""
        cleo.choose(place.locator("[name^='f.']").last, "Source")
        cleo.choose(place.locator("[name^='o.']").last, "is")
        cleo.type(place.locator("[name^='v.']").last, "form")

    # Who gets a lead of the form: written, tried on what really came in, switched on.
    cleo.click(menu.get_by_text("Setup"))
    cleo.click(menu.get_by_role("link", name="Rules"))
    cleo.link("Add rule")
    expect(title).to_have_text("New rule: Assignment")
    cleo.type(page.locator("#id_name"), "From the web")
    cleo.click(main.get_by_label("Active"))
    from_a_form(main.locator(".input", has_text="Condition"))
    cleo.choose(main.get_by_label("How", exact=True), "Person")
    cleo.click(page.locator("#id_person + .select2-container"))
    page.locator(".select2-search__field").last.fill("Bob")
    cleo.click(page.get_by_role("option", name="Bob Stone").first)
    cleo.button("Create")
    expect(title).to_have_text("From the web")
    cleo.link("Try on the past…")
    cleo.button("Try", exact=True)
    told = page.get_by_role("region", name="Who would have got how many")
    expect(told.get_by_role("row", name="Bob Stone")).to_contain_text("2")
    cleo.link("Back", exact=True)
    cleo.link("Edit", exact=True)
    cleo.click(main.get_by_label("Active"))
    cleo.button("Save")
    expect(title).to_have_text("From the web")

    # What it is worth.
    cleo.click(menu.get_by_role("link", name="Rules"))
    cleo.choose(page.get_by_role("combobox", name="Kind"), "Score")
    expect(main).not_to_contain_text("From the web")
    cleo.link("Add rule")
    expect(title).to_have_text("New rule: Score")
    cleo.type(page.locator("#id_name"), "Interest")
    cleo.click(main.get_by_label("Active"))
    cleo.button("Add a row")
    cleo.type(rows.get_by_label("Name"), "They asked us")
    cleo.type(rows.get_by_label("Points"), "30")
    from_a_form(rows)
    cleo.button("Create")
    expect(title).to_have_text("Interest")
    cleo.link("Try it on recent leads")
    expect(page.get_by_role("region", name="What it would do")).to_contain_text("3")
    cleo.link("Back", exact=True)
    cleo.link("Try on the past…")
    cleo.button("Try", exact=True)
    expect(main).to_contain_text("Events looked at")
    for name, number in (("First mill", "30"), ("From the fair", "0")):
        expect(main.get_by_role("row", name=name)).to_contain_text(number)
    cleo.link("Back", exact=True)
    cleo.link("Edit", exact=True)
    cleo.click(main.get_by_label("Active"))
    cleo.button("Save")
    expect(title).to_have_text("Interest")
    work()

    # Somebody asks on another site; whose it is hears of it where they are.
    with browser.new_context() as other:
        desk = other.new_page()
        open_session(desk, site, bob)
        desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
        desk.evaluate("window.same = true")
        bell = desk.locator("[data-bell]")
        expect(bell.locator(".bell-count")).to_have_count(0)
        answer = page.request.post(
            f"{site}/~acme/forms/{form.pk}/submit",
            form={"email": "eva@novak.example", "name": "Eva Novak"},
            headers={"Origin": "https://shop.example", "Referer": "https://shop.example/contact"},
        )
        assert answer.ok
        work()
        expect(bell.locator(".bell-count")).to_have_text("1")
        assert desk.evaluate("window.same")
        bell.click()
        expect(desk.get_by_role("main")).to_contain_text("New for you")
        desk.get_by_role("main").get_by_role("link", name="Ask us: Eva Novak").click()
        expect(desk.get_by_role("heading", level=1)).to_have_text("Ask us: Eva Novak")
        # Why it is theirs, and why it is worth what it is.
        why = 'Assigned because: Rule "From the web", version 2: for Bob Stone'
        expect(desk.get_by_label("Timeline")).to_contain_text(why)
        score = desk.get_by_role("region", name="Score")
        expect(score).to_contain_text("They asked us")
        expect(score).to_contain_text("+30")
        expect(score).to_contain_text("Source is form")
    # The manager sees it come, and why it is whose it is.
    cleo.click(menu.get_by_role("link", name="Leads"))
    cleo.link("Ask us: Eva Novak")
    expect(title).to_have_text("Ask us: Eva Novak")
    expect(page.get_by_label("Timeline")).to_contain_text(why)
    expect(page.get_by_role("region", name="Score")).to_contain_text("+30")
    assert cleo.clicks <= 46 and cleo.seconds <= 300, (cleo.clicks, cleo.characters)


def test_a_rep_makes_a_key_of_their_own_and_revokes_it(desk: Any, site: str) -> None:
    from headlessly.access.models import ApiKey

    desk.goto(f"{site}/~acme/admin/account/")
    desk.get_by_role("link", name="Make a key").click()
    form = desk.get_by_role("form", name="New key")
    form.get_by_label("Name").fill("My script")
    expect(form.get_by_label("May").locator("option")).to_have_text(
        ["read what I see", "do what I may do, but the settings"]
    )
    form.get_by_label("May").select_option("write")
    form.get_by_role("button", name="Make the key").click()
    secret = desk.locator("[data-secret]").inner_text()
    key = ApiKey.find_valid(secret)
    assert key is not None and key.actor.role == "rep"
    desk.get_by_role("link", name="I have copied it").click()
    expect(desk.get_by_text(secret)).to_have_count(0)
    desk.get_by_role("button", name="Revoke My script").click()
    expect(desk.get_by_text("No keys yet.")).to_be_visible()
    assert ApiKey.find_valid(secret) is None
