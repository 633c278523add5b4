"""Tenants' own fields for the contract: one of each type on a noun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headlessly.access import tenancy
from headlessly.nouns import Noun
from headlessly.shaping.changing import changing_shape
from headlessly.shaping.field_settings import take_settings
from headlessly.shaping.models import TYPES, CustomField
from tests.contract import samples

#: What distinguishes nouns for a surface besides their fields.
KINDS: tuple[Callable[[type[Noun]], Any], ...] = (
    lambda noun: noun.immutable,
    lambda noun: noun.Surface.board,
    lambda noun: noun.schema.kind,
)


def by_turns(turn: int) -> pytest.MarkDecorator:
    """Parametrizes a test with some nouns, and with one of each kind.

    Programs write and read each field on every noun. The other surfaces read a noun through its schema,
    whichever noun it is: so each noun is used by some of these tests, and each kind of noun by all.
    """
    found = samples.NOUNS[turn % 5 :: 5]
    for kind in KINDS:
        those = [noun for noun in samples.NOUNS if kind(noun)]
        if those and not any(map(kind, found)):
            found.append(those[turn % len(those)])
    return pytest.mark.parametrize("noun", found, ids=lambda n: n.__name__)


OPTIONS = ["North", "South & East", "West"]
#: What each type needs besides its name.
MORE: dict[str, dict[str, Any]] = {
    "choice": {"options": OPTIONS},
    "choices": {"options": OPTIONS},
    "reference": {"to": "Organization"},
}
#: Two values of each type, as in JSON, the lesser first. Those of references are created.
VALUES: dict[str, tuple[Any, Any]] = {
    "string": ("Amber würfel", "Zinnober Quader"),
    "text": ("First line\nand another", "Something else"),
    "integer": (7, 12),
    "number": (0.5, 2.25),
    "money": (10.5, 20_000),
    "date": ("2026-01-31", "2027-02-01"),
    "datetime": ("2026-01-31T09:00:00Z", "2027-02-01T10:30:00Z"),
    "bool": (False, True),
    "choice": ("North", "West"),
    "choices": (["North", "West"], ["South & East"]),
    "url": ("https://a.example/x", "https://b.example/y"),
    "email": ("ada@a.example", "bob@b.example"),
    "phone": ("+49 30 1234567", "+49 89 7654321"),
}


def name_of(type: str) -> str:
    return f"own{type.capitalize()}"


def add_fields(noun: type[Noun], types: Any = TYPES, **more: Any) -> dict[str, CustomField]:
    """Create one field of each type on `noun`, and return them by type.

    They are created in one change and one statement, as hundreds of tests start with them. Creating them one
    by one is tested in ``tests/headlessly/shaping``.
    """
    made = {}
    with changing_shape("Nobody is refused here."):
        there = CustomField.objects.filter(noun=noun.__name__).count()
        for order, type in enumerate(types, there):
            made[type] = CustomField(tenant=tenancy.require())
            given = {"noun": noun.__name__, "name": name_of(type), "label": f"Own {type}"}
            take_settings(
                made[type], {**given, "type": type, "order": order, **MORE.get(type, {}), **more}
            )
        CustomField.objects.bulk_create(made.values())
    return made


def values_of(which: int) -> dict[str, Any]:
    """Returns a body with the lesser values, or with the greater ones."""
    return {name_of(type): pair[which] for type, pair in VALUES.items()}
