"""Days, times and amounts are read as people type them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from headlessly.language.moments import (
    When,
    read_past_day,
    read_past_when,
    read_when,
    split_ending_day,
)
from headlessly.language.numbers import delocalize_number

#: A Saturday, at half past four.
NOW = datetime(2026, 11, 28, 16, 30, tzinfo=UTC)


def text_of(found: When) -> str:
    return f"{found.day}T{found.time:%H:%M}" if found.time else f"{found.day}"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-12-24", "2026-12-24"),
        ("2026-12-24T09:30", "2026-12-24T09:30"),
        ("2026-12-24 9:30", "2026-12-24T09:30"),
        ("today", "2026-11-28"),
        ("Tomorrow 9", "2026-11-29T09:00"),
        ("morgen um 9", "2026-11-29T09:00"),
        ("übermorgen 14 Uhr", "2026-11-30T14:00"),
        ("tomorrow at 2pm", "2026-11-29T14:00"),
        ("12 am", "2026-11-28T00:00"),
        ("9:30", "2026-11-28T09:30"),
        ("fri", "2026-12-04"),
        ("Sat", "2026-12-05"),
        ("next mon", "2026-11-30"),
        ("next fri 10:15", "2026-12-04T10:15"),
        ("nächsten Freitag", "2026-12-04"),
        ("Montag 8 Uhr", "2026-11-30T08:00"),
        ("in 2 weeks", "2026-12-12"),
        ("in einer Woche", "2026-12-05"),
        ("in 3 Tagen", "2026-12-01"),
        ("in 3 months", "2027-02-28"),
        ("in 2 hours", "2026-11-28T18:30"),
        ("3d", "2026-12-01"),
        ("next week", "2026-11-30"),
        ("nächsten Monat", "2026-12-01"),
        ("end of month", "2026-11-30"),
        ("3.12.", "2026-12-03"),
        ("3.12", "2026-12-03"),
        ("3.12. 9", "2026-12-03T09:00"),
        ("3.12.2027", "2027-12-03"),
        ("1.2.27", "2027-02-01"),
        ("1.2.", "2027-02-01"),
        ("29.2.", "2028-02-29"),
        ("Dec 3", "2026-12-03"),
        ("3rd december", "2026-12-03"),
        ("3. Dezember 2027 14:30", "2027-12-03T14:30"),
        ("28.11.", "2026-11-28"),
    ],
)
def test_reads_a_day_and_its_time(typed, meant):
    found = read_when(typed, NOW)
    assert found is not None and text_of(found) == meant


@pytest.mark.parametrize(
    ("zone", "now", "typed", "meant"),
    [
        ("Europe/Berlin", (2026, 3, 28, 23, 30), "in 4 hours", (2026, 3, 29, 4, 30, 0)),
        ("Europe/Berlin", (2026, 10, 25, 1, 30), "in 2 hours", (2026, 10, 25, 2, 30, 1)),
        ("Australia/Lord_Howe", (2026, 10, 4, 1, 30), "in 1 h", (2026, 10, 4, 3, 0, 0)),
    ],
)
def test_hours_pass_in_the_night_in_which_the_clock_is_changed(zone, now, typed, meant):
    found = read_when(typed, datetime(*now, tzinfo=ZoneInfo(zone)))
    assert found is not None and found.time is not None
    at = found.time
    assert (*found.day.timetuple()[:3], at.hour, at.minute, at.fold) == meant


@pytest.mark.parametrize(
    "typed", ["", "9", "12/", "31.2.", "2026-12", "soon", "fri 25", "in 2 parsecs", "13pm", "next"]
)
def test_reads_no_day_where_none_is_said(typed):
    assert read_when(typed, NOW) is None


def test_a_slash_is_read_as_the_reader_writes_days():
    for language, meant in (("en", "2027-03-04"), ("en-gb", "2027-04-03"), ("de", "2027-04-03")):
        with translation.override(language):
            found = read_when("3/4", NOW)
            assert found is not None and text_of(found) == meant


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("en", "40k", "40000"),
        ("en", "1.5k", "1500"),
        ("en", "2.5 million", "2500000"),
        ("en", "-3k", "-3000"),
        ("de", "40 Tsd.", "40000"),
        ("de", "1,5 Mio", "1500000"),
        ("de", "40k", "40000"),
        ("en", "40x", "40x"),
        ("en", "k", "k"),
        ("en", "40 kilo", "40 kilo"),
        ("en", "$40k", "$40k"),
    ],
)
def test_reads_amounts_as_people_type_them(language, typed, meant):
    with translation.override(language):
        assert delocalize_number(typed) == meant


@pytest.mark.parametrize(
    ("text", "said", "day"),
    [
        ("Send the offer tomorrow 9", "Send the offer", "tomorrow 9"),
        ("Ask again, in 2 weeks", "Ask again", "in 2 weeks"),
        ("Angebot schicken nächsten Montag", "Angebot schicken", "nächsten Montag"),
        ("Rückruf \u2013 morgen", "Rückruf", "morgen"),
        # What stays true the day after stays, and so does what the text leads up to.
        ("Call Ada on Friday", None, "on Friday"),
        ("Call Ada fri", None, "fri"),
        ("Send it 3.12.", None, "3.12."),
        ("Prepare for tomorrow", None, "tomorrow"),
        ("Fertig bis morgen", None, "morgen"),
        ("Upgrade to 3.12", None, ""),
        ("Extend the trial by 2 weeks", None, ""),
        ("She sat", None, ""),
        ("Send invoice 12", None, ""),
        ("tomorrow", None, ""),
        ("- tomorrow", None, "tomorrow"),
        ("What happened yesterday", None, ""),
    ],
)
def test_a_text_may_end_with_a_day(text, said, day):
    assert split_ending_day(text, NOW) == (said or text, day)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-12-24", "2026-12-24"),  # said with its year: it is for others to refuse
        ("3.12.", "2025-12-03"),
        ("1.11.", "2026-11-01"),
        ("Dec 3", "2025-12-03"),
        ("29.2.", "2024-02-29"),
        ("fri", "2026-11-27"),
        ("saturday", "2026-11-28"),
        ("gestern", "2026-11-27"),
        ("2 weeks ago", "2026-11-14"),
        ("vor einem Monat", "2026-10-28"),
        ("a year ago", "2025-11-28"),
        ("2 hours ago", "None"),
        ("soon", "None"),
        ("", "None"),
        ("2026-11-01T10:00:00Z", "None"),
        ("99.99.", "None"),
    ],
)
def test_a_day_that_is_asked_about_has_been(typed, meant):
    assert f"{read_past_day(typed, NOW.date())}" == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("yesterday 15", "2026-11-27T15:00"),
        ("gestern um 9:30", "2026-11-27T09:30"),
        ("fri 10:15", "2026-11-27T10:15"),
        ("3.12. 8 Uhr", "2025-12-03T08:00"),
        ("2 hours ago", "2026-11-28T14:30"),
        ("vor einer Stunde", "2026-11-28T15:30"),
        ("mon", "2026-11-23"),
        ("9:30", "2026-11-28T09:30"),
    ],
)
def test_a_time_of_what_has_happened_lies_behind(typed: str, meant: str) -> None:
    found = read_past_when(typed, NOW)
    assert found is not None
    assert text_of(found) == meant
