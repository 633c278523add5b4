"""What the API says of itself: the schema, and the numbers of the pipeline."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from headlessly.declaration.registry import registry
from headlessly.declaration.schema import META, wire_name
from tests.answered import answered, problem


def test_it_describes_every_noun(api: Any) -> None:
    found = answered(api.call("GET", "/schema"))
    assert list(found["nouns"]) == list(registry)
    assert list(found["meta"]) == list(META)
    for name, noun in registry.items():
        said = answered(api.call("GET", f"/schema/{name}"))
        assert said == found["nouns"][name]
        assert "\n " not in said["description"], "without the indentation of its source"
        assert list(said["fields"]) == list(noun.schema.fields)
        assert list(said["verbs"]) == [wire_name(name) for name in noun.verbs]
        assert (said["machine"] is None) == (noun.schema.machine is None)
        assert said["relations"].keys() == {
            *(f.wire for f in noun.schema.references.values()),
            *noun.schema.relations,
        }
    found = problem(api.call("GET", "/schema/Nothing"), 404, "not_found")
    assert all(name in found["message"] for name in registry)
    problem(api.call("GET", "/schema?x=1"), 400, "bad_request")


def test_it_describes_the_lead(api: Any) -> None:
    lead = answered(api.call("GET", "/schema/Lead"))
    assert (lead["plural"], lead["prefix"]) == ("leads", "lead")
    fields = lead["fields"]
    name = {"type": "string", "required": True, "maxLength": 255}
    assert fields["name"].items() >= name.items()
    assert fields["status"]["choices"] == ["New", "Contacted", "Qualified", "Converted", "Lost"]
    assert fields["status"]["default"] == "New"
    assert (fields["score"]["minimum"], fields["score"]["maximum"]) == (0, 100)
    assert (fields["lostReason"]["readOnly"], fields["lostReason"]["setBy"]) == (True, ["lose"])
    assert (fields["bant"]["type"], fields["bant"]["computed"]) == ("json", True)
    assert lead["relations"]["contact"] == {"direction": "->", "to": "Contact", "inverse": "leads"}
    assert lead["relations"]["activities"] == {
        "direction": "<-",
        "to": "Activity",
        "inverse": "lead",
    }
    lose = lead["verbs"]["lose"]
    assert (lose["event"], lose["before"], lose["after"]) == ("Lead.Lost", "losing", "lost")
    assert lose["input"]["lostReason"]["required"] is True
    assert (lose["from"], lose["to"]) == (["New", "Contacted", "Qualified"], ["Lost"])
    machine = lead["machine"]
    assert (machine["field"], machine["entry"]) == ("status", ["New"])
    assert {"from": "Lost", "to": "New", "via": "update"} in machine["steps"]
    assert {"from": "Qualified", "to": "Converted", "via": "convert"} in machine["steps"]
    assert machine["closed"]["Converted"][0] == "status"


def test_it_describes_what_the_hooks_before_a_verb_require(api: Any) -> None:
    verbs = answered(api.call("GET", "/schema/Lead"))["verbs"]
    assert verbs["convert"]["requires"][0] == "A lead needs a contact before conversion."
    assert "requires" not in verbs["lose"]


def test_it_describes_every_verbs_input_as_it_is_taken(api: Any) -> None:
    for noun in registry.values():
        said = answered(api.call("GET", f"/schema/{noun.__name__}"))["verbs"]
        for verb in noun.verbs.values():
            assert list(said[wire_name(verb.name)]["input"]) == list(verb.inputs)
            assert said[wire_name(verb.name)]["description"]
    assert answered(api.call("GET", "/schema/Contact"))["verbs"]["capture"]["finds"] == "email"


def test_it_counts_the_pipeline_by_state(
    api: Any, qualified: Any, people: SimpleNamespace, theirs: Any
) -> None:
    from crm import Lead

    Lead.create(name="New one", contact=people.ada, source="x")
    Lead.create(name="Gone", contact=people.ada, source="x").delete()
    found = answered(api.call("GET", "/status"))["nouns"]
    assert found["Lead"] == {
        "field": "status",
        "states": {"New": 1, "Contacted": 0, "Qualified": 1, "Converted": 0, "Lost": 0},
        "total": 2,
    }
    assert found.keys() == {n.__name__ for n in registry.values() if n.schema.machine}
    assert found["Contact"]["states"]["Lead"] == 3


def test_it_stops_counting_at_a_cap(api: Any, lead: Any, monkeypatch: Any) -> None:
    from headlessly.query import counts

    monkeypatch.setattr(counts, "COUNT_CAP", 2)
    found = answered(api.call("GET", "/status"))["nouns"]["Contact"]
    assert (found["states"]["Lead"], found["totalIsExact"]) == (2, False)


def test_it_counts_in_one_statement(api: Any, lead: Any, django_assert_num_queries: Any) -> None:
    api.call("GET", "/status")
    with django_assert_num_queries(3):
        answered(api.call("GET", "/status"))
