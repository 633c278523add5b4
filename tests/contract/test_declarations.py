"""A noun that is declared wrongly is told so before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks

from crm import Lead
from headlessly import checks
from headlessly.declaration.fields import Flag, Number
from headlessly.declaration.verbs import Verb, verb
from tests.contract import samples


def test_it_finds_nothing_wrong_with_the_nouns_there_are() -> None:
    assert not [e for e in run_checks() if (e.id or "").startswith("headlessly.")]


def a_verb(name: str, doc: str = "Does it.") -> Verb:
    def body(self: Any) -> None: ...

    body.__name__, body.__doc__ = name, doc
    return verb(body)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("score", "score is the name of a field"),  # the field itself
        ("contact_id", "contact_id is the name of a field"),  # the column of a reference
        ("bant", "bant is the name of a field"),  # a computed one
        ("activities", "activities is the name of a field"),  # the other side of a reference
        ("version", "version is the name of a field"),  # the platform's
        ("find", "find is a word of every noun"),
        ("save", "save is a word of every noun"),
    ],
)
def test_it_refuses_a_verb_called_like(
    name: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lead, "verbs", Lead.verbs | {name: a_verb(name)})
    found = [e.msg for e in checks.check_nouns()]
    assert any(says in message for message in found), found


def test_it_refuses_two_verbs_that_share_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lead, "verbs", Lead.verbs | {"lost": a_verb("lost")})
    assert any("belongs to the verb lose" in e.msg for e in checks.check_nouns())


def test_it_refuses_a_verb_or_a_noun_without_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lead, "verbs", Lead.verbs | {"mumble": a_verb("mumble", "")})
    monkeypatch.setattr(Lead, "__doc__", "Lead(id, tenant)")
    assert [e.msg.split(" needs")[0] for e in checks.check_nouns()] == ["Lead", "Lead.mumble"]


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("columns", ("nonsense",)),
        ("facets", ("nonsense",)),
        ("ordering", ("-nonsense",)),
        ("search", ("nonsense",)),
        ("search", ("contact__nonsense",)),
        ("search", ("nonsense__name",)),
        ("groups", (("All", ("nonsense",)),)),
    ],
)
def test_it_refuses_a_surface_that_names_nothing(
    what: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lead.schema, what, value)
    assert any(f"Surface.{what}: there is no field" in e.msg for e in checks.check_nouns())


@pytest.mark.parametrize("what", ["needs", "unless"])
def test_it_refuses_a_verb_that_hangs_on_a_field_which_is_not_there(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lead.verbs["claim"], what, "nonsense")
    assert any(f"verbs' {what}: there is no field" in e.msg for e in checks.check_nouns())


def test_it_refuses_a_page_that_forgets_a_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lead.schema, "groups", Lead.schema.groups[1:])
    assert any("contact, organization, owner would not be" in e.msg for e in checks.check_nouns())


@pytest.mark.parametrize("noun", samples.NOUNS, ids=lambda n: n.__name__)
def test_it_has_both_sides_of_every_reference(noun: Any) -> None:
    for field in noun.schema.references.values():
        if field.inverse:
            relation = samples.registry[field.to].schema.relations[field.inverse]
            assert (relation.noun, relation.field) == (noun.__name__, field.name)
        assert (noun, field.name) in samples.registry[field.to].schema.referrers


def positional(self: Any, next_step: str) -> None:
    """Does it."""


def unreadable(self: Any, *, weight: Tonnes) -> None:  # noqa: F821
    """Does it."""


def unknown(self: Any, *, weight: list) -> None:
    """Does it."""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (positional, "put a * before next_step"),
        (unreadable, "'Tonnes' is not defined"),
        (unknown, "weight is no field, no record and no plain type"),
    ],
)
def test_it_refuses_a_verb_whose_input_nobody_can_give(
    body: Any, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lead, "verbs", Lead.verbs | {body.__name__: verb(body)})
    assert any(says in e.msg for e in checks.check_nouns())


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("beg", {"asks": "nonsense"}, "asks nonsense, which is no method"),
        ("beg", {"public": ["nonsense"]}, "shows strangers nonsense, which is no field"),
        ("update", {"public": []}, "update cannot be public"),
    ],
)
def test_it_refuses_a_verb_that_opens_what_it_should_not(
    name: str, options: Any, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = a_verb(name)
    opened.__dict__.update(options)
    monkeypatch.setattr(Lead, "verbs", Lead.verbs | {name: opened})
    assert any(says in e.msg for e in checks.check_nouns())


def test_it_refuses_a_flag_that_should_be_unique() -> None:
    with pytest.raises(TypeError, match="cannot be unique"):
        Flag(unique=True)


def test_it_bounds_numbers_beside_checks_of_their_own() -> None:
    def even(value: float) -> None: ...

    assert even in Number(minimum=0, validators=[even])._validators
