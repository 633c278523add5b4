"""The days of a list's filters are typed as those of forms are."""

from __future__ import annotations

import re
from datetime import datetime
from html import unescape
from typing import Any

import pytest

from headlessly.context import clock

LEADS = "/~acme/admin/crm/lead/"
ACTIVITIES = "/~acme/admin/crm/activity/"


@pytest.fixture(autouse=True)
def on_a_tuesday(monkeypatch: pytest.MonkeyPatch, acme: Any) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime.fromisoformat("2026-12-01T10:00:00Z"))


def chips(client: Any, address: str) -> list[str]:
    html = client.get(address).content.decode()
    found = re.findall(r'<span class="chip">(.*?)<a ', html, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", "", each)).split()) for each in found]


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("fri", "Nov 27, 2026"),
        ("28.11.", "Nov 28, 2026"),
        ("vor 2 Wochen", "Nov 17, 2026"),
        ("2 weeks ago", "2 weeks ago"),
        ("3.12.", "Dec 3, 2025"),
        ("2026-11-05", "Nov 5, 2026"),
    ],
)
def test_of_what_has_been_a_day_is_the_last_one(bob, typed, day):
    assert chips(bob, f"{LEADS}?typed=en&createdAt__gte={typed}") == [f"Created: from {day}"]


def test_of_what_is_planned_a_day_is_the_next_one(bob):
    assert chips(bob, f"{ACTIVITIES}?typed=en&dueAt__lt=3.12.") == ["Due: before Dec 3, 2026"]


def test_the_name_of_a_stretch_of_time_is_both_ends(bob):
    assert chips(bob, f"{LEADS}?typed=en&createdAt__gte=last month") == ["Created: last month"]


def test_in_german_it_is_read_and_shown_in_german(bob, users):
    users.bob.language = "de"
    users.bob.save()
    html = bob.get(f"{LEADS}?typed=de&createdAt__gte=vor 2 Wochen").content.decode()
    assert 'name="createdAt__gte" value="17.11.2026"' in html
    again = bob.get(f"{LEADS}?typed=de&createdAt__gte=17.11.2026").content.decode()
    assert 'name="createdAt__gte" value="17.11.2026"' in again
    assert chips(bob, f"{LEADS}?typed=de&createdAt__gte=letzter Monat")[0].endswith("letzter Monat")


def test_a_link_is_read_as_links_are_and_what_is_no_day_is_said(bob):
    assert chips(bob, f"{ACTIVITIES}?typed=en&dueAt__gte=2026-12-03T09:00:00Z")
    refused = bob.get(f"{LEADS}?typed=en&createdAt__gte=soonish").content.decode()
    assert 'role="alert"' in refused and "soonish" in refused
    # Without a word that somebody typed it, an address is what it says.
    assert 'role="alert"' in bob.get(f"{LEADS}?createdAt__gte=fri").content.decode()


def test_what_is_wrong_is_said_of_the_field_as_people_call_it(bob, users):
    refused = unescape(bob.get(f"{LEADS}?typed=en&createdAt__gte=soonish").content.decode())
    assert "Created: No day is understood of this" in refused and "ISO" not in refused
    assert "Score: This is a number." in bob.get(f"{LEADS}?score__gte=many").content.decode()
    users.bob.language = "de"
    users.bob.save()
    german = unescape(bob.get(f"{LEADS}?typed=de&createdAt__gte=bald").content.decode())
    assert "Angelegt: Das ist als Tag nicht zu verstehen" in german


def test_a_form_says_of_a_day_how_days_are_typed(bob):
    sent = {"subject": "Call", "type": "Call", "due_at": "some evening"}
    refused = unescape(bob.post(f"{ACTIVITIES}add/", sent).content.decode())
    assert "No day is understood of this: type 3.12., fri or tomorrow 9." in refused
    assert "ISO 8601" not in refused
