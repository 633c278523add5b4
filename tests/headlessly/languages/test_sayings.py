"""Reasons that are kept in English and told again where people read."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest
from django.utils import translation

from crm import Lead
from crm.rules import reasons
from headlessly.language.sayings import translate_problem, translate_saying

RULE = SimpleNamespace(name="DACH inbound", version=3)
AWAY = reasons.AWAY(name="Ben Stone", day=date(2026, 12, 7))


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (
            reasons.reason(RULE, reasons.TURN(turn=3, all=4), [AWAY, reasons.MORE(more=2)]),
            "Regel „DACH inbound“, Version 3: Turnus 3 von 4; Ben Stone ist bis Montag, 07.12.2026, "
            "nicht da; und 2 weitere",
        ),
        (
            reasons.reason(RULE, reasons.FALLBACK(why=reasons.NOBODY_CAN()), [AWAY]),
            "Regel „DACH inbound“, Version 3: als Ersatz, denn niemand kann ihn übernehmen; "
            "Ben Stone ist bis Montag, 07.12.2026, nicht da",
        ),
        (
            reasons.reason(RULE, reasons.WITHIN(minutes=240)),
            "Regel „DACH inbound“, Version 3: innerhalb von 240 min Arbeitszeit",
        ),
        (
            reasons.reason(RULE, reasons.within(240)),
            "Regel „DACH inbound“, Version 3: innerhalb von 4 h Arbeitszeit",
        ),
        (reasons.of_rule(RULE), "Regel „DACH inbound“, Version 3"),
        (Lead.CLAIMED, "selbst übernommen"),
        (Lead.BY_HAND, "von Hand"),
        ("promised; by hand to Ben", "promised; by hand to Ben"),
        ("", ""),
    ],
)
def test_what_is_kept_in_english_is_told_in_german(kept: str, told: str) -> None:
    with translation.override("de"):
        assert translate_saying(kept) == told
    with translation.override("en"):
        again = translate_saying(kept)
    assert again == kept.replace("Monday (2026-12-07)", "Monday, Dec 7, 2026")


def test_names_of_people_and_rules_may_have_anything_in_them() -> None:
    odd = SimpleNamespace(name='A "B"; turn 1 of 2, version 9: x', version=12)
    kept = reasons.reason(odd, reasons.FOR_PERSON(name="Ann; Bob %(name)s"))
    assert kept == 'Rule "A "B"; turn 1 of 2, version 9: x", version 12: for Ann; Bob %(name)s'
    with translation.override("de"):
        told = translate_saying(kept)
    assert told == 'Regel „A "B"; turn 1 of 2, version 9: x“, Version 12: für Ann; Bob %(name)s'


def test_a_reason_has_whole_sentences_as_far_as_there_is_room() -> None:
    names = [f"Somebody with quite a long name {n}" for n in range(8)]
    passed = [reasons.NO_MEMBER(name=name) for name in names]
    kept = reasons.reason(RULE, reasons.NOBODY_CAN(), passed)
    assert len(kept) <= reasons.LONGEST and kept.endswith("; and 4 more")
    assert kept.count("is no member") == 4
    long = reasons.reason(SimpleNamespace(name="x" * 250, version=1), reasons.NOBODY())
    assert len(long) == reasons.LONGEST


def test_what_went_wrong_is_told_too() -> None:
    with translation.override("de"):
        assert translate_problem("Lead must have a contact before conversion").startswith(
            "Vor der Konversion"
        )
        assert translate_problem(reasons.EMPTY(path="contact")) == "contact ist leer."
        assert translate_problem("Some error of another program") == "Some error of another program"
        assert translate_problem("") == ""
