"""A tenant's own field of each type, on every noun, through every surface, as if it had been declared."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from headlessly.nouns import Noun
from tests.answered import answered
from tests.contract import custom, samples
from tests.contract.test_rest import body_of

pytestmark = pytest.mark.usefixtures("acme")

nouns = pytest.mark.parametrize("noun", samples.NOUNS, ids=[n.__name__ for n in samples.NOUNS])
FEW, MANY = 0, 1


def two_records(api: Any, noun: type[Noun]) -> tuple[dict[str, Any], dict[str, Any]]:
    """One with the lesser value in each field, then one with the greater."""
    made = []
    for which in (FEW, MANY):
        body = body_of(noun) | custom.values_of(which)
        made.append(answered(api.call("POST", f"/{noun.plural}", body), 201))
    return made[0], made[1]


@nouns
def test_it_is_written_read_filtered_sorted_and_counted_over_rest(
    api: Any, noun: type[Noun]
) -> None:
    custom.add_fields(noun)
    low, high = two_records(api, noun)
    for record, which in ((low, FEW), (high, MANY)):
        for name, value in custom.values_of(which).items():
            assert record[name] == value, name
        assert answered(api.call("GET", f"/{noun.plural}/{record['$id']}")) == record

    def found(query: str) -> list[str]:
        page = answered(api.call("GET", f"/{noun.plural}?{query}"))
        return [r["$id"] for r in page["results"] if r["$id"] in (low["$id"], high["$id"])]

    def asked(condition: dict[str, Any]) -> list[str]:
        both = {"$id": {"$in": [low["$id"], high["$id"]]}}
        return found(urlencode({"filter": json.dumps({"$and": [condition, both]})}))

    for type, (less, more) in custom.VALUES.items():
        name = custom.name_of(type)
        one, other = (v[0] if isinstance(v, list) else v for v in (less, more))
        assert asked({name: one}) == [low["$id"]], type
        assert asked({name: {"$ne": one}}) == [high["$id"]], type
        assert set(asked({name: {"$in": [one, other]}})) == {low["$id"], high["$id"]}, type
        assert asked({name: {"$exists": False}}) == [], type
        if type not in ("bool", "choice", "choices"):
            assert asked({name: {"$gt": less}}) == [high["$id"]], type
            assert found(f"sort={name}")[:2] == [low["$id"], high["$id"]], type
            assert found(f"sort=-{name}")[:2] == [high["$id"], low["$id"]], type
    assert asked({custom.name_of("choices"): {"$all": ["North", "West"]}}) == [low["$id"]]
    groups = answered(
        api.call(
            "GET",
            f"/{noun.plural}/aggregate?group=ownChoice&by=year(ownDate)"
            "&measure=count,sum(ownInteger),max(ownDate)",
        )
    )["groups"]
    assert {
        "ownChoice": "West",
        "year": "2027",
        "count": 1,
        "sum(ownInteger)": 12,
        "max(ownDate)": "2027-02-01",
    } in groups
    # Every word is one of a short text, or begins one.
    if noun.Surface.search:
        assert asked_by_words(api, noun, "zinnober") == [high["$id"]]
        assert asked_by_words(api, noun, "AMBER wurfel") == [low["$id"]]


def asked_by_words(api: Any, noun: type[Noun], words: str) -> list[str]:
    page = answered(api.call("GET", f"/{noun.plural}?q={words.replace(' ', '%20')}"))
    return [r["$id"] for r in page["results"]]
