"""A file of people's own in the browser: from an empty list to all of it in, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(autouse=True)
def admin(bob: Any) -> None:
    """Whose leads may begin anywhere: the admin of a company that moves in."""
    from headlessly.access.models import Membership

    Membership.objects.filter(user=bob).update(role="admin")


class Clicks:
    """Counts the clicks of somebody who imports, and the pages that load meanwhile."""

    def __init__(self, page: Any) -> None:
        self.count, self.loads = 0, 0
        page.on("load", lambda _page: setattr(self, "loads", self.loads + 1))

    def __call__(self, place: Any) -> None:
        place.click()
        self.count += 1


def test_a_messy_file_is_in_with_three_clicks(desk: Any, site: str, work: Any, acme: Any) -> None:
    from crm import Contact, Lead

    people = Contact.count()
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    click = Clicks(desk)
    click(desk.locator(".ways").get_by_role("link", name="From a file"))
    with desk.expect_file_chooser() as chooser:
        click(desk.get_by_label("File", exact=True))
    chooser.value.set_files(DATA / "messy.csv")
    desk.get_by_role("progressbar").wait_for()
    work()
    click(desk.get_by_role("button", name="Import these 499 rows"))
    desk.get_by_role("progressbar").wait_for()
    work()
    expect(desk.get_by_role("region", name="Refused rows").first).to_contain_text(
        "This is required."
    )
    # docs/effort.md has both counts.
    assert click.count <= 3 and click.loads <= 9
    assert Lead.count() == 499
    desk.get_by_role("button", name="Undo").click()
    # Some 1,400 records, each by a verb of its own.
    expect(desk.locator("#toasts")).to_contain_text("Taken back", timeout=60_000)
    assert (Lead.count(), Contact.count()) == (0, people)


def test_what_is_chosen_is_seen_before_it_is_done(
    desk: Any, site: str, work: Any, acme: Any
) -> None:
    from crm import Lead

    desk.goto(f"{site}/~acme/admin/imports/?type=Lead")
    content = "Was;Stand\nMühle;gewonnen\nHof;weg\n".encode("cp1252")
    desk.set_input_files(
        "#import-file", {"name": "a.csv", "mimeType": "text/csv", "buffer": content}
    )
    desk.get_by_role("progressbar").wait_for()
    work()
    desk.get_by_label("Was becomes").select_option("name")
    desk.get_by_label("Stand becomes").select_option("status")
    desk.get_by_role("button", name="See it with these changes").click()
    desk.get_by_role("progressbar").wait_for()
    work()
    expect(desk.get_by_text("2 are not understood")).to_be_visible()
    desk.get_by_label("gewonnen").select_option("Contacted")
    desk.get_by_role("button", name="Import these 2 rows").click()
    expect(desk.get_by_text("This is how it looks with your changes")).to_be_visible()
    work()
    desk.get_by_role("button", name="Import these 2 rows").click()
    desk.get_by_role("progressbar").wait_for()
    work()
    expect(desk.get_by_role("link", name="To the leads")).to_be_visible()
    assert {(lead.name, lead.status) for lead in Lead.find()} == {
        ("Mühle", "Contacted"), ("Hof", "New"),
    }  # fmt: skip


def test_a_large_import_is_taken_back_where_one_sees_how_far_it_is(
    desk: Any, site: str, work: Any, acme: Any, monkeypatch: Any
) -> None:
    from crm import Lead
    from headlessly.undo import at_once

    monkeypatch.setattr(at_once, "MOST_EVENTS", 5)
    desk.goto(f"{site}/~acme/admin/imports/?type=Lead")
    people = "\n".join(f"Person {n},p{n}@x.example" for n in range(40))
    content = f"Name,Email\n{people}\n".encode()
    desk.set_input_files(
        "#import-file", {"name": "a.csv", "mimeType": "text/csv", "buffer": content}
    )
    desk.get_by_role("progressbar").wait_for()
    work()
    desk.get_by_role("button", name="Import these 40 rows").click()
    desk.get_by_role("progressbar").wait_for()
    work()
    desk.get_by_role("button", name="Undo").wait_for()
    Lead.update(Lead.find({"name": "Person 7"})[0].pk, name="Renamed since")
    address = desk.url
    desk.get_by_role("button", name="Undo").click()
    card = desk.get_by_role("region", name="Undo", exact=True)
    expect(card.get_by_role("progressbar")).to_be_visible()
    assert desk.url == address
    work()
    expect(card).to_contain_text("Name: changed again since.")
    expect(card.get_by_role("row", name="Leads")).to_contain_text("39")
    assert Lead.count() == 1
    with desk.expect_download() as file:
        card.get_by_role("link", name="Download the list").click()
    assert "Renamed since" in Path(file.value.path()).read_text("utf-8-sig")
