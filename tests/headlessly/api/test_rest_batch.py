"""Batches: several calls in one, each by itself or all of them as one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Contact, Deal, Lead
from headlessly.access.models import Membership, User
from headlessly.api.bodies import MAX_BODY_SIZE
from headlessly.log.events import Event
from tests.answered import answered, named, problem, unchanged
from tests.conftest import Api


def op(id: str | None, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    return {"id": id, "method": method, "path": path, "body": body} | more


def ref(id: str, path: str = "$id") -> dict[str, str]:
    return {"$ref": id, "path": path}


def batch(api: Any, *operations: Any, atomic: bool = False, query: str = "") -> Any:
    return api.call("POST", f"/batch{query}", {"operations": operations, "atomic": atomic})


def results(response: Any, *statuses: int) -> list[Any]:
    """The bodies of the results, which have these statuses."""
    found = answered(response)["results"]
    assert [each["status"] for each in found] == list(statuses), found
    for each in found:
        if each["status"] >= 400:
            assert isinstance(each["body"]["error"], str) and each["body"]["message"]
            assert each["body"]["requestId"] == response["X-Request-Id"]
    return [each["body"] for each in found]


STORY = [
    op("ada", "POST", "/contacts", {"name": "Ada Lane", "email": "ada@lane.example"}),
    op("lead", "POST", "/leads", {"name": "Lane", "source": "website", "contact": ref("ada")}),
    op("call", "PATCH", "/leads/{lead.$id}", {"status": "Contacted"}),
    op("fit", "PUT", "/leads/{lead.$id}", {"status": "Qualified"}),
    op("won", "POST", "/leads/{lead.$id}/convert"),
]


# -- the story ------------------------------------------------------------------------------------


@pytest.mark.parametrize("atomic", [True, False])
def test_it_leads_from_a_contact_to_a_deal_in_one_request(atomic: bool, api: Any) -> None:
    response = batch(api, *STORY, atomic=atomic)
    ada, lead, called, fit, won = results(response, 201, 201, 200, 200, 200)
    assert [r["id"] for r in response.json()["results"]] == ["ada", "lead", "call", "fit", "won"]
    assert lead["contact"] == ada["$id"]
    assert (called["status"], fit["status"], won["status"]) == (
        "Contacted", "Qualified", "Converted",
    )  # fmt: skip
    assert lead["$id"] == called["$id"] == fit["$id"] == won["$id"]
    assert Lead.get(lead["$id"]).status == "Converted"
    assert Deal.get(won["deal"]).contact_id == ada["$id"]


def test_it_does_nothing_of_an_atomic_one_whose_last_operation_fails(api: Any) -> None:
    again = op("again", "POST", "/leads/{lead.$id}/convert")
    with unchanged():
        found = problem(batch(api, *STORY, again, atomic=True), 422, "refused")
    assert found["failed"] == {"id": "again", "index": 5}
    assert "'again' failed" in found["message"]
    assert [r["id"] for r in found["results"]] == [each["id"] for each in (*STORY, again)]
    *others, last = found["results"]
    assert (last["status"], last["body"]["error"]) == (409, "conflict")
    assert last["body"]["message"] in found["message"]
    for other in others:
        assert (other["status"], other["body"]["error"]) == (424, "dependency_failed")
        assert other["body"]["requestId"] == found["requestId"]


def test_it_says_of_those_after_a_failure_that_they_were_not_tried(api: Any) -> None:
    with unchanged():
        found = problem(
            batch(
                api,
                op("a", "POST", "/contacts", {"name": "A"}),
                op(None, "GET", "/leads/lead_nothing"),
                op("c", "POST", "/contacts", {"name": "C"}),
                atomic=True,
            ),
            422,
            "refused",
            failed={"id": None, "index": 1},
        )
    before, failed, after = found["results"]
    assert (before["status"], failed["status"], after["status"]) == (424, 404, 424)
    assert "undone" in before["body"]["message"] and "not tried" in after["body"]["message"]


def test_it_keeps_what_succeeded_where_it_is_not_atomic(api: Any, people: Any) -> None:
    _, taken, orphan, grandchild, last = results(
        batch(
            api,
            op("first", "POST", "/contacts", {"name": "First"}),
            op("taken", "POST", "/contacts", {"name": "Second", "email": "ada@acme.example"}),
            op("orphan", "POST", "/leads", {"name": "L", "source": "website", "contact": ref("taken")}),
            op("grandchild", "PATCH", "/leads/{orphan.$id}", {"score": 1}),
            op("last", "POST", "/leads", {"name": "Good", "source": "website", "contact": ref("first")}),
        ),
        201, 409, 424, 424, 201,
    )  # fmt: skip
    assert (taken["error"], taken["existingId"]) == ("conflict", people.ada.pk)
    assert orphan["error"] == grandchild["error"] == "dependency_failed"
    assert "'taken'" in orphan["message"] and "'orphan'" in grandchild["message"]
    assert Contact.count({"name": "First"}) == 1
    assert not Contact.count({"name": "Second"})
    assert Lead.get(last["$id"]).name == "Good" and Lead.count({}) == 1


def test_it_undoes_a_failing_operation_with_all_its_hooks(api: Any, qualified: Any) -> None:
    tried = []

    def fail(**what: Any) -> None:
        tried.append(Deal.count({}))
        raise RuntimeError("secret")

    Lead.converted.connect(fail, weak=False)
    try:
        with unchanged():
            (found,) = results(batch(api, op("x", "POST", f"/leads/{qualified.pk}/convert")), 500)
        assert found["error"] == "internal_error" and "secret" not in str(found)
        with unchanged():
            response = batch(api, op("x", "POST", f"/leads/{qualified.pk}/convert"), atomic=True)
        assert "secret" not in str(problem(response, 500, "internal_error"))
    finally:
        Lead.converted.disconnect(fail)
    assert tried == [1, 1], "it had opened a deal"


@pytest.mark.parametrize("dry", ["", "?dryRun=true"])
def test_it_names_the_record_that_an_atomic_one_collides_with(
    dry: str, api: Any, people: Any
) -> None:
    with unchanged():
        found = problem(
            batch(
                api,
                op("a", "POST", "/contacts", {"name": "New"}),
                op("b", "POST", "/contacts", {"name": "Ada", "email": "ada@acme.example"}),
                atomic=True,
                query=dry,
            ),
            422,
            "refused",
        )
    assert found["results"][1]["status"] == 409
    assert found["results"][1]["body"]["existingId"] == people.ada.pk


# -- one transaction, one request -----------------------------------------------------------------


@pytest.mark.parametrize("atomic", [True, False])
def test_it_gives_all_events_of_a_batch_one_request_id(atomic: bool, api: Any) -> None:
    tracked = op("seen", "POST", "/events", {"name": "page_view"})
    response = batch(api, *STORY[:2], tracked, *STORY[2:], atomic=atomic)
    events = Event.objects.filter(request_id=response["X-Request-Id"]).order_by("seq")
    names = [e.name for e in events]
    own = ["Contact.Created", "Lead.Created", "page_view", "Lead.Updated", "Lead.Updated"]
    assert names[:5] == own, "in the order of the operations"
    assert {"Lead.Converted", "Deal.Created"} <= set(names[5:])
    assert {e.actor for e in events} == {api.key.id}
    assert [e.cause for e in events][:6] == [None] * 6


def test_it_writes_the_events_of_an_atomic_one_together(api: Any) -> None:
    many = [op(None, "POST", "/contacts", {"name": f"C{n}"}) for n in range(10)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        results(batch(api, *many, atomic=True), *[201] * 10)
    written = [q for q in queries if q["sql"].startswith("INSERT INTO headlessly_event")]
    assert len(written) == 1


def test_it_locks_a_record_of_an_atomic_one_once(api: Any, lead: Any) -> None:
    many = [op(None, "PATCH", f"/leads/{lead.pk}", {"score": n}) for n in range(5)]
    with CaptureQueriesContext(connection) as queries:
        found = results(batch(api, *many, atomic=True), *[200] * 5)
    assert len([q for q in queries if "FOR NO KEY UPDATE" in q["sql"]]) == 1
    assert [r["$version"] for r in found] == [2, 3, 4, 5, 6]


def test_it_asks_once_who_is_there(api: Any, lead: Any, django_assert_num_queries: Any) -> None:
    batch(api, op(None, "GET", "/me"))  # the first use of the minute is noted
    with django_assert_num_queries(2):  # the tenant of the address, and the key with its count
        results(batch(api, *[op(None, "GET", "/me")] * 20), *[200] * 20)


@pytest.mark.parametrize("atomic", [True, False])
def test_it_shows_later_operations_what_earlier_ones_did(atomic: bool, api: Any, lead: Any) -> None:
    _, changed, listed, history, log, gone, missing = results(
        batch(
            api,
            op("edit", "PATCH", f"/leads/{lead.pk}", {"score": 7}),
            op("read", "GET", "/leads/{edit.$id}?fields=score"),
            op("list", "GET", '/leads?filter={"contact":"{edit.contact}","score":{"$lt":8}}'),
            op("past", "GET", "/leads/{edit.$id}/events"),
            op("log", "GET", "/events?target={edit.$id}&name=Lead.Updated"),
            op("delete", "DELETE", "/leads/{edit.$id}"),
            op("after", "GET", "/leads?q=Acme"),
            atomic=atomic,
        ),
        200, 200, 200, 200, 200, 204, 200,
    )  # fmt: skip
    assert changed["score"] == 7 and listed["total"] == 1
    assert len(history["results"]) == 2 and len(log["results"]) == 1
    assert gone is None and missing["total"] == 0


# -- references -----------------------------------------------------------------------------------


def test_it_takes_any_field_of_an_earlier_answer(api: Any, people: Any) -> None:
    _, found, _ = results(
        batch(
            api,
            op("all", "GET", "/contacts?email=ada@acme.example&include=organization"),
            op("new", "POST", "/leads", {
                "name": ref("all", "results.0.organization.name"), "source": "website",
                "contact": {"$ref": "all", "path": "results.0.$id"},
            }),
            op("seen", "POST", "/events", {
                "name": "x", "properties": {"deep": [{"lead": {"$ref": "new"}}, ref("all", "total")]},
            }),
        ),
        200, 201, 201,
    )  # fmt: skip
    assert (found["name"], found["contact"]) == ("Acme Corp", people.ada.pk)
    event = Event.objects.get(name="x")
    assert event.data == {"deep": [{"lead": found["$id"]}, 1]}


@pytest.mark.parametrize(
    "path", ["nothing", "$id.more", "name.0", "results.0", "labels", "tags.0", "0", "٣"]
)
def test_it_refuses_a_reference_to_what_was_not_answered(path: str, api: Any) -> None:
    _, found = results(
        batch(
            api,
            op("a", "POST", "/contacts", {"name": "A"}),
            op("b", "POST", "/leads", {"name": ref("a", path), "source": "website"}),
        ),
        201, 422,
    )  # fmt: skip
    assert "'a'" in named(found)["body.name"]
    assert Lead.count({}) == 0


def test_it_refuses_a_reference_to_an_answer_without_a_body(api: Any, lead: Any) -> None:
    _, found = results(
        batch(
            api,
            op("gone", "DELETE", f"/leads/{lead.pk}"),
            op("b", "GET", "/leads/{gone.$id}"),
        ),
        204, 422,
    )  # fmt: skip
    assert named(found).keys() == {"path"}


def test_it_lets_no_value_lead_to_another_address(api: Any, qualified: Any) -> None:
    sly = f"{qualified.pk}/convert"
    _, found, asked = results(
        batch(
            api,
            op("sly", "POST", "/contacts", {"name": sly, "title": "x&sort=nothing#?"}),
            op("b", "POST", "/leads/{sly.name}"),
            op("c", "GET", "/contacts?name={sly.name}&title={sly.title}"),
        ),
        201, 422, 200,
    )  # fmt: skip
    assert "slash" in found["message"]
    assert [r["title"] for r in asked["results"]] == ["x&sort=nothing#?"]
    assert Lead.get(qualified.pk).status == "Qualified"


def test_it_refuses_what_refers_to_more_than_a_body_may_hold(api: Any) -> None:
    text = "x" * 60_000
    *_, found = results(
        batch(
            api,
            op("a", "POST", "/events", {"name": "a", "properties": {"t": text}}),
            op("b", "POST", "/events", {"name": "b", "properties": {"t": [ref("a", "data")] * 200}}),
        ),
        201, 413,
    )  # fmt: skip
    assert found["error"] == "too_large"
    assert not Event.objects.filter(name="b").exists()


@pytest.mark.parametrize(
    ("operations", "place", "words"),
    [
        ([op("a", "POST", "/leads", {"contact": ref("b")}), op("b", "GET", "/me")],
         "operations.0.body.contact", "not before"),
        ([op("a", "GET", "/leads/{b.$id}"), op("b", "GET", "/leads/{a.$id}")],
         "operations.0.path", "not before"),
        ([op("a", "POST", "/leads", {"x": [1, {"y": ref("a")}]})],
         "operations.0.body.x.1.y", "not before"),
        ([op("a", "GET", "/leads?name={zed.$id}")], "operations.0.path", "no operation 'zed'"),
        ([op("a", "POST", "/leads", {"contact": ref("zed")})],
         "operations.0.body.contact", "no operation 'zed'"),
        ([op("a", "GET", "/me"), op("b", "GET", "/leads/{a}")], "operations.1.path", "{id.$id}"),
        ([op("a", "GET", "/me"), op("b", "POST", "/leads", {"n": {"$ref": 1}})],
         "operations.1.body.n.$ref", "id"),
        ([op("a", "GET", "/me"), op("b", "POST", "/leads", {"n": {"$ref": "a", "path": 1}})],
         "operations.1.body.n.path", "field"),
        ([op("a", "GET", "/me"), op("b", "POST", "/leads", {"n": ref("a", "$id..")})],
         "operations.1.body.n.path", "field"),
        ([op("a", "GET", "/me"), op("b", "POST", "/leads", {"n": ref("a") | {"as": 1}})],
         "operations.1.body.n.as", "no such key"),
        ([op("a", "GET", "/me"), op("a", "GET", "/me")], "operations.1.id", "'a'"),
        ([op("", "GET", "/me")], "operations.0.id", "name"),
        ([op("a.b", "GET", "/me")], "operations.0.id", "name"),
        ([op(7, "GET", "/me")], "operations.0.id", "name"),
        ([op(["a"], "GET", "/me")], "operations.0.id", "name"),
        ([op("a", "BREW", "/me")], "operations.0.method", "PATCH"),
        ([op("a", "get", "/me")], "operations.0.method", "GET"),
        ([op("a", ["GET"], "/me")], "operations.0.method", "GET"),
        ([op("a", {"GET": 1}, "/me")], "operations.0.method", "GET"),
        ([{"path": "/me"}], "operations.0.method", "GET"),
        ([{"method": "GET"}], "operations.0.path", "/leads"),
        ([op("a", "GET", 7)], "operations.0.path", "/leads"),
        ([op("a", "GET", "/" * 9000)], "operations.0.path", "/leads"),
        ([op("a", "POST", "/leads", ["x"])], "operations.0.body", "object"),
        ([op("a", "POST", "/leads", "x")], "operations.0.body", "object"),
        ([op("a", "POST", "/leads", False)], "operations.0.body", "object"),
        ([op("a", "GET", "/me", url="x")], "operations.0.url", "headers"),
        ([op("a", "GET", "/me", headers={"Authorization": "Bearer x"})],
         "operations.0.headers.Authorization", "If-Match"),
        ([op("a", "GET", "/me", headers={"If-Match": 3})], "operations.0.headers.If-Match", "quotes"),
        ([op("a", "GET", "/me", headers="If-Match")], "operations.0.headers", "object"),
        (["GET /me"], "operations.0", "object"),
        ([None], "operations.0", "object"),
        ([[op("a", "GET", "/me")]], "operations.0", "object"),
        ([], "operations", "1 to 100"),
        ([op(None, "GET", "/me")] * 101, "operations", "1 to 100"),
        (None, "operations", "1 to 100"),
        ({"a": op("a", "GET", "/me")}, "operations", "1 to 100"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("atomic", [True, False])
def test_it_does_nothing_of_one_that_is_malformed(
    operations: Any, place: str, words: str, atomic: bool, api: Any, acme: Any
) -> None:
    first = op("good", "POST", "/contacts", {"name": "Good"})
    if isinstance(operations, list) and 0 < len(operations) <= 100:
        # Also where it comes after an operation that would succeed.
        operations = [*operations, first]
    with unchanged():
        response = api.call("POST", "/batch", {"operations": operations, "atomic": atomic})
        found = problem(response, 400, "bad_request")
    assert words in named(found)[place]
    assert found["field"] in named(found)


@pytest.mark.parametrize(
    ("body", "field"),
    [({"operations": [op(None, "GET", "/me")], "atomic": "yes"}, "atomic"),
     ({"operations": [op(None, "GET", "/me")], "atomic": 1}, "atomic"),
     ({"operations": [op(None, "GET", "/me")], "transaction": True}, "transaction"),
     ({}, "operations"), ({"atomic": True}, "operations"), (b"[]", None), (b"{", None)],
)  # fmt: skip
def test_it_refuses_a_body_that_is_no_batch(body: Any, field: str | None, api: Any) -> None:
    with unchanged():
        problem(api.call("POST", "/batch", body), 400, "bad_request", field=field)


def test_it_lists_every_mistake_of_a_batch_at_once(api: Any) -> None:
    found = problem(
        batch(api, op("a", "BREW", 1, 2), op("a", "GET", "/leads/{zed.$id}")), 400, "bad_request"
    )
    assert named(found).keys() == {
        "operations.0.method", "operations.0.path", "operations.0.body",
        "operations.1.id", "operations.1.path",
    }  # fmt: skip


def test_it_refuses_bodies_that_are_too_large_or_too_deep(api: Any) -> None:
    large = op(None, "POST", "/contacts", {"name": "x" * MAX_BODY_SIZE})
    deep = b'{"operations":[{"method":"POST","path":"/events","body":' + b'{"a":' * 900 + b"1"
    deep += b"}" * 900 + b"}]}"
    with unchanged():
        problem(batch(api, large), 413, "too_large")
        problem(api.call("POST", "/batch", deep), 400, "bad_request")


# -- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [("http://testserver/~acme/leads", 400), ("//evil.example/leads", 400), ("leads", 400),
     ("~acme/leads", 400), ("/~rival/leads", 400), ("/~nobody/leads", 400), ("/%7Erival/leads", 400),
     ("/~/leads", 400), ("/~acme/~rival/leads", 404), ("/leads#x", 400), (" /leads", 400),
     ("/batch", 400), ("/~acme/batch", 400), ("/", 400), ("/~acme", 400), ("/admin/", 400),
     ("/admin", 404), ("/docs", 400), ("/events?wait=5", 400), ("/events?wait=0", 400),
     ("/nothing", 404), ("/leads/", 404), ("/leads/\x00", 404), ("/\x00", 404), ("/leads/%00", 404),
     ("/leads/%ff", 404), ("/leads/\n", 404), ("/leads/%2e%2e/contacts", 404), ("/healthz", 404),
     ("/leads/../leads", 404), ("/leads?nothing=1", 400), ("/leads?filter={", 400), ("/💩", 404),
     ("/leads?" + "a&" * 1100, 400), ("/leads?q=%00", 400)],
)  # fmt: skip
@pytest.mark.parametrize("atomic", [True, False])
def test_it_refuses_an_operation_that_leads_elsewhere(
    path: str, status: int, atomic: bool, api: Any, theirs: Any
) -> None:
    with unchanged():
        response = batch(api, op("x", "GET", path), atomic=atomic)
        if atomic:
            assert problem(response, 422, "refused")["results"][0]["status"] == status
        else:
            results(response, status)
    assert theirs.lead.pk not in response.content.decode()


def test_it_goes_on_after_an_address_that_is_refused(api: Any) -> None:
    results(batch(api, op(None, "GET", "/batch"), op(None, "GET", "/me")), 400, 200)


def test_it_takes_addresses_with_the_mount_of_its_own_tenant(api: Any, lead: Any) -> None:
    found, listed = results(
        batch(
            api,
            op(None, "GET", f"/~acme/leads/{lead.pk}"),
            op(None, "GET", "/%7Eacme/leads?name=Acme%20Platform+Evaluation"),
        ),
        200, 200,
    )  # fmt: skip
    assert found == answered(api.call("GET", f"/leads/{lead.pk}"))
    assert [r["$id"] for r in listed["results"]] == [lead.pk]


def test_it_says_which_methods_an_address_does_not_have(api: Any, lead: Any) -> None:
    with unchanged():
        found, _ = results(
            batch(
                api,
                op(None, "DELETE", "/leads"),
                op(None, "GET", f"/leads/{lead.pk}/convert"),
            ),
            405, 405,
        )  # fmt: skip
    assert found["error"] == "method_not_allowed"


# -- what single calls have too -------------------------------------------------------------------


@pytest.mark.parametrize("atomic", [True, False])
def test_it_touches_nothing_of_another_tenant(
    atomic: bool, api: Any, theirs: SimpleNamespace
) -> None:
    asked = [
        op("read", "GET", f"/leads/{theirs.lead.pk}"),
        op("write", "PATCH", f"/leads/{theirs.lead.pk}", {"score": 1}),
        op("drop", "DELETE", f"/contacts/{theirs.eve.pk}"),
        op("refer", "POST", "/leads", {"name": "x", "contact": theirs.eve.pk}),
    ]
    with unchanged():
        if atomic:
            for each in asked:
                problem(batch(api, each, atomic=True), 422, "refused")
        else:
            response = batch(api, *asked)
            results(response, 404, 404, 404, 422)
            assert "rival" not in response.content.decode().lower()


def test_it_is_closed_to_strangers(api: Any, rival_api: Api) -> None:
    body = {"operations": [op(None, "POST", "/contacts", {"name": "X"})]}
    with unchanged():
        for secret in ("nonsense", rival_api.secret):
            response = api.call("POST", "/batch", body, Authorization=f"Bearer {secret}")
            problem(response, 401, "unauthorized")


def test_it_asks_the_role_for_each_operation(api: Any, acme: Any, lead: Any) -> None:
    reader = Api(acme, "read")
    with unchanged():
        _, found, tracked = results(
            batch(
                reader,
                op(None, "GET", f"/leads/{lead.pk}"),
                op(None, "PATCH", f"/leads/{lead.pk}", {"score": 1}),
                op(None, "POST", "/events", {"name": "x"}),
            ),
            200, 403, 403,
        )  # fmt: skip
    assert found["error"] == tracked["error"] == "forbidden"


def test_it_serves_a_member_who_is_signed_in(api: Any, acme: Any, client: Any) -> None:
    user = User.objects.create_user("rep@acme.example", "a long password")
    Membership.objects.create(user=user, tenant=acme, role="rep")
    client.force_login(user)
    body = {"operations": [op("a", "POST", "/leads", {"name": "Mine", "source": "website"}),
                           op("b", "DELETE", "/leads/{a.$id}")]}  # fmt: skip
    response = client.post("/~acme/batch", body, content_type="application/json")
    created, _ = results(response, 201, 403)
    assert {e.actor for e in Event.objects.filter(target=created["$id"])} == {user.pk}


def test_it_honours_the_version_that_an_operation_names(api: Any, lead: Any) -> None:
    def edit(score: int, version: str) -> dict[str, Any]:
        return op(None, "PATCH", f"/leads/{lead.pk}", {"score": score},
                  headers={"if-match": version})  # fmt: skip

    _, stale, _ = results(batch(api, edit(1, '"1"'), edit(2, '"1"'), edit(3, '"2"')), 200, 412, 200)
    assert stale["error"] == "stale"
    with unchanged():
        problem(batch(api, edit(4, '"3"'), edit(5, '"3"'), atomic=True), 422, "refused")
    assert Lead.get(lead.pk).score == 3


def test_it_refuses_a_version_for_all_of_its_operations(api: Any, lead: Any) -> None:
    body = {"operations": [op(None, "PATCH", f"/leads/{lead.pk}", {"score": 5})]}
    with unchanged():
        problem(api.call("POST", "/batch", body, If_Match='"99"'), 400, "bad_request")


# -- dry runs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("atomic", [True, False])
def test_it_answers_what_a_batch_would_do_and_does_nothing(atomic: bool, api: Any) -> None:
    with unchanged():
        response = batch(api, *STORY, atomic=atomic, query="?dryRun=true")
        ada, lead, *_, won = results(response, 201, 201, 200, 200, 200)
    assert lead["contact"] == ada["$id"] and won["status"] == "Converted"


def test_it_rehearses_one_by_one_what_fails_and_what_does_not(api: Any, people: Any) -> None:
    with unchanged():
        results(
            batch(
                api,
                op("a", "POST", "/contacts", {"name": "A", "email": "ada@acme.example"}),
                op("b", "POST", "/contacts", {"name": "B", "email": "b@b.example"}),
                op("c", "POST", "/contacts", {"name": "C", "email": "b@b.example"}),
                op("d", "POST", "/leads", {"name": "L", "source": "website", "contact": ref("a")}),
                op("e", "POST", "/leads", {"name": "L", "source": "website", "contact": ref("b")}),
                query="?dryRun=true",
            ),
            409, 201, 409, 424, 201,
        )  # fmt: skip


@pytest.mark.parametrize("atomic", [True, False])
def test_it_only_tries_an_operation_that_is_a_dry_run(atomic: bool, api: Any, lead: Any) -> None:
    path = f"/leads/{lead.pk}"
    tried, seen, read, _ = results(
        batch(
            api,
            op("try", "PATCH", f"{path}?dryRun=true", {"status": "Contacted", "score": 1}),
            op("seen", "POST", "/events?dryRun=true", {"name": "never"}),
            op("read", "GET", path),
            op("real", "PATCH", path, {"budget": 5}),
            atomic=atomic,
        ),
        200, 200, 200, 200,
    )  # fmt: skip
    assert tried["record"]["status"] == "Contacted"
    assert [e["name"] for e in tried["events"]] == ["Lead.Updated"]
    assert seen["record"]["name"] == "never" and not Event.objects.filter(name="never").exists()
    assert (read["status"], read["score"]) == ("New", 82)
    now = Lead.get(lead.pk)
    assert (now.status, now.score, now.budget, now.version) == ("New", 82, 5, 2)


def test_it_tries_upon_what_an_atomic_one_did_so_far(api: Any) -> None:
    *rest, won = STORY
    last = won | {"path": "/leads/{lead.$id}/convert?dryRun=true"}
    *_, fit, tried, read = results(
        batch(api, *rest, last, op("read", "GET", "/leads/{lead.$id}"), atomic=True),
        201, 201, 200, 200, 200, 200,
    )  # fmt: skip
    assert tried["record"]["status"] == "Converted"
    assert {"Lead.Converted", "Deal.Created"} <= {e["name"] for e in tried["events"]}
    assert read == fit and Deal.count({}) == 0
    assert Lead.get(fit["$id"]).status == "Qualified"


def test_it_refuses_a_dry_run_that_is_neither_true_nor_false(api: Any) -> None:
    with unchanged():
        response = batch(api, op(None, "POST", "/contacts", {"name": "X"}), query="?dryRun=maybe")
        problem(response, 400, "bad_request", field="dryRun")
