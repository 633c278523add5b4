"""Days of reports, of the log and of the past are typed as everywhere else."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from headlessly.declaration import days

ADMIN = "/~acme/admin/"


@pytest.mark.parametrize(
    ("place", "earlier", "later"),
    [
        ("dashboard/?from=2 weeks ago&to=yesterday", "from", "to"),
        ("dashboard/?asOf=yesterday&since=2 weeks ago", "since", "asOf"),
        ("marketing/touchpoint/attribution/?from=2 weeks ago&to=yesterday", "from", "to"),
        ("marketing/funnel/steps/?from=2 weeks ago&to=yesterday", "from", "to"),
        ("reports/leads/?asOf=yesterday", "", "asOf"),
        ("settings/log/?since=2 weeks ago&until=yesterday", "since", "until"),
    ],
)
def test_days_are_typed_and_shown_as_their_reader_writes_them(
    place: str, earlier: str, later: str, ann: Any, people: Any
) -> None:
    today = days.today()
    html = ann.get(ADMIN + place).content.decode()
    assert 'class="notice bad"' not in html
    typed = re.findall(r"<input[^>]*data-when=[^>]*>", html)
    found = {tag.split('name="')[1].split('"')[0]: tag for tag in typed}
    assert f'value="{today - timedelta(days=1)}"' in found[later]
    assert not earlier or f'value="{today - timedelta(days=14)}"' in found[earlier]


def test_a_list_of_the_past_is_asked_for_in_words(ann: Any, people: Any) -> None:
    html = ann.get(f"{ADMIN}crm/lead/?asOf=yesterday").content.decode()
    assert "This is how it was on" in html and f"asOf={days.today() - timedelta(days=1)}" in html
    refused = ann.get(f"{ADMIN}crm/lead/?asOf=soon").content.decode()
    assert 'class="notice bad"' in refused
    last = days.today() - timedelta(days=7)
    last -= timedelta(days=(last.month, last.day) == (2, 29))  # the next one is years away
    for past, year in (("past", last.year), ("", last.year + 1)):
        said = ann.get(f"{ADMIN}when/", {"text": f"{last.day}.{last.month}.", "past": past}).json()
        assert said["understood"].endswith(str(year)), "what has been, or what is to come"
