"""Fields of a tenant's own for the contract: one of each type on a noun."""

from __future__ import annotations

from typing import Any

import pytest

from headlessly.access import tenancy
from headlessly.nouns import Noun
from headlessly.shaping.changing import changing_shape
from headlessly.shaping.field_settings import take_settings
from headlessly.shaping.models import TYPES, CustomField
from tests.contract import samples

#: Programs write and read them on every noun. What else there is reads a noun by its schema, whichever it
#: is: one half of it is tried on every other noun and on what never changes, the other on the rest and on
#: boards.
some_nouns, other_nouns = (
    pytest.mark.parametrize("noun", found, ids=lambda n: n.__name__)
    for found in (
        [n for number, n in enumerate(samples.NOUNS) if number % 2 == 0 or n.immutable],
        [n for number, n in enumerate(samples.NOUNS) if number % 2 == 1 or n.Surface.board],
    )
)
OPTIONS = ["North", "South & East", "West"]
#: What each type needs beside its name.
MORE: dict[str, dict[str, Any]] = {
    "choice": {"options": OPTIONS},
    "choices": {"options": OPTIONS},
    "reference": {"to": "Organization"},
}
#: Two values of each type, as JSON has them, the lesser first; a reference's are made.
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
    """One field of each type on ``noun``, by its type; in one change and one statement, for hundreds of tests
    begin with them. Made one by one they are in ``tests/headlessly/shaping``."""
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
    """A body with the lesser values, or the greater."""
    return {name_of(type): pair[which] for type, pair in VALUES.items()}
