"""Every noun over REST: all that the contract says of a collection and of a record."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from headlessly.access import actors, tenancy
from headlessly.declaration.schema import META, wire_name
from headlessly.declaration.verbs import Verb
from headlessly.log import events
from headlessly.nouns import Noun
from headlessly.query import reads
from tests.answered import answered, named, problem, unchanged
from tests.contract import samples

pytestmark = pytest.mark.usefixtures("acme")

nouns = pytest.mark.parametrize("noun", samples.NOUNS, ids=[n.__name__ for n in samples.NOUNS])
changing = pytest.mark.parametrize("noun", samples.CHANGING, ids=lambda n: n.__name__)
VERBS = [
    verb
    for noun in samples.NOUNS
    for verb in noun.verbs.values()
    if not verb.creates and verb.name not in ("update", "delete")
]
verbs = pytest.mark.parametrize("verb", VERBS, ids=[f"{v.noun.__name__}.{v.name}" for v in VERBS])


def as_json(value: Any) -> Any:
    return json.loads(events.dump_json(value))


def body_of(noun: type[Noun], *, full: bool = False) -> dict[str, Any]:
    return as_json(samples.inputs(noun.verbs["create"], full=full))


def fresh_of(noun: type[Noun]) -> Noun:
    return samples.create(noun, full=True)


def ready_for(verb: Verb) -> tuple[Noun, dict[str, Any]]:
    """A record from which the verb is allowed, and its input."""
    source = next(iter(verb.steps), None)
    record = samples.in_state(verb.noun, source) if source else fresh_of(verb.noun)
    if verb.restores:
        record.delete()
    return record, as_json(samples.inputs(verb, record=record))


def a_change_of(noun: type[Noun], record: dict[str, Any]) -> dict[str, Any]:
    """Another value for one plain text field; for a choice where a noun has no such text."""
    fields = [f for f in noun.schema.inputs() if not f.unique and not f.validators and not f.moves]
    for field in fields:
        if field.type in ("string", "text"):
            return {field.wire: f"{record[field.wire]} changed"}
    choice = next(field for field in fields if field.type == "enum")
    return {choice.wire: next(each for each in choice.choices if each != record[choice.wire])}


def theirs(rival: Any, noun: type[Noun]) -> Noun:
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        return fresh_of(noun)


# -- create, read ---------------------------------------------------------------------------------


@nouns
@pytest.mark.parametrize("full", [False, True], ids=["least", "full"])
def test_it_is_created_with_an_address_where_it_reads_the_same(
    noun: type[Noun], full: bool, api: Any
) -> None:
    sent = body_of(noun, full=full)
    response = api.call("POST", f"/{noun.plural}", sent)
    made = answered(response, 201)
    assert list(made) == [*META, *noun.schema.fields]
    assert response["Location"] == f"{made['$context']}/{noun.plural}/{made['$id']}"
    assert made["$createdBy"] == api.key.pk
    # By wire name, every one; moments in UTC.
    for wire, value in sent.items():
        if noun.schema.fields[wire].type not in ("datetime", "email"):
            assert made[wire] == value, wire
    read = api.call("GET", f"/{noun.plural}/{made['$id']}")
    assert answered(read) == made
    assert list(read.json()) == list(made)
    assert read["ETag"] == response["ETag"] == '"1"'
    listed = answered(api.call("GET", f"/{noun.plural}"))
    assert made in listed["results"]
    assert listed | {"results": []} == {
        "results": [],
        "total": len(listed["results"]),
        "hasMore": False,
        "cursor": listed["cursor"],
    }


@nouns
def test_it_refuses_a_field_that_does_not_exist_and_lists_those_that_do(
    noun: type[Noun], api: Any
) -> None:
    record, body = fresh_of(noun), body_of(noun)
    address = f"/{noun.plural}/{record.pk}"
    with unchanged():
        for response in (
            api.call("POST", f"/{noun.plural}", body | {"favouriteColour": 1}),
            *(
                api.call(method, address, {"favouriteColour": 1})
                for method in ([] if noun.immutable else ["PATCH", "PUT"])
            ),
        ):
            said = named(problem(response, 422, "validation_error", type=noun.__name__))
            assert list(said) == ["favouriteColour"]
            assert all(field.wire in said["favouriteColour"] for field in noun.schema.inputs())


@nouns
def test_it_names_what_is_required_and_missing(noun: type[Noun], api: Any) -> None:
    required = {f.wire for f in noun.schema.inputs() if f.required}
    with unchanged():
        found = problem(api.call("POST", f"/{noun.plural}", {}), 422, "validation_error")
    assert named(found).keys() == required


@changing
def test_it_is_called_by_its_wire_names_only(noun: type[Noun], api: Any) -> None:
    field = next((f for f in noun.schema.inputs() if f.name != f.wire), None)
    if field is None:
        pytest.skip(f"{noun.__name__} has no name of two words")
    record = fresh_of(noun)
    value = answered(api.call("GET", f"/{noun.plural}/{record.pk}"))[field.wire]
    with unchanged():
        response = api.call("PATCH", f"/{noun.plural}/{record.pk}", {field.name: value})
        assert field.name in named(problem(response, 422, "validation_error"))


# -- change ---------------------------------------------------------------------------------------


@changing
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_it_merges_what_is_sent(noun: type[Noun], method: str, api: Any) -> None:
    record = fresh_of(noun)
    address = f"/{noun.plural}/{record.pk}"
    was = answered(api.call("GET", address))
    change = a_change_of(noun, was)
    response = api.call(method, address, change)
    now = answered(response)
    assert response["ETag"] == f'"{record.version + 1}"'
    assert now == was | change | {
        "$version": record.version + 1,
        "$updatedAt": now["$updatedAt"],
    }
    assert answered(api.call("GET", address)) == now


@changing
def test_it_takes_back_what_was_read(noun: type[Noun], api: Any) -> None:
    record = fresh_of(noun)
    address = f"/{noun.plural}/{record.pk}"
    was = answered(api.call("GET", address))
    now = answered(api.call("PUT", address, was))
    assert now == was, "nothing changed, and nothing was recorded"
    included = answered(
        api.call("GET", f"{address}?include={','.join(f.wire for f in references(noun))}")
    )
    again = answered(api.call("PUT", address, included))
    assert again == was
    assert events.Event.objects.filter(target=record.pk).count() == was["$version"]


@changing
def test_it_ignores_meta_fields(noun: type[Noun], api: Any) -> None:
    forged = {
        "$id": "lead_222222222222",
        "$type": "Nothing",
        "$context": "https://elsewhere.example",
        "$version": 99,
        "$createdAt": "2001-01-01T00:00:00Z",
        "$createdBy": "user_222222222222",
        "$updatedAt": "2001-01-01T00:00:00Z",
    }
    assert forged.keys() == META.keys()
    made = answered(api.call("POST", f"/{noun.plural}", body_of(noun) | forged), 201)
    assert all(made[key] != value for key, value in forged.items())
    changed = answered(
        api.call("PATCH", f"/{noun.plural}/{made['$id']}", a_change_of(noun, made) | forged)
    )
    assert changed["$version"] == 2
    assert {k: changed[k] for k in forged if k not in ("$version", "$updatedAt")} == {
        k: made[k] for k in forged if k not in ("$version", "$updatedAt")
    }


@changing
def test_it_refuses_to_write_read_only_fields_and_names_the_verb_that_does(
    noun: type[Noun], api: Any
) -> None:
    record = fresh_of(noun)
    was = as_json(record.as_json())
    read_only = [f for f in noun.schema.fields.values() if f.read_only]
    for field in read_only:
        other = {"bogus": True} if field.computed else samples.value(field)
        assert other != was[field.wire]
        with unchanged():
            response = api.call("PATCH", f"/{noun.plural}/{record.pk}", {field.wire: other})
        message = named(problem(response, 422, "validation_error"))[field.wire]
        assert all(verb in message for verb in field.set_by) or field.computed
        same = {field.wire: was[field.wire]}
        answered(api.call("PATCH", f"/{noun.plural}/{record.pk}", same))


#: What is sent of a version, and of the one before it.
STALE = ('"{}"', 'W/"{}", "999"', '"not-a-version"', "", '"99999999999999999999999999"')
CURRENT = ('"{}"', 'W/"{}"', "{}", '"999", "{}"', "*")


@changing
def test_it_honours_if_match(noun: type[Noun], api: Any) -> None:
    """How it is written is read for all nouns alike: one is sent every way, the others one by turns."""
    turn = samples.CHANGING.index(noun)
    stale, current = (ways if not turn else [ways[turn % 5]] for ways in (STALE, CURRENT))
    record = fresh_of(noun)
    address = f"/{noun.plural}/{record.pk}"
    other = a_change_of(noun, as_json(record.as_json()))
    same = {wire: as_json(record.as_json())[wire] for wire in other}
    now = answered(api.call("PATCH", address, other))["$version"]
    with unchanged():
        for tag in (each.format(now - 1) for each in stale):
            for refused in (
                api.call("PATCH", address, same, If_Match=tag),
                api.call("DELETE", address, If_Match=tag),
            ):
                assert refused.status_code == 412, tag
                problem(refused, 412, "stale", id=record.pk, version=now)
    for tag in current:
        taken = api.call("PATCH", address, same, If_Match=tag.format(now))
        assert taken.status_code == 200 and taken.json()["$version"] == now + 1, tag
        now, same, other = now + 1, other, same


# -- delete ---------------------------------------------------------------------------------------


@nouns
def test_it_is_deleted_and_gone_from_everywhere_but_the_log(noun: type[Noun], api: Any) -> None:
    record = fresh_of(noun)
    address = f"/{noun.plural}/{record.pk}"
    response = api.call("DELETE", address)
    assert (response.status_code, response.content) == (204, b"")
    with unchanged():
        problem(api.call("GET", address), 404, "not_found", type=noun.__name__, id=record.pk)
        if not noun.immutable:
            problem(api.call("PATCH", address, {}), 404, "not_found")
        problem(api.call("DELETE", address), 404, "not_found")
        assert answered(api.call("GET", f"/{noun.plural}?$id={record.pk}"))["results"] == []
    past = answered(api.call("GET", f"{address}?asOf={record.created_at.isoformat()[:-6]}Z"))
    assert past["$id"] == record.pk
    history = answered(api.call("GET", f"{address}/events"))["results"]
    assert [event["name"] for event in history] == [
        f"{noun.__name__}.Deleted",
        f"{noun.__name__}.Created",
    ]


#: The calls that change a record.
CHANGES: list[Any] = [("PUT", "", {}), ("PATCH", "", {}), ("PATCH", "?dryRun=true", {})]


@pytest.mark.parametrize(
    "noun", [n for n in samples.NOUNS if n.immutable], ids=lambda n: n.__name__
)
def test_it_has_no_method_that_changes_what_never_does(noun: type[Noun], api: Any) -> None:
    address = f"/{noun.plural}/{fresh_of(noun).pk}"
    with unchanged():
        for method, rest, body in CHANGES:
            response = api.call(method, address + rest, body)
            problem(response, 405, "method_not_allowed", type=noun.__name__)
            assert set(response["Allow"].split(", ")) == {"GET", "HEAD", "DELETE", "OPTIONS"}
            assert response.json()["allowedVerbs"] == list(noun.verbs)
        problem(api.call("POST", f"{address}/rollback", {"asOf": "now"}), 404, "not_found")


# -- references and tenants -----------------------------------------------------------------------


def references(noun: type[Noun]) -> list[Any]:
    return list(noun.schema.references.values())


@nouns
def test_it_refuses_a_reference_to_another_tenants_record_like_one_to_nothing(
    noun: type[Noun], api: Any, rival: Any
) -> None:
    record, body = fresh_of(noun), body_of(noun)
    for field in references(noun):
        foreign = theirs(rival, noun.registry[field.to]).pk
        nothing = f"{field.prefix}_222222222222"
        messages = set()
        with unchanged():
            for id in (foreign, nothing):
                calls = [("PATCH", f"/{noun.plural}/{record.pk}", {field.wire: id})]
                calls *= not noun.immutable
                if not field.read_only:
                    calls.append(("POST", f"/{noun.plural}", body | {field.wire: id}))
                for response in (api.call(*call) for call in calls):
                    found = problem(response, 422, "validation_error", type=noun.__name__)
                    messages.add(named(found)[field.wire].replace(id, "ID"))
        assert len(messages) == 1


@nouns
def test_it_does_not_know_another_tenants_records(
    noun: type[Noun], api: Any, rival: Any, rival_api: Any
) -> None:
    foreign = theirs(rival, noun)
    address, never = f"/{noun.plural}/{foreign.pk}", f"/{noun.plural}/{noun.prefix}_222222222222"
    calls = [
        ("GET", "", None),
        ("GET", "/events", None),
        ("GET", "?asOf=now", None),
        *([] if noun.immutable else CHANGES),
        ("DELETE", "", None),
        *(("POST", f"/{wire_name(v.name)}", {}) for v in VERBS if v.noun is noun),
    ]
    with unchanged():
        for method, rest, body in calls:
            found = problem(api.call(method, address + rest, body), 404, "not_found")
            same = problem(api.call(method, never + rest, body), 404, "not_found")
            hidden = {"id", "requestId", "message"}
            assert found.keys() == same.keys()
            assert {k: found[k] for k in found.keys() - hidden} == {
                k: same[k] for k in same.keys() - hidden
            }
            assert found["message"] == same["message"].replace(never.rpartition("/")[2], foreign.pk)
        for query in ("", f"?$id={foreign.pk}", "?q=w", "?asOf=now"):
            listed = answered(api.call("GET", f"/{noun.plural}{query}"))
            assert (listed["results"], listed["total"]) == ([], 0)
    answered(rival_api.call("GET", address))


# -- verbs, dry runs, roles -----------------------------------------------------------------------


@verbs
def test_it_answers_a_verb_with_the_record_after_it(verb: Verb, api: Any) -> None:
    record, data = ready_for(verb)
    address = f"/{verb.noun.plural}/{record.pk}/{wire_name(verb.name)}"
    with unchanged():
        told = answered(api.call("POST", f"{address}?dryRun=true", data))
        assert told["events"][0]["name"] == verb.event
        assert told["events"][0]["seq"] is None
    done = answered(api.call("POST", address, data))
    assert answered(api.call("GET", f"/{verb.noun.plural}/{done['$id']}")) == done
    if verb.name != "merge":
        assert done["$id"] == record.pk
        assert done["$version"] == told["record"]["$version"] > record.version
    history = answered(api.call("GET", f"/{verb.noun.plural}/{record.pk}/events"))["results"]
    own = [event for event in history if event["name"] == verb.event]
    assert own[0]["actor"] == api.key.pk
    assert own[0]["previous"].keys() == told["events"][0]["previous"].keys()
    problem(api.call("GET", address), 405, "method_not_allowed")


@nouns
def test_it_tells_what_a_write_would_do_and_does_not_do_it(noun: type[Noun], api: Any) -> None:
    record, body = fresh_of(noun), body_of(noun)
    address = f"/{noun.plural}/{record.pk}"
    with unchanged():
        created = answered(api.call("POST", f"/{noun.plural}?dryRun=true", body))
        deleted = answered(api.call("DELETE", f"{address}?dryRun=true"))
        found = [(created, "Created"), (deleted, "Deleted")]
        if not noun.immutable:
            change = a_change_of(noun, as_json(record.as_json()))
            updated = answered(api.call("PATCH", f"{address}?dryRun=true", change))
            assert updated["record"] | change == updated["record"]
            found.append((updated, "Updated"))
    for told, event in found:
        assert list(told) == ["record", "events"]
        assert told["events"][0]["name"] == f"{noun.__name__}.{event}"
        assert list(told["record"]) == [*META, *noun.schema.fields]


@nouns
def test_it_lets_a_read_key_read_and_nothing_else(noun: type[Noun], api: Any, acme: Any) -> None:
    reader = type(api)(acme, "read")
    record, body = fresh_of(noun), body_of(noun)
    address = f"/{noun.plural}/{record.pk}"
    answered(reader.call("GET", address))
    answered(reader.call("GET", f"/{noun.plural}"))
    answered(reader.call("GET", f"{address}/events"))
    with unchanged():
        for method, path, sent in (
            ("POST", f"/{noun.plural}", body),
            ("POST", f"/{noun.plural}?dryRun=true", body),
            *(
                (method, address + rest, change)
                for method, rest, change in CHANGES * (not noun.immutable)
            ),
            ("DELETE", address, None),
            *(("POST", f"{address}/{wire_name(v.name)}", {}) for v in VERBS if v.noun is noun),
            *(
                ("POST", f"/{noun.plural}/{wire_name(v.name)}", body)
                for v in noun.verbs.values()
                if v.creates and v.name != "create"
            ),
        ):
            problem(reader.call(method, path, sent), 403, "forbidden", type=noun.__name__)


# -- lists ----------------------------------------------------------------------------------------


@nouns
def test_it_asks_for_every_field_by_a_plain_parameter(noun: type[Noun], api: Any) -> None:
    record = fresh_of(noun)
    said = answered(api.call("GET", f"/{noun.plural}/{record.pk}"))
    fields = {w: f.type for w, f in noun.schema.fields.items() if not f.computed}
    types = fields | {"$id": "string", "$version": "integer", "$createdAt": "datetime"}
    asked = {f"{wire}__isnull": "true" if said[wire] is None else "false" for wire in types}
    for wire, type in types.items():
        value = said[wire] and said[wire][0] if type == "choices" else said[wire]
        if type != "json" and value is not None and value != []:
            asked[wire] = str(value).lower() if isinstance(value, bool) else value

    def finds(asked: dict[str, Any]) -> bool:
        query = urlencode({"$id": record.pk} | asked)
        found = answered(api.call("GET", f"/{noun.plural}?{query}"))
        return [each["$id"] for each in found["results"]] == [record.pk]

    if not finds(asked):  # which of them
        assert not [name for name, value in asked.items() if not finds({name: value})]
        raise AssertionError("each finds it, and all of them together do not")


@nouns
def test_it_includes_every_relation_and_chooses_every_field(noun: type[Noun], api: Any) -> None:
    record = fresh_of(noun)
    plain = answered(api.call("GET", f"/{noun.plural}/{record.pk}"))
    for field in references(noun):
        found = answered(api.call("GET", f"/{noun.plural}/{record.pk}?include={field.wire}"))
        if plain[field.wire] is None:
            assert found[field.wire] is None
        else:
            other = noun.registry[field.to]
            assert found[field.wire] == as_json(reads.record_json(other, plain[field.wire])) | {
                "$context": found["$context"]
            }
    for relation in noun.schema.relations.values():
        found = answered(api.call("GET", f"/{noun.plural}/{record.pk}?include={relation.wire}"))
        others = noun.registry[relation.noun].find({relation.field: record.pk})
        assert [other["$id"] for other in found[relation.wire]] == [other.pk for other in others]
    fields = [*noun.schema.fields]
    for chosen in (fields[::2], fields[1::2], fields[:1]):
        asked = ",".join(reversed(chosen))
        found = answered(api.call("GET", f"/{noun.plural}/{record.pk}?fields={asked}"))
        assert found == {key: plain[key] for key in (*META, *chosen)}
