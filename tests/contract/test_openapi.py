"""The OpenAPI document is true: of every address, every answer, every body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver
from openapi_spec_validator import OpenAPIV31SpecValidator

from headlessly import tenant_urls
from headlessly.api.filtersets import filterset_for
from headlessly.api.log import COLUMN_PARAMETERS
from headlessly.api.nowhere import NowhereView
from headlessly.api.openapi.operations import operation_id
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import wire_name
from headlessly.declaration.verbs import Verb
from headlessly.mcp.endpoint import McpView
from headlessly.nouns import Noun
from tests.answered import answered, problem, unchanged
from tests.contract import samples
from tests.contract.described import METHODS, Described, described_to
from tests.contract.test_rest import (
    VERBS,
    as_json,
    body_of,
    fresh_of,
    nouns,
    ready_for,
    theirs,
    verbs,
)

pytestmark = pytest.mark.usefixtures("acme")

CREATING = [
    verb
    for noun in samples.NOUNS
    for verb in noun.verbs.values()
    if verb.creates and verb.name != "create"
]


#: What a tenant like the fixture's is told; see below that it is the same at any time.
TOLD: list[Described] = []


@pytest.fixture
def described(api: Any) -> Described:
    if not TOLD:
        TOLD.append(described_to(api))
    return TOLD[0]


def of(noun: type[Noun], what: str) -> str:
    return operation_id(noun, what)


def of_verb(verb: Verb) -> str:
    return operation_id(verb.noun, wire_name(verb.name))


# -- the document ---------------------------------------------------------------------------------


def test_it_is_openapi_3_1(described: Described) -> None:
    assert list(OpenAPIV31SpecValidator(described.document).iter_errors()) == []


def test_it_is_of_this_tenant(described: Described, api: Any, rival_api: Any, rival: Any) -> None:
    assert described.document["servers"] == [{"url": "http://testserver/~acme"}]
    assert described.document["info"]["title"].startswith("Acme ")
    other = answered(rival_api.call("GET", "/openapi.json"))
    assert other["servers"] == [{"url": "http://testserver/~rival"}]
    assert described_to(api).document == described.document, "another test is told the same"
    problem(api.call("GET", "/openapi.json?x=1"), 400, "bad_request")


@pytest.mark.parametrize("address", ["openapi.json", "docs"])
@pytest.mark.parametrize("slug", ["acme", "nobodys"])
def test_it_tells_strangers_nothing(address: str, slug: str) -> None:
    problem(Client().get(f"/~{slug}/{address}"), 401, "unauthorized")


def routes(patterns: list[Any], before: str = "/") -> Iterator[tuple[str, str]]:
    """Every path and method of the tenant's API, as the document writes them."""
    for each in patterns:
        path = before + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(each.pattern))
        if isinstance(each, URLResolver):
            if each.namespace is None and each.app_name is None:
                yield from routes(each.url_patterns, path)
            continue
        assert isinstance(each, URLPattern)
        view = each.callback
        actions = getattr(view, "actions", None)
        cls = getattr(view, "cls", None)
        if cls in (None, NowhereView, McpView) or "no_such_verb" in (actions or {}).values():
            continue  # what a browser reads; where nothing is; another protocol, that tells of itself
        for method in actions or (m for m in METHODS if hasattr(cls, m)):
            if method != "head":  # the framework adds it when it is first asked for
                yield path, method


def test_it_documents_every_route_and_nothing_else(described: Described) -> None:
    said = {(path, method) for method, path, _ in described.operations.values()}
    there = set(routes(tenant_urls.urlpatterns))
    assert said == there
    assert len(said) > len(registry) * 6


def test_it_names_every_operation_once(described: Described) -> None:
    document = described.document
    said = [o for item in document["paths"].values() for m, o in item.items() if m in METHODS]
    assert len({o["operationId"] for o in said}) == len(said)
    assert {t for o in said for t in o["tags"]} == {tag["name"] for tag in document["tags"]}
    assert all(o["summary"] for o in said)
    assert {"leadConvert", "contactCapture", "dealList"} <= described.operations.keys()


def changes(noun: type[Noun]) -> list[tuple[str, str]]:
    """The methods that change a record of the noun, and what their operations are called."""
    return [] if noun.immutable else [("PATCH", "update"), ("PUT", "put")]


# -- answers --------------------------------------------------------------------------------------


@nouns
@pytest.mark.parametrize("full", [False, True], ids=["least", "full"])
def test_it_describes_a_record_and_what_is_written(
    noun: type[Noun], full: bool, api: Any, described: Described
) -> None:
    address, body = f"/{noun.plural}", body_of(noun, full=full)
    assert described.takes(of(noun, "create"), body) == []
    trial = api.call("POST", f"{address}?dryRun=true", body)
    described.fits(of(noun, "create"), trial, 200)
    made = described.fits(of(noun, "create"), api.call("POST", address, body), 201)
    record = f"{address}/{made['$id']}"
    described.fits(of(noun, "get"), api.call("GET", record), 200)
    described.fits(of(noun, "list"), api.call("GET", address), 200)
    described.fits(of(noun, "events"), api.call("GET", f"{record}/events"), 200)
    other = {k: v for k, v in body.items() if not noun.schema.fields[k].unique}
    for method, what in changes(noun):
        assert described.takes(of(noun, what), other) == []
        described.fits(of(noun, what), api.call(method, record, other), 200)
    described.fits(of(noun, "delete"), api.call("DELETE", f"{record}?dryRun=true"), 200)
    described.fits(of(noun, "delete"), api.call("DELETE", record), 204)
    described.fits(of(noun, "get"), api.call("GET", record), 404)


@nouns
def test_it_describes_what_is_asked_of_a_list(
    noun: type[Noun], api: Any, described: Described
) -> None:
    record = fresh_of(noun)
    own = parameters_of(described, of(noun, "list"))
    every = names_in(own["include"]) if "include" in own else []
    assert every or "include" not in own
    sortable = [way + name for name in names_in(own["sort"]) for way in ("", "-")]
    sortable += sortable[: -len(sortable) % 8]  # full rows of the most that a list takes
    for query in (
        f"include={','.join(every)}",
        f"fields={','.join(names_in(own['fields']))}",
        *(f"sort={','.join(each)}" for each in zip(*[iter(sortable)] * 8, strict=False)),
        "limit=1&count=exact&asOf=now&offset=0",
        "filter=" + '{"$id":"' + record.pk + '"}',
    ):
        found = api.call("GET", f"/{noun.plural}?{query}")
        described.fits(of(noun, "list"), found, 200)
    found = api.call("GET", f"/{noun.plural}/{record.pk}?include={','.join(every)}")
    described.fits(of(noun, "get"), found, 200)
    conditions = [name for name in own if name in filterset_for(noun).base_filters]
    assert conditions == list(filterset_for(noun).base_filters)
    tested = [name for name in conditions if name.endswith("__isnull")]
    query = "&".join(f"{name}=true" for name in tested)
    described.fits(of(noun, "list"), api.call("GET", f"/{noun.plural}?{query}"), 200)
    wrong = api.call("GET", f"/{noun.plural}?nothing=1")
    described.fits(of(noun, "list"), wrong, 400)


@nouns
def test_it_gives_examples_that_can_be_sent_as_they_are(
    noun: type[Noun], api: Any, described: Described
) -> None:
    record = fresh_of(noun)
    for id, address in (("list", f"/{noun.plural}"), ("get", f"/{noun.plural}/{record.pk}")):
        own = parameters_of(described, of(noun, id))
        examples = {name: each["example"] for name, each in own.items() if "example" in each}
        described.fits(of(noun, id), api.call("GET", f"{address}?{urlencode(examples)}"), 200)


def test_it_lets_clients_send_only_what_is_given(described: Described) -> None:
    """What generators trip over, or send though nobody said it."""
    for path, part in parts_of(described.document):
        where = "/".join(map(str, path))
        if "enum" in part and isinstance(part["enum"], list):
            assert len(set(part["enum"])) == len(part["enum"]), where
        assert "default" not in part or path[-1] in ("properties", "responses"), where
        assert part.get("const", True) is not False, where
        if part.get("type") in ("object", ["object", "null"]):
            assert "additionalProperties" in part, where
        if isinstance(named := part.get("properties"), dict):
            assert not {name for name in named if name[:1] == "$" and name[1:] in named}, where


def test_it_answers_one_schema_for_each_success(described: Described) -> None:
    for _, path, operation in described.operations.values():
        names = [each["name"] for each in map(described.resolve, operation["parameters"])]
        told = [name.lstrip("$").lower() for name in names]
        assert len(set(told)) == len(told), path
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                assert "anyOf" not in content["schema"], (path, status)


def parts_of(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], dict]]:
    """Every object of the document, with the way to it."""
    if isinstance(part, dict):
        yield path, part
    for name, each in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(each, dict | list):
            yield from parts_of(each, (*path, name))


def parameters_of(described: Described, id: str) -> dict[str, dict[str, Any]]:
    _, _, operation = described.operations[id]
    return {each["name"]: each for each in map(described.resolve, operation["parameters"])}


def names_in(parameter: dict[str, Any]) -> list[str]:
    """The names that the words of a parameter list."""
    return re.findall(r"`([$\w.]+)`", parameter["description"].partition(", of: ")[2])


@verbs
def test_it_describes_every_verb_and_gives_a_body_of_it_that_can_be_sent_as_it_is(
    verb: Verb, api: Any, described: Described
) -> None:
    record, body = ready_for(verb)
    address = f"/{verb.noun.plural}/{record.pk}/{wire_name(verb.name)}"
    id = of_verb(verb)
    assert described.takes(id, body) == []
    described.fits(id, api.call("POST", f"{address}?dryRun=true", body), 200)
    described.fits(id, api.call("POST", address, body, If_Match='"99"'), 412)
    for field in verb.inputs.values():
        if field.required:
            rest = {k: v for k, v in body.items() if k != field.wire}
            assert described.takes(id, rest) != []
    # What a record asks for is its own: no document of all of them can know the names.
    unknown = body | {"nothing": 1}
    assert verb.asks or described.takes(id, unknown) != []
    example = example_of(described, id)
    references = {wire for wire, field in verb.inputs.items() if field.type == "reference"}
    assert not references & (example.keys() - body.keys())
    # Which record is meant only the reader knows; what a record asks for, only the record.
    replaced = references | (body.keys() if verb.asks else set())
    example |= {wire: value for wire, value in body.items() if wire in replaced}
    for sent, status in (
        (unknown, 200 if verb.receives else 422),  # who receives whatever is sent refuses no name
        (example, 200),
        (body, 200),
    ):
        with transaction.atomic():
            described.fits(id, api.call("POST", address, sent), status)
            transaction.set_rollback(True)


@pytest.mark.parametrize("verb", [v for v in VERBS if v.steps], ids=of_verb)
def test_it_describes_how_a_verb_is_refused_in_another_state(
    verb: Verb, api: Any, described: Described
) -> None:
    if others := set(verb.noun.schema.machine.states) - set(verb.steps):
        elsewhere = samples.in_state(verb.noun, sorted(others)[0])
        address = f"/{verb.noun.plural}/{elsewhere.pk}/{wire_name(verb.name)}"
        body = as_json(samples.inputs(verb, record=elsewhere))
        answer = api.call("POST", address, body)
        assert answer.status_code in (409, 422)
        described.fits(of_verb(verb), answer)


@pytest.mark.parametrize("verb", CREATING, ids=of_verb)
def test_it_describes_every_verb_that_creates(verb: Verb, api: Any, described: Described) -> None:
    body = body_of_verb(verb)
    address, id = f"/{verb.noun.plural}/{wire_name(verb.name)}", of_verb(verb)
    assert described.takes(id, body) == []
    described.fits(id, api.call("POST", f"{address}?dryRun=true", body), 200)
    described.fits(id, api.call("POST", address, body), 201)
    if verb.finds:
        described.fits(id, api.call("POST", address, body), 200)
        again = {wire_name(verb.finds): body[wire_name(verb.finds)]}
        assert described.takes(id, again) == []
        described.fits(id, api.call("POST", address, again), 200)


def body_of_verb(verb: Verb) -> dict[str, Any]:
    return as_json(samples.inputs(verb))


def test_it_describes_an_answer_that_is_given_again(
    api: Any, qualified: Any, described: Described
) -> None:
    for method, path, operation in described.operations.values():
        taken = {"$ref": "#/components/parameters/idempotencyKey"} in operation["parameters"]
        assert taken == (method == "post"), path
    lead = {"name": "Again", "source": "website"}
    batch = {"operations": [{"method": "POST", "path": "/leads", "body": lead}]}
    for id, path, body in (
        ("leadCreate", "/leads", lead),
        ("leadConvert", f"/leads/{qualified.pk}/convert", {}),
        ("contactCapture", "/contacts/capture", {"name": "Ada", "email": "again@acme.example"}),
        ("eventTrack", "/events", {"name": "page_view"}),
        ("batchRun", "/batch", batch),
        ("keyIssue", "/apikeys", {"name": "New"}),
        ("webhookCreate", "/webhooks", {"url": "https://example.com/x", "events": ["*"]}),
        ("leadImport", "/import/leads", [lead]),
    ):
        first = api.call("POST", path, body, Idempotency_Key=id)
        described.fits(id, first)
        again = api.call("POST", path, body, Idempotency_Key=id)
        assert again["Idempotency-Replayed"] == "true"
        described.fits(id, again, first.status_code)


# -- examples -------------------------------------------------------------------------------------


def example_of(described: Described, id: str) -> Any:
    content = described.operations[id][2]["requestBody"]["content"]
    return deepcopy(content["application/json"]["example"])


@nouns
def test_it_gives_bodies_of_records_that_can_be_sent_as_they_are(
    noun: type[Noun], api: Any, described: Described
) -> None:
    for verb in noun.verbs.values():
        if verb.creates:
            own = "" if verb.name == "create" else f"/{wire_name(verb.name)}"
            body = example_of(described, of_verb(verb))
            # Which record is meant only the reader knows.
            references = {f.wire for f in verb.inputs.values() if f.type == "reference"}
            needed = {w: v for w, v in body_of_verb(verb).items() if w in references}
            assert references & body.keys() == needed.keys()
            body |= needed
            made = described.fits(
                of_verb(verb), api.call("POST", f"/{noun.plural}{own}", body), 201
            )
    for method, id in changes(noun):
        body = example_of(described, of(noun, id))
        assert body
        address = f"/{noun.plural}/{made['$id']}"
        described.fits(of(noun, id), api.call(method, address, body), 200)


@pytest.mark.parametrize("id", ["eventTrack", "batchRun", "keyIssue", "proposalCreate"])
def test_it_gives_bodies_of_the_platform_that_can_be_sent_as_they_are(
    id: str, api: Any, described: Described
) -> None:
    method, path, _ = described.operations[id]
    described.fits(id, api.call(method.upper(), path, example_of(described, id)))


def test_it_offers_no_conditions_that_nobody_set(described: Described) -> None:
    for id, (method, path, _) in described.operations.items():
        offered = [n for n, each in parameters_of(described, id).items() if "example" in each]
        assert method == "get" or not offered, path


def test_it_gives_every_body_an_example_that_fits(described: Described) -> None:
    for id, (_, path, operation) in described.operations.items():
        for kind, body in operation.get("requestBody", {}).get("content", {}).items():
            if kind == "application/json":
                assert described.takes(id, body["example"]) == [], path


# -- what is wrong --------------------------------------------------------------------------------


@nouns
def test_it_describes_every_refusal(
    noun: type[Noun], api: Any, rival: Any, described: Described
) -> None:
    record, whole, address = fresh_of(noun), body_of(noun), f"/{noun.plural}"
    foreign = f"{address}/{theirs(rival, noun).pk}"
    with unchanged():
        for body in ({}, {"nothing": 1}, whole | {"nothing": 1}):
            assert described.takes(of(noun, "create"), body) != []
            described.fits(of(noun, "create"), api.call("POST", address, body), 422)
        for method, what in changes(noun):
            assert described.takes(of(noun, what), {"nothing": 1}) != []
            change = api.call(method, f"{address}/{record.pk}", {"nothing": 1})
            described.fits(of(noun, what), change, 422)
            described.fits(of(noun, what), api.call(method, foreign, {}), 404)
        described.fits(of(noun, "create"), api.call("POST", address, b"{"), 400)
        described.fits(of(noun, "get"), api.call("GET", foreign), 404)
        stale = api.call("DELETE", f"{address}/{record.pk}", If_Match='"99"')
        described.fits(of(noun, "delete"), stale, 412)
        described.fits(of(noun, "list"), Client().get(f"/~acme{address}"), 401)
        form = api.post(
            f"/~acme{address}",
            "a=b",
            content_type="text/plain",
            headers={"Authorization": f"Bearer {api.secret}"},
        )
        described.fits(of(noun, "create"), form, 415)


# -- the platform's own ---------------------------------------------------------------------------


def test_it_describes_every_parameter_of_the_reports(api: Any, described: Described) -> None:
    paths = described.document["paths"]
    for report in answered(api.call("GET", "/reports"))["reports"]:
        path = paths.get(f"/reports/{report['name']}") or paths["/reports/{name}"]
        named = {described.resolve(each)["name"] for each in path["get"]["parameters"]}
        assert {*report["parameters"]} <= named, report["name"]


def test_it_says_what_each_parameter_of_the_log_and_of_pages_means(described: Described) -> None:
    paths = described.document["paths"]
    lists = ("/events", "/leads", "/proposals")
    asked = [each for path in lists for each in paths[path]["get"]["parameters"]]
    named = {each["name"]: each.get("description") for each in map(described.resolve, asked)}
    assert {*COLUMN_PARAMETERS, "since", "until", "offset", "cursor"} <= named.keys()
    assert [name for name, said in named.items() if not said] == []


def test_it_describes_what_belongs_to_no_noun(api: Any, lead: Any, described: Described) -> None:
    for id, address in (
        ("schemaList", "/schema"),
        ("schemaGet", "/schema/Lead"),
        ("meGet", "/me"),
        ("statusGet", "/status"),
        ("reportList", "/reports"),
        ("reportGet", "/reports/newLeads?period=this_year"),
        ("reportGet", "/reports/wonValue?since=1d%20ago"),
        ("reportGet", "/reports/forecast"),
        ("openapiGet", "/openapi.json"),
        ("eventList", "/events?limit=3"),
        ("eventList", "/events?name=nothing"),
    ):
        described.fits(id, api.call("GET", address), 200)
    described.fits("schemaGet", api.call("GET", "/schema/Nothing"), 404)
    tracked = {"name": "page_view", "properties": {"a": 1}, "url": "https://example.com"}
    assert described.takes("eventTrack", tracked) == []
    event = described.fits("eventTrack", api.call("POST", "/events", tracked), 201)
    described.fits("eventTrack", api.call("POST", "/events?dryRun=true", tracked), 200)
    described.fits("eventTrack", api.call("POST", "/events", {"nothing": 1}), 422)
    described.fits("eventGet", api.call("GET", f"/events/{event['$id']}"), 200)
    described.fits("eventGet", api.call("GET", "/events/evt_x"), 404)
