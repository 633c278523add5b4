"""Every field of every noun and every input of every verb takes any value, or says why not."""

from __future__ import annotations

import itertools
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
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


def refusal(field: Field, value: Any) -> str | None:
    """What the field by itself says against the value; None where it takes it, so that it goes on to meet the
    database."""
    try:
        field.clean(orjson.loads(spelled(value)))
    except ValueError as error:
        return str(error)
    return None


def taken_by(field: Field) -> list[Any]:
    return [value for value in NASTY if refusal(field, value) is None]


def refused_by(field: Field, turn: int) -> list[Any]:
    """Of the values of a type that the field refuses in the same words, whatever it quotes of them, one: they
    take turns."""
    alike: dict[Any, list[Any]] = defaultdict(list)
    for value in NASTY:
        if (words := refusal(field, value)) is not None:
            alike[words.replace(str(value), ""), type(value)].append(value)
    return [values[turn % len(values)] for values in alike.values()]


def rounds(
    fields: dict[str, Field], values_for: Callable[[Field], list[Any]]
) -> Iterator[dict[str, Any]]:
    """Inputs that together give each field each of these values."""
    values = [values_for(field) for field in fields.values()]
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
    """Each field is asked every value here; of what it refuses in the same words one verb sends one, another
    another. What ``update`` takes, it is given below."""
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
    for refused in rounds(fields, partial(refused_by, turn=VERBS.index(verb))):
        ask(api, method, f"{path}?dryRun=true", valid | refused)
    for given in rounds(fields, taken_by) if verb.name != "update" else ():
        for _ in taken(api, method, f"{path}?dryRun=true", valid, given):
            pass


@pytest.mark.parametrize("noun", samples.NOUNS, ids=[n.__name__ for n in samples.NOUNS])
def test_it_can_say_again_whatever_it_took(noun: Any, api: Any, acme: Any) -> None:
    record = samples.create(noun)
    address = f"/{noun.plural}/{record.pk}"
    fields = {wire: f for wire, f in noun.schema.fields.items() if not f.read_only}
    for given in rounds(fields, taken_by):
        if noun.immutable:
            assert ask(api, "PATCH", address, given).status_code == 405
            continue
        for response in taken(api, "PATCH", address, {}, given):
            assert answered(api.call("GET", address)) == response.json()
    answered(api.call("GET", f"{address}/events?limit=100"))
