"""Filters typed into the search of a list become filters of its address; what is none stays a word."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

LEADS = "/~acme/admin/crm/lead/"


def became(client: Any, typed: str) -> dict[str, str] | None:
    """The address that the search leads to, by parameter; None where it stays as it is."""
    answer = client.get(LEADS, {"q": typed})
    if answer.status_code == 200:
        return None
    assert answer.status_code == 302
    return {name: texts[0] for name, texts in parse_qs(urlsplit(answer["Location"]).query).items()}


@pytest.fixture
def leads(people: Any) -> None:
    from crm import Lead

    Lead.create(name="Brook Mill", source="Trade fair", owner=people.bob, campaign=people.spring)
    Lead.create(name="Other", source="web", owner=people.cleo)


def test_it_narrows_by_what_is_typed(bob, leads, people):
    assert became(bob, "status:new owner:me source:trade campaign:spring mill") == {
        "status": "New", "owner": "me", "source": "Trade fair",
        "campaign": people.spring.pk, "q": "mill",
    }  # fmt: skip
    html = bob.get(LEADS, {"q": "owner:cleo"}, follow=True).content.decode()
    assert "Other" in html and "Brook Mill" not in html


def test_it_narrows_a_board_too(bob, leads):
    answer = bob.get(f"{LEADS}board/", {"q": "source:trade mill"})
    assert answer["Location"] == f"{LEADS}board/?q=mill&source=Trade+fair"


def test_it_knows_several_values_none_and_words_in_quotes(bob, leads, people):
    assert became(bob, "Status:new,cont Owner:-") == {"status": "New,Contacted", "owner": "-"}
    assert became(bob, "status:new status:cont") == {"status": "New,Contacted"}
    assert became(bob, 'source:"Trade fair" owner:cleo') == {
        "source": "Trade fair", "owner": people.cleo.pk,
    }  # fmt: skip


def test_it_leaves_what_is_no_filter_among_the_words(bob, leads):
    assert became(bob, "https://mill.example") is None
    assert became(bob, "status:nonsense") is None
    assert became(bob, "status:new,typo") is None
    assert became(bob, "status:--") is None
    assert became(bob, f"source:{','.join('abcdefghijkl')}") is None, "more than one asks for"
    assert became(bob, "owner:nobody-here mill") is None


def test_it_finds_nobody_of_another_company(bob, leads, theirs):
    assert became(bob, "campaign:eve owner:eve") is None


def test_it_reads_no_more_where_no_filter_is_typed(bob, leads):
    with CaptureQueriesContext(connection):  # what is kept from the first time on
        bob.get(LEADS, {"q": "nothing"})
    with CaptureQueriesContext(connection) as plain:
        bob.get(LEADS, {"q": "nothing"})
    with CaptureQueriesContext(connection) as quoted:
        bob.get(LEADS, {"q": "no:thing"})
    assert len(quoted) == len(plain)
