"""A tenant's own field of each type, on every noun, through every surface, as if it had been declared."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import urlencode

import orjson
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
from tests.headlessly.mcp.conftest import Agent
from tests.headlessly.transfer.conftest import exported as exported
from tests.headlessly.transfer.conftest import imported as imported
from tests.headlessly.transfer.conftest import send as send

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

    def each_finds(conditions: dict[str, Any], *records: dict[str, Any]) -> None:
        """Each condition, by type, finds these records and no other: all of them together find no fewer, and
        any of them no more. Which one is wrong it tells by itself."""
        want, every = {each["$id"] for each in records}, [*conditions.values()]
        if set(asked({"$and": every})) == set(asked({"$or": every})) == want:
            return
        for type, condition in conditions.items():
            assert set(asked(condition)) == want, type
        raise AssertionError("each finds the right ones, and not all together")

    values = {
        type: [v[0] if isinstance(v, list) else v for v in pair]
        for type, pair in custom.VALUES.items()
    }
    names = {type: custom.name_of(type) for type in values}
    each_finds({t: {names[t]: one} for t, (one, _) in values.items()}, low)
    each_finds({t: {names[t]: {"$ne": one}} for t, (one, _) in values.items()}, high)
    each_finds({t: {names[t]: {"$in": both}} for t, both in values.items()}, low, high)
    each_finds({t: {names[t]: {"$exists": False}} for t in values})
    ordered = [t for t in values if t not in ("bool", "choice", "choices")]
    if noun.holds_exchange_rates:
        ordered.remove("money")  # amounts of several currencies, which are compared converted
    each_finds({t: {names[t]: {"$gt": values[t][0]}} for t in ordered}, high)
    for number, type in enumerate(ordered, samples.NOUNS.index(noun)):  # both ways take turns
        way, want = ("", (low, high)) if number % 2 else ("-", (high, low))
        assert found(f"sort={way}{names[type]}")[:2] == [each["$id"] for each in want], type
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


@custom.by_turns(0)
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


def test_what_programs_read_first_names_it_for_every_noun_and_in_no_other_tenant(
    api: Any, rival: Any, rival_api: Any
) -> None:
    for noun in samples.NOUNS:
        custom.add_fields(noun, required=True)
    components = answered(api.call("GET", "/openapi.json"))["components"]
    for noun in samples.NOUNS:
        described = answered(api.call("GET", f"/schema/{noun.__name__}"))["fields"]
        component = components["schemas"][noun.__name__]["properties"]
        for name in map(custom.name_of, TYPES):
            assert described[name]["required"] and name in component, (noun, name)
            assert f"{noun.__name__}.{name}" in components["parameters"], (noun, name)
    for place in ("/openapi.json", *(f"/schema/{noun.__name__}" for noun in samples.NOUNS)):
        said = rival_api.call("GET", place).content.decode()
        assert "ownDate" not in said and "South" not in said, place


@custom.by_turns(1)
def test_its_errors_are_those_of_every_field(
    api: Any, noun: type[Noun], rival: Any, rival_api: Any
) -> None:
    samples.create(samples.registry["Organization"])  # what a reference that is required leads to
    custom.add_fields(noun, required=True)
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
        rival_api.call("POST", f"/{noun.plural}", {"ownInteger": 7}),
        rival_api.call("GET", f"/{noun.plural}?sort=ownInteger"),
    ):
        assert "ownDate" not in said.content.decode() and "South" not in said.content.decode()


@custom.by_turns(2)
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
    listed = [custom.name_of(type) for type in TYPES if type != "text"]
    for columns in (listed[:7], listed[7:]):
        shown = page(f"?columns={','.join(columns)}&ownInteger__gte=10")
        assert high["$id"] in shown and low["$id"] not in shown
        assert all(f"Own {name[3:].lower()}" in shown for name in columns)
    every = {"$or": [{custom.name_of(type): {"$exists": True}} for type in TYPES]}
    builder = page("filter/?" + urlencode({"query": urlencode({"filter": json.dumps(every)})}))
    for type in TYPES:
        assert f'<option value="{custom.name_of(type)}" selected' in builder, type
    if "update" in noun.verbs:
        form = page(f"{low['$id']}/edit/")
        for type in TYPES:
            assert f'name="{snake_name(custom.name_of(type))}"' in form, type
        cell = f"{low['$id']}/cell/own_integer/"
        assert ann.post(start + cell, {"own_integer": "41"}).status_code in (200, 302)
        assert noun.get(low["$id"]).own_integer == 41


@custom.by_turns(3)
def test_files_scripts_and_agents_know_it(
    api: Any, noun: type[Noun], acme: Any, imported: Any, exported: Any
) -> None:
    custom.add_fields(noun)
    low, _high = two_records(api, noun)
    name, plural = noun.__name__, noun.plural
    # Out by name, and by label; back in by label under the ids.
    names = ",".join(custom.name_of(type) for type in TYPES)
    table = io.StringIO(exported(f"{plural}?format=csv&fields={names}").decode())
    (row,) = [each for each in csv.DictReader(table) if each["$id"] == low["$id"]]
    assert row["ownChoices"] == "North; West" and row["ownInteger"] == "7"
    assert row["ownMoney"] == "10.5" and row["ownDate"] == "2026-01-31"
    lines = [orjson.loads(x) for x in exported(f"{plural}?format=ndjson").splitlines()]
    (line,) = [each for each in lines if each["$id"] == low["$id"]]
    assert {n: line[n] for n in custom.values_of(FEW)} == custom.values_of(FEW)
    for_people = exported(f"{plural}?format=csv&labels=en&fields={names}").decode()
    assert "Own choices" in for_people.splitlines()[0]
    if not noun.immutable:
        header = "$id,Own integer,Own choice,own_choices,Own date,ownBool"
        cells = "41,west,South & east; NORTH,2026-02-03,yes"
        told = imported(plural, f"{header}\n{low['$id']},{cells}\n", "?match=$id")
        assert told["updated"] == 1, told["errors"]
        now = answered(api.call("GET", f"/{plural}/{low['$id']}"))
        assert (now["ownInteger"], now["ownChoice"], now["ownDate"]) == (41, "West", "2026-02-03")
        assert (now["ownChoices"], now["ownBool"]) == (["South & East", "North"], True)
    agent = Agent(acme)
    described = agent.tool("fetch", type="Schema", id=name)
    assert custom.name_of("date") in described["fields"]
    found = agent.tool(
        "search", type=name, filter={"ownString": "Zinnober Quader"}, fields=["ownMoney"]
    )
    assert [r["ownMoney"] for r in found["results"]] == [20_000]
    said = agent.tool("do", code=f"[r.own_date for r in {name}.find({{'ownInteger': 12}})]")
    assert said["value"] == ["2027-02-01"]
