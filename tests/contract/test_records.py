"""Every noun can be created, read, updated, deleted and rolled back as the contract says."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, models

from headlessly.access import actors, tenancy
from headlessly.declaration.describe import describe_field, describe_noun
from headlessly.declaration.normalization import SMALL_LETTERS
from headlessly.declaration.refusals import unique_index_name
from headlessly.declaration.schema import META, Field
from headlessly.errors import (
    Conflict,
    Invalid,
    MethodNotAllowed,
    NoTenant,
    NotFound,
    Stale,
)
from headlessly.log import events
from headlessly.log.events import Event
from headlessly.nouns import Noun
from headlessly.query import reads
from tests.answered import unchanged
from tests.contract import samples
from tests.refusals import details, everything, refused

pytestmark = pytest.mark.usefixtures("acme")


def ids(of: Any) -> str:
    return of.__name__ if isinstance(of, type) else of.wire if isinstance(of, Field) else str(of)


def each(*, when: Any = lambda field: True) -> Any:
    """Every field of every noun for which ``when``."""
    found = [(n, f) for n in samples.NOUNS for f in n.schema.fields.values() if when(f)]
    return pytest.mark.parametrize(
        ("noun", "field"), found, ids=[f"{n.__name__}.{f.wire}" for n, f in found]
    )


nouns = pytest.mark.parametrize("noun", samples.NOUNS, ids=ids)
changing = pytest.mark.parametrize("noun", samples.CHANGING, ids=ids)


def as_json(value: Any) -> Any:
    return json.loads(events.dump_json(value))


# -- create and read ------------------------------------------------------------------------------


@nouns
@pytest.mark.parametrize("full", [False, True], ids=["least", "full"])
def test_it_is_created_and_reads_as_it_was_sent(noun: type[Noun], full: bool, acme: Any) -> None:
    sent = samples.inputs(noun.verbs["create"], full=full)
    record = samples.run(noun.verbs["create"], None, sent)
    read = as_json(reads.record_json(noun, record.pk))
    assert {k: read[k] for k in sent} == as_json(sent) | {
        k: v for k, v in read.items() if k in sent and noun.schema.fields[k].type == "datetime"
    }
    assert read["$id"].startswith(f"{noun.prefix}_")
    assert re.fullmatch(r"[a-z]+_[2-9A-HJ-NP-Za-hj-kmnp-z]{12}", read["$id"])
    assert (read["$type"], read["$version"], read["$createdBy"]) == (noun.__name__, 1, "system")
    assert read["$context"].endswith(f"/~{acme.slug}")
    assert read["$createdAt"] == read["$updatedAt"]
    assert read["$createdAt"].endswith("Z")
    assert list(read) == [*META, *noun.schema.fields]


@nouns
def test_it_reads_the_same_on_every_way(noun: type[Noun]) -> None:
    record = samples.create(noun, full=True)
    one = reads.record_json(noun, record.pk)
    for other in (
        record.as_json(),
        noun.get(record.pk).as_json(),
        noun.find({"$id": record.pk}).get().as_json(),
        noun.get(record.pk, as_of="now").as_json(),
        reads.record_page(noun, {"$id": record.pk}).results[0],
        reads.record_json(noun, record.pk, as_of="now"),
        Event.objects.get(target=record.pk).data,
    ):
        assert as_json({**other, "$context": one["$context"]}) == as_json(one)


@nouns
def test_it_is_spelled_in_camel_case_on_the_wire_and_in_snake_case_in_python(
    noun: type[Noun],
) -> None:
    for wire, field in noun.schema.fields.items():
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", wire)
        assert re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), wire) == field.name


@changing
def test_it_ignores_the_meta_fields_of_a_body(noun: type[Noun], acme: Any) -> None:
    meta = dict.fromkeys(META, "of no interest")
    record = samples.create(noun, **meta)
    body = as_json(reads.record_json(noun, record.pk)) | samples.change(record)
    again = samples.run(noun.verbs["update"], record.pk, body)
    assert (again.pk, again.version, again.created_by) == (record.pk, 2, "system")
    assert set(Event.objects.filter(target=record.pk).latest("seq").previous) == set(
        samples.change(record)
    )


@changing
def test_it_stays_as_it_is_when_what_was_read_is_sent_back(noun: type[Noun]) -> None:
    record = samples.create(noun, full=True)
    body = as_json(reads.record_json(noun, record.pk))
    again = samples.run(noun.verbs["update"], record.pk, body)
    assert as_json(reads.record_json(noun, record.pk)) == body
    assert again.version == body["$version"]
    assert Event.objects.filter(target=record.pk).count() == 1
    with refused(Stale):
        samples.run(noun.verbs["update"], record.pk, body, if_match=body["$version"] + 1)


@nouns
@pytest.mark.parametrize("verb", ["create", "update"])
def test_it_refuses_unknown_fields_by_name(noun: type[Noun], verb: str) -> None:
    if verb not in noun.verbs:
        pytest.skip(f"{noun.__name__} never changes")
    record = samples.create(noun)
    data = samples.inputs(noun.verbs[verb]) | {"nonsense": 1, "$nonsense": 1, "created_at": 1}
    with refused(Invalid, "There is no such field here") as caught:
        samples.run(noun.verbs[verb], None if verb == "create" else record.pk, data)
    assert set(details(caught)) == {"nonsense", "$nonsense", "created_at"}


@nouns
def test_it_needs_what_is_required(noun: type[Noun]) -> None:
    create, update = noun.verbs["create"], noun.verbs.get("update")
    record, data = samples.create(noun), samples.inputs(create)
    with refused(Invalid) as caught:
        samples.run(create, None, {})
    assert set(details(caught)) == {f.wire for f in noun.schema.fields.values() if f.required}
    with unchanged():
        for wire in details(caught):
            for empty in (None, "  "):
                with pytest.raises(Invalid) as again:
                    samples.run(create, None, data | {wire: empty})
                assert wire in details(again)
            if update is None:
                continue
            with pytest.raises(Invalid) as again:
                samples.run(update, record.pk, {wire: None})
            assert details(again) == {wire: "This is required."}


WRONG = {
    "string": [5, True, ["x"], {"a": 1}, "x" * 256, "nul \x00"],
    "text": [5, "x" * 10_001, "half \ud800"],
    "email": ["nobody", "a@b@c", 5, "x" * 250 + "@example.com"],
    "url": ["nowhere", "javascript:alert(1)", "ftp://example.com/x", 5],
    "enum": ["nonsense", 5, ["x"], {}],
    "number": ["80", True, "x", float("nan"), float("inf"), 10**400, [1]],
    "integer": ["8", 1.5, True, 2**31, float("nan")],
    "money": ["80", -1, 1.005, True, 10**13, float("inf"), [1]],
    "bool": ["true", 1, 0, "x"],
    "date": ["31.01.2026", "2026-02-30", 5, True],
    "datetime": ["soon", "2026-02-30T00:00:00Z", 5, "10000-01-01T00:00:00Z"],
    "reference": [5, True, ["x"], {}, {"$id": 5}, "x", "\x00", "x" * 100],
    "choices": ["VIP", [1], ["a\x00"], ["a;b"], ["x" * 256], [f"{n}" for n in range(51)]],
    "json": [{"a": "\x00"}, {"a": float("nan")}],
}


@nouns
def test_it_refuses_values_of_the_wrong_kind(noun: type[Noun]) -> None:
    create = noun.verbs["create"]
    data = samples.inputs(create)
    with unchanged():
        for field in create.inputs.values():
            wrong = list(WRONG[field.type])
            wrong += [field.minimum - 1] if field.minimum is not None else []
            wrong += [field.maximum + 1] if field.maximum is not None else []
            for value in wrong:
                with pytest.raises(Invalid) as caught:
                    samples.run(create, None, data | {field.wire: value})
                assert list(details(caught)) == [field.wire], value


#: What does not go without what it says more of.
AS_WELL = {"awayUntil": "awayFrom", "recurringInterval": "recurringValue"}


@changing
def test_it_takes_null_back_to_what_a_new_record_has(noun: type[Noun]) -> None:
    new = as_json(samples.create(noun).as_json())
    record = samples.create(noun, full=True)
    fields = [f for f in noun.verbs["update"].inputs.values() if f.clearable]
    for field in fields[::-1]:
        data = {field.wire: None, AS_WELL.get(field.wire, field.wire): None}
        now = samples.run(noun.verbs["update"], record.pk, data).as_json()
        if field.type != "datetime":  # those of the last touch follow from others
            assert as_json(now)[field.wire] == new[field.wire], field.wire


@each(when=lambda f: f.unique)
def test_it_is_unique_within_the_tenant_whatever_the_case(
    noun: type[Noun], field: Field, rival: Any
) -> None:
    first = samples.create(noun, **{field.wire: (word := samples.value(field))})
    if field.clean(word.lower()) and word.upper() != word:
        for same in {word, word.lower(), f" {word} "}:
            with refused(Conflict, field.wire) as caught:
                samples.create(noun, **{field.wire: same})
            assert caught.value.body()["existingId"] == first.pk
            assert caught.value.body()["field"] == field.wire
    second = samples.create(noun)
    with refused(Conflict):
        samples.run(noun.verbs["update"], second.pk, {field.wire: word})
    with tenancy.active(rival):
        samples.create(noun, **{field.wire: word})
    samples.run(noun.verbs["delete"], first.pk)
    samples.create(noun, **{field.wire: word})


@each(when=lambda f: f.unique and f.normalize in SMALL_LETTERS and not f.kept_as)
def test_it_is_looked_up_by_its_unique_value(noun: type[Noun], field: Field) -> None:
    """However many records there are: a filter does not read those of the whole tenant."""
    table, column = noun._meta.db_table, field.column
    with connection.cursor() as cursor:
        indexes = connection.introspection.get_constraints(cursor, table)
    assert indexes[unique_index_name(noun, field.name)]["columns"] == ["tenant_id", column]
    for asked in (word := samples.value(field), {"$in": [word, samples.value(field)]}):
        assert f'"{table}"."{column}" {"=" if asked == word else "IN"} ' in str(
            noun.find({field.wire: asked}).query
        )


# -- update ---------------------------------------------------------------------------------------


@changing
def test_it_updates_a_field_at_a_time(noun: type[Noun]) -> None:
    record = samples.create(noun)
    follows = {f.wire for f in (*noun.schema.computed, *noun.schema.stored) if f.read_only}
    now, kind = as_json(record.as_json()), noun.schema.kind
    others = noun.schema.fields_of_others(kind and getattr(record, kind.column))
    for field in noun.verbs["update"].inputs.values():
        if field.moves or field.name in others:
            continue
        before = now
        data = {field.wire: samples.value(field, record)}
        data |= {"recurringInterval": "Monthly"} if field.wire == "recurringValue" else {}
        data |= {"awayUntil": "2099-01-01"} if field.wire == "awayFrom" else {}
        data |= {"team": samples.create(noun.registry["Team"]).pk} if field.wire == "how" else {}
        now = as_json(samples.run(noun.verbs["update"], record.pk, data).as_json())
        event = Event.objects.filter(target=record.pk).latest("seq")
        changed = {k for k in now if now[k] != before[k]} - {"$version", "$updatedAt"}
        assert changed - follows <= set(data)
        # What it has already leaves no event.
        changed &= {f.wire for f in noun.schema.stored}
        assert not changed or event.previous == {k: before[k] for k in changed}
        assert event.data == now
        assert event.version == now["$version"] == before["$version"] + bool(changed)
    assert as_json(reads.record_json(noun, record.pk)) == now | {"$context": tenancy.context_url()}


@changing
def test_it_takes_nothing_from_a_client_that_is_read_only(noun: type[Noun]) -> None:
    create, update = noun.verbs["create"], noun.verbs["update"]
    record = samples.create(noun, full=True)
    now, data = as_json(reads.record_json(noun, record.pk)), samples.inputs(create)
    samples.run(update, record.pk, now)
    others = {
        field: {"some": "thing"} if field.type == "json" else samples.value(field)
        for field in noun.schema.fields.values()
        if field.read_only
    }
    with unchanged():
        for field, other in others.items():
            with pytest.raises(Invalid) as caught:
                samples.run(update, record.pk, {field.wire: other})
            message = details(caught)[field.wire]
            for verb in field.set_by:
                assert re.search(rf"set by .*\b{verb}\b", message)
            assert field.set_by or "computed" in message
            with pytest.raises(Invalid) as caught:
                samples.run(create, None, data | {field.wire: other})
            assert field.wire in details(caught)


@changing
def test_it_is_saved_through_its_verbs(noun: type[Noun]) -> None:
    given = samples.create(noun)
    data = {f.column: f.clean(v) for w, v in samples.inputs(noun.verbs["create"], full=True).items()
            for f in [noun.schema.fields[w]] if f.type != "reference" or f.required}  # fmt: skip
    record = noun(**data)
    record.save()
    assert (record.version, record.created_by) == (1, "system")
    (wire, changed), *_ = samples.change(record).items()
    text = noun.schema.fields[wire]
    setattr(record, text.name, changed)
    record.save()
    assert record.version == 2
    assert [e.name for e in noun.history(record)] == [
        f"{noun.__name__}.Updated", f"{noun.__name__}.Created"
    ]  # fmt: skip
    assert noun.history(record)[0].previous == {text.wire: data[text.name]}
    assert given.version == 1


@nouns
def test_it_refuses_what_would_write_without_a_verb(noun: type[Noun]) -> None:
    record = samples.create(noun)
    with unchanged():
        for write in (
            lambda: noun.objects.update(version=5),
            lambda: noun.objects.filter(pk=record.pk).delete(),
            lambda: noun.objects.bulk_create([noun()]),
            lambda: noun.objects.bulk_update([record], ["version"]),
            lambda: noun.find().update(version=5),
            lambda: noun.with_deleted.all().delete(),
        ):
            with pytest.raises(TypeError, match="Saving is a verb"):
                write()


@changing
def test_it_refuses_a_version_that_is_no_longer_the_current_one(noun: type[Noun]) -> None:
    record = samples.create(noun)
    samples.run(noun.verbs["update"], record.pk, samples.change(record), if_match=1)
    for verb in ("update", "delete"):
        with refused(Stale) as caught:
            samples.run(noun.verbs[verb], record.pk, {}, if_match=1)
        assert caught.value.body()["version"] == 2


# -- delete ---------------------------------------------------------------------------------------


@nouns
def test_it_is_gone_from_every_query_once_deleted_but_its_past_stays(noun: type[Noun]) -> None:
    record = samples.create(noun)
    then = record.updated_at
    samples.run(noun.verbs["delete"], record.pk)
    assert not noun.objects.filter(pk=record.pk).exists()
    assert not noun.find({"$id": record.pk}).exists()
    assert noun.count({"$id": record.pk}) == 0
    assert reads.record_page(noun, {"$id": record.pk}).results == []
    for gone in (lambda: noun.get(record.pk), lambda: reads.record_json(noun, record.pk)):
        with pytest.raises(NotFound):
            gone()
    assert noun.get(record.pk, as_of=then).pk == record.pk
    assert [e.verb for e in noun.history(record.pk)] == ["Deleted", "Created"]
    assert [e.version for e in noun.history(record.pk)] == [2, 1]
    for verb in noun.verbs.values():
        data = samples.inputs(verb, record=record)
        if not verb.creates and not verb.restores:
            with refused(NotFound):
                samples.run(verb, record.pk, data)


@each(when=lambda f: f.type == "reference" and not f.read_only)
def test_it_keeps_what_it_refers_to_and_is_not_restored_without_it(
    noun: type[Noun], field: Field
) -> None:
    target = samples.create(samples.registry[field.to])
    first = samples.create(noun, **{field.wire: target.pk})
    second = samples.create(noun, **{field.wire: target.pk})
    if not field.cascades:
        with refused(Conflict, "referred to") as caught:
            type(target).delete(target.pk)
        assert caught.value.body()["referredBy"][noun.__name__] == 2
    for record in (first, second):
        noun.delete(record.pk)
    type(target).delete(target.pk)
    with refused(Conflict, target.pk) as caught:
        noun.restore(first.pk)
    assert caught.value.body()["details"][0]["field"] == field.wire
    type(target).restore(target.pk)
    noun.restore(first.pk)


@each(when=lambda f: f.cascades)
def test_it_is_deleted_and_restored_with_what_it_refers_to(noun: type[Noun], field: Field) -> None:
    target = samples.create(samples.registry[field.to])
    gone, first, second = (samples.create(noun, **{field.wire: target.pk}) for _ in range(3))
    noun.delete(gone.pk)
    tried = type(target).delete(target.pk, dry_run=True)
    deleted = [type(target).verbs["delete"].event, *[noun.verbs["delete"].event] * 2]
    assert [event.name for event in tried.events] == deleted
    type(target).delete(target.pk)
    assert not noun.find({field.wire: target.pk}).exists()
    cause = type(target).history(target.pk)[0]
    for record in (first, second):
        event = noun.history(record.pk)[0]
        assert (event.name, event.cause) == (noun.verbs["delete"].event, cause.id)
        assert event.request_id == cause.request_id
    type(target).restore(target.pk)
    assert {record.pk for record in noun.find({field.wire: target.pk})} == {first.pk, second.pk}


def test_it_says_of_a_reference_whether_its_record_goes_with_it() -> None:
    for noun in samples.NOUNS:
        for field in noun.schema.references.values():
            goes = noun._meta.get_field(field.name).remote_field.on_delete is models.CASCADE
            assert describe_field(field).get("cascades", False) == field.cascades == goes


# -- records that never change ---------------------------------------------------------------------


@pytest.mark.parametrize("noun", [n for n in samples.NOUNS if n.immutable], ids=ids)
def test_it_never_changes_where_its_noun_says_so(noun: type[Noun]) -> None:
    record = samples.create(noun, full=True)
    text = next(f for f in noun.schema.stored if f.type == "string" and f.max_length)
    before = everything()
    setattr(record, text.name, "other")
    for change in (
        lambda: noun.update(record.pk, **{text.name: "other"}),
        lambda: noun.get(record.pk).update(**{text.name: "other"}),
        lambda: noun.rollback(record.pk, as_of=record.created_at),
        record.save,
    ):
        with refused(MethodNotAllowed, "never changes") as caught:
            change()
        assert caught.value.body()["allowedVerbs"] == list(noun.verbs)
    assert everything() == before
    assert describe_noun(noun)["immutable"] and not {"update", "rollback"} & noun.verbs.keys()


# -- restore --------------------------------------------------------------------------------------


@nouns
def test_it_comes_back_as_it_was_when_it_is_restored(noun: type[Noun]) -> None:
    record = samples.create(noun, full=True)
    then = as_json(reads.record_json(noun, record.pk))
    with refused(Conflict, "not deleted"):
        samples.run(noun.verbs["restore"], record.pk)
    samples.run(noun.verbs["delete"], record.pk)
    deleted = noun.with_deleted.get(pk=record.pk).updated_at
    samples.run(noun.verbs["restore"], record.pk)
    now = as_json(reads.record_json(noun, record.pk))
    assert now == then | {"$version": 3, "$updatedAt": now["$updatedAt"]}
    assert [e.verb for e in noun.history(record)] == ["Restored", "Deleted", "Created"]
    assert noun.find({"$id": record.pk}, as_of=deleted).count() == 0
    assert noun.get(record.pk).pk == record.pk


@each(when=lambda f: f.unique)
def test_it_is_not_restored_beside_one_that_took_its_place(noun: type[Noun], field: Field) -> None:
    record = samples.create(noun, full=True)
    value = record.as_json()[field.wire]
    noun.delete(record.pk)
    heir = samples.create(noun, **{field.wire: value})
    with refused(Conflict, field.wire) as caught:
        noun.restore(record.pk)
    assert caught.value.body()["existingId"] == heir.pk


# -- rollback -------------------------------------------------------------------------------------


@changing
def test_it_rolls_back_to_a_moment_as_a_new_event(noun: type[Noun]) -> None:
    record = samples.create(noun)
    then = as_json(reads.record_json(noun, record.pk))
    machine = noun.schema.machine
    full = samples.inputs(noun.verbs["update"], full=True, record=record)
    samples.run(noun.verbs["update"], record.pk, full)
    back = samples.run(noun.verbs["rollback"], record.pk, {"asOf": then["$updatedAt"]})
    now = as_json(reads.record_json(noun, record.pk))
    assert {k: v for k, v in now.items() if k[0] != "$"} == {
        k: v for k, v in then.items() if k[0] != "$"
    }
    assert now["$version"] == back.version == 3
    assert [e.verb for e in noun.history(record)] == ["Updated", "Updated", "Created"]
    assert machine is None or now[machine.name] == then[machine.name]
    with refused(NotFound, "then"):
        noun.rollback(record.pk, as_of=datetime.fromisoformat("2001-01-01T00:00:00+00:00"))


# -- tenants --------------------------------------------------------------------------------------


@nouns
def test_it_needs_a_tenant(noun: type[Noun]) -> None:
    record = samples.create(noun)
    verbs = [
        lambda verb=verb: samples.run(verb, None if verb.creates else record.pk, {})
        for verb in noun.verbs.values()
    ]
    reading = [
        lambda: noun.objects.all(), lambda: noun.objects.count(), lambda: noun.with_deleted.all(),
        noun.find, lambda: noun.get(record.pk), noun.count, lambda: noun.history(record.pk),
        lambda: noun.count(as_of="now"), lambda: noun.get(record.pk, as_of="now"),
        lambda: reads.record_page(noun), lambda: reads.record_json(noun, record.pk),
        lambda: noun.updated_by("system"), record.delete, *([] if noun.immutable else [record.save]),
    ]  # fmt: skip
    with unchanged():
        for call in reading + verbs:
            with tenancy.active(None), pytest.raises(NoTenant):
                call()


@nouns
def test_it_needs_somebody_who_acts(noun: type[Noun]) -> None:
    record = samples.create(noun)
    with unchanged():
        for verb in noun.verbs.values():
            with actors.acting(None), pytest.raises(PermissionError):
                samples.run(verb, None if verb.creates else record.pk, {})


@nouns
def test_it_treats_a_rivals_id_like_one_that_does_not_exist(noun: type[Noun], rival: Any) -> None:
    with tenancy.active(rival):
        theirs = samples.create(noun)
    missing = f"{noun.prefix}_aaaaaaaaaaaa"
    answers = {}
    before = everything()
    for id in (theirs.pk, missing):
        calls = {
            "get": lambda id=id: noun.get(id),
            "then": lambda id=id: noun.get(id, as_of="now"),
            "one": lambda id=id: reads.record_json(noun, id),
        } | {
            verb.name: lambda id=id, verb=verb: samples.run(verb, id, {})
            for verb in noun.verbs.values()
            if not verb.creates
        }
        for name, call in calls.items():
            with pytest.raises(NotFound) as caught:
                call()
            answers.setdefault(name, []).append(str(caught.value.body()).replace(id, "ID"))
        assert not noun.find({"$id": id})
        assert not noun.history(id)
        assert noun.count({"$id": id}) == 0
    assert everything() == before
    for name, (rivals, nobodys) in answers.items():
        assert rivals == nobodys, name


POSITIONS = [
    (verb, wire)
    for noun in samples.NOUNS
    for verb in noun.verbs.values()
    for wire, field in verb.inputs.items()
    if field.type == "reference"
]


#: The same by verb: a record and an input for all of its references.
REFERRING = [
    (verb, wires)
    for noun in samples.NOUNS
    for verb in noun.verbs.values()
    if (wires := [wire for other, wire in POSITIONS if other is verb])
]


def strangers_of(to: type[Noun], rival: Any) -> list[Any]:
    """What refers to no record of a noun that is there, in any way of saying it."""
    with tenancy.active(rival):
        theirs = samples.create(to)
    deleted = samples.create(to)
    to.delete(deleted.pk)
    stranger = next(n for n in samples.NOUNS if n is not to)
    return [theirs.pk, {"$id": theirs.pk}, theirs, f"{to.prefix}_aaaaaaaaaaaa", deleted.pk,
            samples.create(stranger).pk, to.prefix, f"{to.prefix}_' OR 1=1 --"]  # fmt: skip


@pytest.mark.parametrize(("verb", "wires"), REFERRING,
                         ids=[f"{v.noun.__name__}.{v.name}" for v, _ in REFERRING])  # fmt: skip
def test_it_takes_no_foreign_id_as_a_reference(verb: Any, wires: list[str], rival: Any) -> None:
    noun, others = verb.noun, {wire: samples.registry[verb.inputs[wire].to] for wire in wires}
    bad = {to: strangers_of(to, rival) for to in set(others.values())}
    machine = noun.schema.machine
    record = None
    if not verb.creates:
        source = next(iter(verb.steps), None)
        record = (
            samples.in_state(noun, source).pk if machine and source else samples.create(noun).pk
        )
    data = samples.inputs(verb, record=record and noun.get(record))
    with unchanged():
        for wire, to in others.items():
            for id in bad[to]:
                with pytest.raises(Invalid) as caught:
                    samples.run(verb, record, data | {wire: id})
                assert list(details(caught)) == [wire], id
                assert "Rival" not in str(caught.value)


NESTED = [
    (verb, wire, inner.wire)
    for verb, wire in POSITIONS
    if verb.inputs[wire].new
    for inner in samples.registry[verb.inputs[wire].to].schema.references.values()
    if not inner.read_only
]


@pytest.mark.parametrize(("verb", "wire", "inner"), NESTED, ids=[i for _, _, i in NESTED])
def test_it_takes_no_foreign_id_inside_a_new_record(
    verb: Any, wire: str, inner: str, rival: Any
) -> None:
    to = samples.registry[verb.inputs[wire].to]
    with tenancy.active(rival):
        theirs = samples.create(samples.registry[to.schema.fields[inner].to])
    new = samples.inputs(to.verbs["create"]) | {inner: theirs.pk}
    is_create = verb.name == "create"
    record = None if is_create else samples.in_state(verb.noun, next(iter(verb.steps))).pk
    given = samples.inputs(verb) if is_create else {}
    with refused(Invalid) as caught:
        samples.run(verb, record, given | {wire: new})
    assert [key.rpartition(".")[2] for key in details(caught)] == [inner]
