"""A tenant's own field becomes one of another type where every value that is there survives."""

from __future__ import annotations

from typing import Any

import pytest

from headlessly.shaping import custom_fields
from tests.answered import answered, problem


def add(api: Any, type: str, values: list[Any], **said: Any) -> tuple[str, list[str]]:
    """A field of leads, and a lead for each value: the address of the one, the ids of the others."""
    body = {"noun": "Lead", "label": "Code", "type": type, **said}
    made = answered(api.call("POST", "/fields", body), 201)
    ids = []
    for value in values:
        sent = {"name": "A", "source": "web", "code": value}
        ids.append(answered(api.call("POST", "/leads", sent), 201)["$id"])
    return f"/fields/{made['$id']}", ids


@pytest.mark.parametrize(
    ("before", "after", "values"),
    [
        ("string", "text", ["a", "B c"]),
        ("string", "email", ["ada@x.example"]),
        ("email", "string", ["ada@x.example"]),
        ("text", "url", ["https://x.example/a"]),
        ("string", "choice", ["US", "EMEA"]),
        ("integer", "number", [7, -1]),
        ("number", "integer", [7, 8.0]),
        ("number", "money", [7.25, 1]),
        ("money", "number", [7.25, 1]),
    ],
)
def test_its_values_are_the_same_afterwards_now_and_in_the_past(
    acme: Any, api: Any, before: str, after: str, values: list[Any]
) -> None:
    place, ids = add(api, before, values)
    said = {"type": after} | ({"options": ["US", "EMEA", "APAC"]} if after == "choice" else {})
    lead = f"/leads/{ids[0]}"
    was = answered(api.call("GET", lead))
    tried = answered(api.call("PATCH", f"{place}?dryRun=true", said))
    assert tried["type"] == after and answered(api.call("GET", place))["type"] == before
    assert answered(api.call("PATCH", place, said))["type"] == after
    assert answered(api.call("GET", lead)) == was  # no record was written
    found = answered(api.call("GET", f"/leads?code={values[0]}"))["results"]
    assert [each["$id"] for each in found] == [ids[0]]
    answered(api.call("PATCH", lead, {"code": values[-1]}))
    then = answered(api.call("GET", f"{lead}?asOf={was['$updatedAt']}"))
    assert then["code"] == values[0]
    answered(api.call("GET", "/leads?sort=-code"))


def test_it_is_told_which_values_would_not_survive(acme: Any, api: Any) -> None:
    place, ids = add(api, "number", [1, 2.5, 2.5, 3.25, 1e12, *(n + 0.5 for n in range(10, 14))])
    for query in ("", "?dryRun=true"):
        body = problem(
            api.call("PATCH", place + query, {"type": "integer"}), 422, "validation_error"
        )
        (detail,) = body["details"]
        assert detail["field"] == "type"
        assert "7 values, in 8 records, would not be one: 2.5, 3.25, 10.5" in detail["message"]
        assert detail["message"].endswith("…."), detail
    assert answered(api.call("GET", place))["type"] == "number"
    assert api.call("DELETE", f"/leads/{ids[1]}").status_code == 204
    body = problem(api.call("PATCH", place, {"type": "integer"}), 422, "validation_error")
    assert "in 8 records" in body["message"]  # what is deleted may come back


def test_what_the_past_holds_breaks_no_reading_of_it(acme: Any, api: Any) -> None:
    place, ids = add(api, "number", [2.5, 1e12])
    then = answered(api.call("GET", f"/leads/{ids[1]}"))["$updatedAt"]
    for id in ids:
        answered(api.call("PATCH", f"/leads/{id}", {"code": 3}))
    answered(api.call("PATCH", place, {"type": "integer"}))
    query = f"asOf={then}"
    found = answered(api.call("GET", f"/leads?{query}&code__gt=1&sort=-code"))["results"]
    assert [each["code"] for each in found] == [1e12, 2.5]
    assert answered(api.call("GET", f"/leads/{ids[0]}?{query}"))["code"] == 2.5
    assert answered(api.call("GET", f"/events?target={ids[0]}"))["results"]


@pytest.mark.parametrize(
    ("before", "said", "field"),
    [
        ("string", {"type": "integer"}, "type"),
        ("bool", {"type": "string"}, "type"),
        ("string", {"type": "choice"}, "options"),
        ("string", {"type": "colour"}, "type"),
        ("string", {"type": ["text"]}, "type"),
        ("string", {"type": None}, "type"),
    ],
)
def test_other_types_are_refused_by_name(
    acme: Any, api: Any, before: str, said: dict[str, Any], field: str
) -> None:
    place, _ids = add(api, before, [])
    body = problem(api.call("PATCH", place, said), 422, "validation_error")
    assert [detail["field"] for detail in body["details"]] == [field]
    assert answered(api.call("GET", place))["type"] == before


def test_a_unique_field_stays_unique(acme: Any, api: Any) -> None:
    place, _ids = add(api, "number", [7], unique=True)
    answered(api.call("PATCH", place, {"type": "integer"}))
    body = {"name": "B", "source": "web", "code": 7}
    assert api.call("POST", "/leads", body).status_code == 409
    assert custom_fields.list_fields("Lead")[0].unique
