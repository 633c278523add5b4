"""Days, times, numbers and money as the reader's language and time zone have them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from headlessly.admin import display
from headlessly.context import clock
from headlessly.declaration import days, values
from headlessly.language import languages, numbers

MOMENT = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "day", "time", "number", "money", "other", "share"),
    [
        ("en", "Dec 31, 2026", "Dec 31, 2026, 11:30 PM UTC", "1,234.5", "$1,234.50", "1,234.50 CHF",
         "67 %"),
        ("en-gb", "31 Dec 2026", "31 Dec 2026, 23:30 UTC", "1,234.5", "$1,234.50", "1,234.50 CHF",
         "67 %"),
        ("de", "31.12.2026", "31.12.2026, 23:30 UTC", "1.234,5", "1.234,50 $", "1.234,50 CHF",
         "67 %"),
    ],
)  # fmt: skip
def test_writes_as_the_language_does(language, day, time, number, money, other, share):
    with translation.override(language):
        assert display.day_text(MOMENT) == day
        assert display.moment_text(MOMENT, zone=True) == time
        assert display.number(1234.5) == number
        assert display.money(Decimal("1234.50"), "USD").replace("\u00a0", " ") == money
        assert display.money(Decimal("1234.50"), "CHF").replace("\u00a0", " ") == other
        assert display.percent(200 / 3).replace("\u00a0", " ") == share


def test_rounds_and_never_cuts_off():
    assert display.percent(2 / 3).replace("\u00a0", " ") == "0.7 %"
    assert display.duration(4.96 * 3_600).replace("\u00a0", " ") == "5 h"
    assert display.amount("0.996") == "1.00"


def test_ages_are_short_in_any_language():
    now = datetime(2026, 3, 20, tzinfo=UTC)
    then = datetime(2026, 3, 17, tzinfo=UTC)
    assert (display.age_text(then, now=now), display.age_text(now, now=then)) == ("3 d", "in 3 d")
    with translation.override("de"):
        assert (display.age_text(then, now=now), display.age_text(now, now=then)) == (
            "3 T.",
            "in 3 T.",
        )


# -- numbers that people type -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "typed", "plain"),
    [
        ("de", "50.000,5", "50000.5"), ("de", "50000,5", "50000.5"), ("de", "50.000", "50000"),
        ("de", "1.234.567,89", "1234567.89"), ("de", "50 000,5", "50000.5"), ("de", "12.5", "12.5"),
        ("de", "-1.000", "-1000"), ("de", "\u22121,5", "-1.5"), ("de", "50,000.5", "50000.5"),
        ("en", "50,000.5", "50000.5"), ("en", "50 000.50", "50000.50"), ("en", "50.000", "50.000"),
        ("en", "50.000,5", "50000.5"), ("en", "50,00", "50.00"), ("en", "1.234.567", "1234567"),
        ("en", "", ""), ("de", "viel", "viel"), ("de", "1.23.456", "1.23.456"),
        ("en", "$5,000", "$5,000"), ("en", "1,23.456", "1,23.456"),
    ],
)  # fmt: skip
def test_reads_what_people_type_and_leaves_what_it_cannot_read(language, typed, plain):
    with translation.override(language):
        assert numbers.delocalize_number(typed) == plain


@pytest.mark.parametrize("value", ["1234.50", "0.07", "-3", "1000000.25"])
@pytest.mark.parametrize("language", ["en", "en-gb", "de"])
def test_reads_what_it_writes_into_an_input(language, value):
    with translation.override(language):
        assert numbers.delocalize_number(numbers.localize_number(value)) == value


def test_a_german_types_an_amount(ann, get, lead):
    lead.update(budget=1234.5)
    edit = f"/~acme/admin/crm/lead/{lead.pk}/edit/"
    assert 'value="1234,50"' in get(ann, f"crm/lead/{lead.pk}/edit/")
    ann.post(edit, {"version": str(lead.version), "budget": "1234,50"})
    lead.refresh_from_db()
    assert lead.version == 2, "nothing was changed by saving what was shown"
    ann.post(edit, {"version": str(lead.version), "budget": "50.000,5"})
    lead.refresh_from_db()
    assert lead.budget == Decimal("50000.50")
    assert "50.000,50" in get(ann, f"crm/lead/{lead.pk}/change/")


def test_a_german_filters_by_an_amount_and_the_address_is_for_everybody(ann, bob, get, lead):
    html = get(ann, "crm/lead/?typed=de&budget__gte=49.999,5")
    assert lead.name in html and "Budget: 49.999,50 oder mehr" in html
    assert "?budget__gte=49999.5&amp;o=" in html
    assert 'value="49999,5"' in html
    assert lead.name not in get(ann, "crm/lead/?typed=de&score__gte=81.001")
    assert lead.name in get(ann, "crm/lead/?score__gte=81.001"), "a link's numbers are plain"
    assert lead.name not in get(bob, "crm/lead/?typed=de&score__gte=81.001"), "as it was typed"


# -- time zones -------------------------------------------------------------------------------------


def test_shows_times_in_the_zone_that_somebody_chose(ann, bob, get, lead):
    lead.update(last_activity_at="2026-01-31T23:30:00Z")
    assert 'title="01.02.2026, 00:30 CET"' in get(ann)
    assert 'title="Jan 31, 2026, 11:30 PM UTC"' in get(bob)
    bob.cookies[languages.TIME_ZONE_COOKIE] = "America/New_York"
    assert 'title="Jan 31, 2026, 6:30 PM EST"' in get(bob)
    bob.cookies[languages.TIME_ZONE_COOKIE] = "../../etc/passwd"
    assert 'title="Jan 31, 2026, 11:30 PM UTC"' in get(bob)


def test_takes_times_in_the_zone_in_which_it_shows_them(ann, get, lead):
    page = f"crm/lead/{lead.pk}/edit/"
    sent = {"version": str(lead.version), "last_activity_at": "2026-07-01T09:00"}
    ann.post(f"/~acme/admin/{page}", sent)
    lead.refresh_from_db()
    assert lead.last_activity_at == datetime(2026, 7, 1, 7, tzinfo=UTC)
    html = get(ann, page)
    assert 'value="01.07.2026 09:00"' in html and "in Europe/Berlin" in html
    again = {"version": str(lead.version), "last_activity_at": "2026-07-01T09:00"}
    ann.post(f"/~acme/admin/{page}", again)
    version = lead.version
    lead.refresh_from_db()
    assert lead.version == version


def test_days_begin_where_one_reads():
    with clock.set_clock(datetime(2026, 3, 1, 23, 30, tzinfo=UTC), purpose="replay"):
        assert f"{days.today()}" == "2026-03-01"
        assert days.relative_moment("today") == datetime(2026, 3, 1, tzinfo=UTC)
        with timezone.override("Europe/Berlin"):
            assert f"{days.today()}" == "2026-03-02"
            assert days.relative_moment("today") == datetime(2026, 3, 1, 23, tzinfo=UTC)
            assert values.clean_moment(None, "2026-03-02", True) == datetime(
                2026, 3, 1, 23, tzinfo=UTC
            )


def test_a_day_in_an_address_is_the_readers_day_and_programs_are_in_utc(ann, bob, get, api, people):
    from crm import Lead

    with clock.set_clock(datetime(2026, 1, 31, 23, 30, tzinfo=UTC), purpose="import"):
        Lead.create(name="Late in January", source="web", owner=people.bob)
    query = "createdAt__gte=2026-02-01"
    assert "Late in January" in get(ann, f"crm/lead/?{query}")
    assert "Late in January" not in get(bob, f"crm/lead/?{query}")
    export = re.search(r'href="([^"]*/export/leads[^"]*)" download', get(ann, f"crm/lead/?{query}"))
    assert "createdAt__gte=2026-01-31T23%3A00%3A00Z" in export[1]
    api.cookies[languages.TIME_ZONE_COOKIE] = "Europe/Berlin"
    found = api.call("GET", f"/leads?{query}", Accept_Language="de").json()
    assert "Late in January" not in str(found)
    assert "Late in January" in str(api.call("GET", "/leads").json())
