"""A tenant's own field of each type, on every noun, through every surface, as if it had been declared."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from headlessly.context import clock
from headlessly.declaration.schema import snake_name
from headlessly.nouns import Noun
from headlessly.shaping.models import TYPES
from tests.answered import answered, problem
from tests.contract import custom, samples
from tests.contract.test_rest import body_of
from tests.headlessly.admin.conftest import users as users
from tests.headlessly.admin.signed_in import client_of

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
        if type == "money" and noun.holds_exchange_rates:
            continue  # amounts of several currencies, which are compared converted
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


@nouns
def test_the_log_the_past_and_what_takes_back_know_it(api: Any, noun: type[Noun]) -> None:
    custom.add_fields(noun)
    low, _high = two_records(api, noun)
    path = f"/{noun.plural}/{low['$id']}"
    if noun.immutable:
        assert api.call("PATCH", path, custom.values_of(MANY)).status_code == 405
        return
    before = clock.now()
    changed = answered(api.call("PATCH", path, custom.values_of(MANY)))
    event = noun.history(low["$id"])[0]
    for name, value in custom.values_of(MANY).items():
        assert changed[name] == value and event.data[name] == value, name
        assert event.previous[name] == low[name], name
    then = answered(api.call("GET", f"{path}?asOf={before.isoformat().replace('+', '%2B')}"))
    assert {name: then[name] for name in custom.values_of(FEW)} == custom.values_of(FEW)
    condition = json.dumps({"ownInteger": 7, "ownDate": {"$lt": "2027-01-01"}})
    past = urlencode({"asOf": before.isoformat(), "filter": condition})
    page = answered(api.call("GET", f"/{noun.plural}?{past}"))
    assert low["$id"] in [r["$id"] for r in page["results"]]
    answered(api.call("POST", f"/requests/{event.request_id}/undo", {}))
    undone = answered(api.call("GET", path))
    assert {name: undone[name] for name in custom.values_of(FEW)} == custom.values_of(FEW)
    answered(api.call("PATCH", path, {"ownInteger": 99, "ownString": None}))
    record = noun.get(low["$id"])
    record.rollback(as_of=before)
    assert record.own_integer == 7 and record.own_string == low["ownString"]
    record.own_integer = 8
    record.save()
    assert noun.get(record.pk).own_integer == 8


@nouns
def test_what_programs_read_first_names_it_and_errors_are_those_of_every_field(
    api: Any, noun: type[Noun], rival: Any, rival_api: Any
) -> None:
    custom.add_fields(noun, required=True)
    described = answered(api.call("GET", f"/schema/{noun.__name__}"))["fields"]
    document = answered(api.call("GET", "/openapi.json"))
    component = document["components"]["schemas"][noun.__name__]["properties"]
    for type in TYPES:
        name = custom.name_of(type)
        assert described[name]["required"] and name in component, name
        assert f"{noun.__name__}.{name}" in document["components"]["parameters"], name
    wrong = {
        "ownInteger": "many", "ownDate": "soon", "ownChoice": "East", "ownChoices": ["East"],
        "ownEmail": "no address", "ownUrl": "nowhere", "ownBool": "maybe", "ownReference": "lead_1",
        "ownText": 7, "ownMoney": 1.005,
    }  # fmt: skip
    missing = ("ownString", "ownNumber")
    given = {n: v for n, v in (body_of(noun) | wrong).items() if n not in missing}
    refused = problem(api.call("POST", f"/{noun.plural}", given), 422, "validation_error")
    told = {detail["field"] for detail in refused["details"]}
    assert told >= {*wrong, *missing}
    # Nothing of it in another tenant.
    for said in (
        rival_api.call("GET", f"/schema/{noun.__name__}"),
        rival_api.call("GET", "/openapi.json"),
        rival_api.call("POST", f"/{noun.plural}", {"ownInteger": 7}),
        rival_api.call("GET", f"/{noun.plural}?sort=ownInteger"),
    ):
        assert "ownDate" not in said.content.decode() and "South" not in said.content.decode()


@nouns
def test_it_is_on_every_page_of_the_browser(api: Any, noun: type[Noun], users: Any) -> None:
    ann = client_of(users.ann)
    custom.add_fields(noun, group="Our own")
    low, high = two_records(api, noun)
    meta = noun._meta
    start = f"/~acme/admin/{meta.app_label}/{meta.model_name}/"

    def page(where: str) -> str:
        answer = ann.get(start + where)
        assert answer.status_code == 200, (where, answer.status_code)
        return answer.content.decode()

    record = page(f"{high['$id']}/change/")
    assert "Our own" in record
    for shown in ("Zinnober Quader", "South &amp; East", "bob@b.example", "b.example/y"):
        assert shown in record, shown
    columns = ",".join(custom.name_of(type) for type in TYPES if type != "text")
    shown = page(f"?columns={columns}&ownInteger__gte=10")
    assert "Zinnober Quader" in shown and "Amber würfel" not in shown
    for type in TYPES:
        assert f"Own {type}" in page(f"filter/?filter={FILTER % custom.name_of(type)}"), type
    if "update" in noun.verbs:
        form = page(f"{low['$id']}/edit/")
        for type in TYPES:
            assert f'name="{snake_name(custom.name_of(type))}"' in form, type
        cell = f"{low['$id']}/cell/own_integer/"
        assert ann.post(start + cell, {"own_integer": "41"}).status_code in (200, 302)
        assert noun.get(low["$id"]).own_integer == 41


FILTER = "%%7B%%22%s%%22%%3A%%7B%%22%%24exists%%22%%3Atrue%%7D%%7D"
