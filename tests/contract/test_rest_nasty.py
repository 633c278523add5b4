"""Every field of every noun and every input of every verb takes any value, or says why not."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from headlessly.declaration.schema import Field, wire_name
from headlessly.declaration.verbs import Verb
from headlessly.log import events
from tests.answered import answered, problem
from tests.contract import samples

NASTY: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, -1e308, 2**53 + 1, 2**63, 2**64, 10**30, "", " ",
    "\x00", "a\x00b", "x" * 300, "x" * 20_000, "💩", "\u202e", "'; DROP TABLE crm_lead; --", "%s",
    "{}", "null", "true", "1e400", "NaN", "9" * 5000, "2026-13-45", "0000-00-00", "9999-12-31",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "lead_", "contact_\x00",
    "contact_" + "2" * 100, "__class__", [], [[]], [None], ["x"], {}, {"$id": None}, {"$id": []},
    {"$id": "\x00"}, {"$id": {"$id": 1}}, {"a": {"b": [1e308, 10**30, "\x00"]}}, {"": ""},
    {"name": "x"}, {"name": None}, {"$gte": 1}, [{"name": "x", "order": 1e308}],
]  # fmt: skip
NO_MORE = object()


VERBS = [v for noun in samples.NOUNS for v in noun.verbs.values() if v.name != "delete"]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of refusals are nothing to write a log about."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def spelled(body: Any) -> bytes:
    """JSON as the standard library writes it: orjson would not write all of these."""
    return json.dumps(body).encode()


def accepted(field: Field, value: Any) -> bool:
    """Whether the field by itself takes the value, so that it goes on to meet the database."""
    try:
        field.clean(orjson.loads(spelled(value)))
    except ValueError:
        return False
    return True


def rounds(fields: dict[str, Field], *, take: bool) -> Iterator[dict[str, Any]]:
    """Inputs that together give each field every value that it takes by itself, or every other one."""
    values = [[v for v in NASTY if accepted(f, v) == take] for f in fields.values()]
    for each in itertools.zip_longest(*values, fillvalue=NO_MORE):
        yield {wire: v for wire, v in zip(fields, each, strict=True) if v is not NO_MORE}


def ask(api: Any, method: str, path: str, body: dict[str, Any]) -> Any:
    response = api.call(method, path, spelled(body))
    assert response.status_code < 500, (method, path, body)
    if response.status_code not in (200, 201):
        problem(response, response.status_code, response.json()["error"])
    return response


def taken(
    api: Any, method: str, path: str, valid: dict[str, Any], given: dict[str, Any]
) -> Iterator[Any]:
    """The answers to what was taken, as many values together as can be.

    What an answer refuses by its name has its answer; the others are asked again without it. Where it names
    none of them they are asked in halves, down to each by itself: every value is written or refused.
    """
    if not given:
        return
    response = ask(api, method, path, valid | given)
    if response.status_code in (200, 201):
        yield response
        return
    refused = {each["field"].split(".")[0] for each in response.json().get("details", ())}
    names = [name for name in given if name not in refused]
    if len(names) < len(given):
        parts = [names]
    else:
        parts = [names[::2], names[1::2]] if len(names) > 1 else []
    for part in parts:
        yield from taken(api, method, path, valid, {name: given[name] for name in part})


@pytest.mark.parametrize("verb", VERBS, ids=[f"{v.noun.__name__}.{v.name}" for v in VERBS])
def test_it_has_an_answer_to_every_value(verb: Verb, api: Any, acme: Any) -> None:
    path, method, record = f"/{verb.noun.plural}", "POST", None
    if not verb.creates:
        source = next(iter(verb.steps), None)
        record = samples.in_state(verb.noun, source) if source else samples.create(verb.noun)
        path = f"{path}/{record.pk}"
    if verb.name == "update":
        method = "PATCH"
    elif verb.name != "create":
        path = f"{path}/{wire_name(verb.name)}"
    valid = json.loads(events.dump_json(samples.inputs(verb, record=record)))
    fields = verb.noun.schema.fields | verb.inputs if verb.takes_fields else verb.inputs
    ask(api, method, f"{path}?dryRun=true", {})
    for refused in rounds(fields, take=False):
        ask(api, method, f"{path}?dryRun=true", valid | refused)
    for given in rounds(fields, take=True):
        for _ in taken(api, method, f"{path}?dryRun=true", valid, given):
            pass


@pytest.mark.parametrize("noun", samples.NOUNS, ids=[n.__name__ for n in samples.NOUNS])
def test_it_can_say_again_whatever_it_took(noun: Any, api: Any, acme: Any) -> None:
    record = samples.create(noun)
    address = f"/{noun.plural}/{record.pk}"
    fields = {wire: f for wire, f in noun.schema.fields.items() if not f.read_only}
    for given in rounds(fields, take=True):
        if noun.immutable:
            assert ask(api, "PATCH", address, given).status_code == 405
            continue
        for response in taken(api, "PATCH", address, {}, given):
            assert answered(api.call("GET", address)) == response.json()
    answered(api.call("GET", f"{address}/events?limit=100"))
