"""A tenant's own field of each type, on every noun, through the surfaces that are made of lists: what is
included, what is saved, what is changed by the many, and what other programs and people are sent."""

from __future__ import annotations

import json
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from django.test import Client

from headlessly.access.models import ApiKey
from headlessly.client import Headlessly, sessions
from headlessly.client.commands import run
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import snake_name
from headlessly.nouns import Noun
from headlessly.query.saved_views import REPORT, View
from headlessly.shaping.models import TYPES
from tests.answered import answered, problem
from tests.contract import custom, samples
from tests.contract.test_rest import body_of
from tests.headlessly.admin.conftest import users as users
from tests.headlessly.admin.signed_in import client_of
from tests.headlessly.client.conftest import home as home
from tests.headlessly.webhooks.conftest import deliver as deliver
from tests.headlessly.webhooks.conftest import inside as inside
from tests.headlessly.webhooks.conftest import listen as listen
from tests.headlessly.webhooks.conftest import receiver as receiver

pytestmark = pytest.mark.usefixtures("acme")

#: Those whose records are changed by the many: as many as there are ways for a type to take its turn.
TURNS = 6
CHANGED = [noun for noun in samples.CHANGING if "update" in noun.verbs][::3][:TURNS]
changing = pytest.mark.parametrize("noun", CHANGED, ids=lambda n: n.__name__)
FEW, MANY = 0, 1
#: What a person types for the greater values, by type.
TYPED = {
    "string": "Zinnober Quader",
    "text": "Something else",
    "integer": "12",
    "number": "2.25",
    "money": "20000",
    "date": "2027-02-01",
    "datetime": "2027-02-01T10:30",
    "bool": "true",
    "choice": "West",
    "choices": "South & East",
    "url": "https://b.example/y",
    "email": "bob@b.example",
    "phone": "+49 89 7654321",
}


def company() -> Noun:
    return samples.create(registry["Organization"])


def made(api: Any, noun: type[Noun], which: int, **more: Any) -> dict[str, Any]:
    return answered(
        api.call("POST", f"/{noun.plural}", body_of(noun) | custom.values_of(which) | more), 201
    )


def said(record: dict[str, Any], which: int) -> bool:
    """Whether a record, as programs read it, has these values."""
    return {name: record[name] for name in custom.values_of(which)} == custom.values_of(which)


def start_of(noun: type[Noun]) -> str:
    return f"/~acme/admin/{noun._meta.app_label}/{noun._meta.model_name}/"


@custom.by_turns(4)
def test_it_is_included_reached_by_a_path_counted_batched_and_upserted(
    api: Any, noun: type[Noun]
) -> None:
    custom.add_fields(noun)
    custom.add_fields(noun, ("string",), name="ownKey", label="Key", unique=True)
    if noun.__name__ != "Organization":
        custom.add_fields(registry["Organization"], ("choice",))
    corp = company()
    corp.update(own_choice="West")
    low = made(api, noun, FEW, ownReference=corp.pk, ownKey="K-1")
    high = made(api, noun, MANY)
    plural = noun.plural
    path = f"/{plural}/{low['$id']}"
    # An own reference is included, with the own field of what it leads to; and leads on in a filter.
    assert answered(api.call("GET", f"{path}?include=ownReference"))["ownReference"] == {
        **answered(api.call("GET", f"/organizations/{corp.pk}"))
    }
    for filter in ({"ownReference.name": corp.name}, {"ownReference.ownChoice": "West"}):
        asked = urlencode({"filter": json.dumps(filter), "include": "ownReference"})
        (found,) = answered(api.call("GET", f"/{plural}?{asked}"))["results"]
        assert (found["$id"], found["ownReference"]["ownChoice"]) == (low["$id"], "West"), filter
    few = answered(api.call("GET", f"{path}?fields=ownDate,ownReference"))
    assert (few["ownDate"], few["ownReference"]) == ("2026-01-31", corp.pk)
    assert "ownString" not in few
    asked = "group=ownReference.ownChoice&measure=count,sum(ownInteger)"
    groups = answered(api.call("GET", f"/{plural}/aggregate?{asked}"))["groups"]
    assert {"ownReference.ownChoice": "West", "count": 1, "sum(ownInteger)": 7} in groups
    # What a record is known by finds it, and makes it where there is none.
    known = f"/{plural}/by/ownKey/K-1"
    assert answered(api.call("GET", known))["$id"] == low["$id"]
    if not noun.immutable:
        again = answered(api.call("PUT", known, {"ownInteger": 9}))
        assert (again["$id"], again["ownInteger"]) == (low["$id"], 9)
        new = body_of(noun) | custom.values_of(MANY)
        new = answered(api.call("PUT", f"/{plural}/by/ownKey/{quote('K 2')}", new), 201)
        assert new["ownKey"] == "K 2" and said(new, MANY)
    operations = [
        {"id": "a", "method": "POST", "path": f"/{plural}", "body": body_of(noun) | custom.values_of(FEW)},
        {"id": "b", "method": "POST", "path": f"/{plural}", "body": body_of(noun) | {"ownInteger": "x"}},
    ]  # fmt: skip
    if not noun.immutable:
        values = custom.values_of(FEW)
        operations.append(
            {"id": "c", "method": "PATCH", "path": f"/{plural}/{high['$id']}", "body": values}
        )
    one, wrong, *others = answered(api.call("POST", "/batch", {"operations": operations}))[
        "results"
    ]
    assert one["status"] == 201 and said(one["body"], FEW)
    assert wrong["status"] == 422 and wrong["body"]["details"][0]["field"] == "ownInteger"
    assert all(each["status"] == 200 and said(each["body"], FEW) for each in others)


@custom.by_turns(5)
def test_it_is_in_what_people_save_and_on_cards(api: Any, noun: type[Noun], users: Any) -> None:
    cleo = client_of(users.ann)
    custom.add_fields(noun)
    low, high = made(api, noun, FEW), made(api, noun, MANY, ownReference=company().pk)
    start = start_of(noun)

    def page(where: str) -> str:
        answer = cleo.get(where)
        assert answer.status_code == 200, (where, answer.status_code)
        html = answer.content.decode()
        assert 'role="alert"' not in html, html.split('role="alert"')[1][:300]
        return unescape(html)

    # A view: filters of several types, columns, and an order.
    columns = "ownString,ownMoney,ownDate,ownChoice,ownChoices,ownBool,ownReference,ownUrl"
    query = f"columns={columns}&o=-ownInteger&ownChoices=South %26 East&ownBool=true&ownDate__gte=2027-01-01"
    answer = cleo.post(f"{start}views/", {"name": "Ours", "query": query, "shared": "on"})
    view = View.objects.get(kind="list") if answer.status_code == 302 else answer
    shown = page(answer.url)
    assert high["$id"] in shown and low["$id"] not in shown
    for text in ("Zinnober Quader", "South & East", "West", "b.example/y", "20,000"):
        assert text in shown, text
    assert f"view={view.pk}" in answer.url and "ownChoices" in view.query
    groups = page(f"{start}?group=ownChoice")
    assert "data-group" in groups and ">North</a>" in groups and ">West</a>" in groups
    # A report that is saved, by two own fields and over an own day, each number with its list.
    reports = f"/~acme/admin/reports/{noun.plural}/"
    asked = (
        "groupBy=ownChoice,ownBool&over=year(ownDate)&measures=count,max(ownDate),avg(ownNumber)"
    )
    table = page(f"{reports}?{asked}")
    assert "2027" in table and "Own choice" in table and "2.25" in table
    saved = cleo.post(f"{reports}save/", {"name": "Our numbers", "query": asked})
    assert saved.status_code == 302, saved.content[:500]
    assert View.objects.get(kind=REPORT).name == "Our numbers" and "West" in page(saved.url)
    if noun.Surface.board is not None:
        board = page(f"{start}board/?columns={columns}&ownInteger__gte=10")
        (card,) = board.split('<li class="board-card')[1:]
        for text in ("Zinnober Quader", "South & East", "West", "Own date"):
            assert text in card, text
        assert "Zinnober Quader" not in page(f"{start}board/")


@changing
def test_each_type_is_changed_in_its_cell_on_its_record_or_for_many(
    api: Any, noun: type[Noun], users: Any
) -> None:
    """On each noun half of the types, each in one of these ways, which take turns: each type in each way on
    one noun, and each way on every one of these nouns."""
    assert len(CHANGED) == TURNS
    ann = client_of(users.ann)
    custom.add_fields(noun)
    corp = company()
    typed = TYPED | {"reference": corp.pk}
    values = custom.values_of(MANY) | {"ownReference": corp.pk}
    cells, fields, *many = (made(api, noun, FEW) for _each in range(4))
    start, part = start_of(noun), {"X-Part": "1"}
    first = CHANGED.index(noun)
    ways = [[t for n, t in enumerate(TYPES) if (n + first) % TURNS == way] for way in range(3)]
    for type in ways[0]:
        name = snake_name(custom.name_of(type))
        answer = ann.post(f"{start}{cells['$id']}/cell/{name}/", {name: typed[type]})
        assert answer.status_code == 200, (type, answer.content.decode()[-500:])
    for type in ways[1]:
        name = snake_name(custom.name_of(type))
        edit = f"{start}{fields['$id']}/edit/?only={name}"
        version = noun.get(fields["$id"]).version
        answer = ann.post(edit, {name: typed[type], "version": version}, headers=part)
        assert answer.status_code in (200, 204, 302), (type, answer.content.decode()[-500:])
    bulk = f"{start}bulk/change/"
    for type in ways[2]:
        name = snake_name(custom.name_of(type))
        # Of many: which field, then what it has in all of them.
        told = {"ids": ",".join(each["$id"] for each in many), "query": "", "go": "1"}
        told |= {"which_field": name}
        answer = ann.post(bulk, told | {name: typed[type]}, headers=part)
        assert answer.status_code == 204, (type, answer.content.decode()[-500:])
    for record, types in ((cells, ways[0]), (fields, ways[1]), *((each, ways[2]) for each in many)):
        now = answered(api.call("GET", f"/{noun.plural}/{record['$id']}"))
        want = {name: values[name] for name in map(custom.name_of, types)}
        assert {name: now[name] for name in want} == want
    asked = ann.post(bulk, told, headers=part).content.decode()  # the last one, without a value
    assert f'name="{name}"' in asked and f'value="{name}"' in asked
    emptied = told | {"which_field": "own_text", "own_text": ""}
    ann.post(bulk, emptied, headers=part)
    assert {noun.get(each["$id"]).own_text for each in many} == {None}
    refused = ann.post(
        bulk, told | {"which_field": "own_integer", "own_integer": "x"}, headers=part
    )
    assert "This is a number." in refused.content.decode()
    wrong = ann.post(f"{start}{cells['$id']}/cell/own_integer/", {"own_integer": "many"})
    assert wrong.status_code == 422 and "This is a number." in wrong.content.decode()


@custom.by_turns(6)
def test_other_programs_have_it_in_the_client_the_command_line_webhooks_and_segments(
    api: Any, acme: Any, noun: type[Noun], by_hand: Any, listen: Any, deliver: Any, receiver: Any
) -> None:
    custom.add_fields(noun)
    name = noun.__name__
    client, cli = by_hand
    kind = getattr(client, name)
    body = body_of(noun) | custom.values_of(FEW)
    record = kind.create(**{snake_name(key): value for key, value in body.items()})
    assert (record.own_integer, record.own_choices) == (7, ["North", "West"])
    assert kind.get(record.id).own_string == "Amber würfel"
    assert [each.id for each in kind.find({"ownDate": "2026-01-31"})] == [record.id]
    words = [
        "--ownInteger",
        "41",
        "--ownChoice",
        "West",
        "--ownBool",
        "true",
        "--ownDate",
        "2026-02-03",
    ]
    if noun.immutable:
        shown = cli(f"{name}.get", record.id)
        assert shown["ownMoney"] == 10.5
    else:
        changed = cli(f"{name}.update", record.id, *words, "--ownChoices", "West; North")
        assert (changed["ownInteger"], changed["ownBool"]) == (41, True)
        assert (changed["ownChoices"], changed["ownDate"]) == (["West", "North"], "2026-02-03")
        found = cli(f"{name}.find", "--ownChoice", "West", "--sort", "-ownInteger")
        assert [each["$id"] for each in found] == [record.id]
        listen(f"{name}.Updated")
        kind.get(record.id).update(own_integer=42, own_choices=["South & East"])
        deliver()
        (sent,) = receiver.got
        assert (sent["data"]["ownInteger"], sent["previous"]["ownInteger"]) == (42, 41)
        assert sent["data"]["ownChoices"] == ["South & East"]
        assert sent["previous"]["ownChoices"] == ["West", "North"]
    listed = cli("fields", "list", name)
    assert [each["type"] for each in listed] == list(TYPES)
    # A segment of all that it was given and still has: one that does not hold leaves nobody in it.
    changed = () if noun.immutable else ("integer", "choice", "date", "choices", "bool")
    filter = {
        custom.name_of(type): less[0] if isinstance(less, list) else less
        for type, (less, _more) in custom.VALUES.items()
        if type not in changed
    }
    criteria = {"type": name, "filter": filter}
    segment = answered(api.call("POST", "/segments", {"name": name, "criteria": criteria}), 201)
    counted = answered(api.call("POST", f"/segments/{segment['$id']}/refresh", {}))
    assert counted["memberCount"] == 1


@pytest.fixture
def by_hand(acme: Any, home: Any, monkeypatch: Any, capsys: Any) -> Any:
    """The client for Python and the command line, which ask this process and no server."""
    _key, secret = ApiKey.issue(acme, "client", "admin", rate_limit=100_000)
    browser = Client()

    def answer(request: httpx.Request) -> httpx.Response:
        sent = {name: value for name, value in request.headers.items() if name != "content-length"}
        said = browser.generic(
            request.method, request.url.raw_path.decode(), request.read(),
            request.headers.get("Content-Type", ""), headers=sent,
        )  # fmt: skip
        return httpx.Response(said.status_code, headers=dict(said.headers), content=said.content)

    transport = httpx.MockTransport(answer)

    def http(**given: Any) -> httpx.Client:
        return httpx.Client(**given | {"transport": transport})

    monkeypatch.setattr(sessions.SyncSession, "http_kind", staticmethod(http))
    monkeypatch.setenv("HEADLESSLY_URL", "http://testserver/~acme")
    monkeypatch.setenv("HEADLESSLY_API_KEY", secret)

    def cli(*words: str) -> Any:
        capsys.readouterr()
        code = run([*words])
        out, err = capsys.readouterr()
        assert code == 0, err
        return json.loads(out)

    with Headlessly("http://testserver/~acme", secret) as client:
        yield client, cli


@pytest.mark.parametrize(
    "noun", [n for n in samples.NOUNS if any(v.merges for v in n.verbs.values())]
)
def test_records_that_are_merged_keep_it(api: Any, noun: type[Noun]) -> None:
    custom.add_fields(noun)
    corp = company()
    full = made(api, noun, MANY, ownReference=corp.pk)
    empty = answered(api.call("POST", f"/{noun.plural}", body_of(noun) | {"ownInteger": 1}), 201)
    merged = api.call("POST", f"/{noun.plural}/{full['$id']}/merge", {"into": empty["$id"]})
    answered(merged)
    now = answered(api.call("GET", f"/{noun.plural}/{empty['$id']}"))
    want = custom.values_of(MANY) | {"ownReference": corp.pk, "ownInteger": 1}
    assert {name: now[name] for name in want} == want
    answered(api.call("POST", f"/requests/{merged['X-Request-Id']}/undo", {}))
    assert said(answered(api.call("GET", f"/{noun.plural}/{full['$id']}")), MANY)


#: By which question of a form a visitor gives a value of each type.
QUESTIONS: dict[str, dict[str, Any]] = {
    "string": {"type": "text"},
    "text": {"type": "textarea"},
    "integer": {"type": "number"},
    "number": {"type": "number"},
    "money": {"type": "number"},
    "date": {"type": "date"},
    "datetime": {"type": "text"},
    "bool": {"type": "checkbox"},
    "choice": {"type": "select", "options": custom.OPTIONS},
    "choices": {"type": "select", "options": custom.OPTIONS},
    "url": {"type": "url"},
    "email": {"type": "email"},
    "phone": {"type": "phone"},
}


def test_a_form_asks_for_it_and_its_answer_fills_it(api: Any, acme: Any, client: Any) -> None:
    lead, contact = registry["Lead"], registry["Contact"]
    custom.add_fields(lead)
    custom.add_fields(contact, ("choice",))
    custom.add_fields(lead, ("string",), name="customerNumber", label="Number", unique=True)
    asked = [{"name": "email", "type": "email"}, {"name": "customerNumber", "type": "text"}]
    asked.append({"name": "ownReference", "type": "text"})
    asked += [{"name": custom.name_of(type), **more} for type, more in QUESTIONS.items()]
    asked[-1]["name"] = "own-phone"  # as a website may write it
    form = answered(api.call("POST", "/forms", {"name": "Ask", "fields": asked}), 201)
    answered(api.call("POST", f"/forms/{form['$id']}/publish", {}))
    values = custom.values_of(MANY) | {"ownChoices": "South & East", "email": "eve@fair.example"}
    values["own-phone"] = values.pop("ownPhone")
    values |= {"customerNumber": "K-1", "ownReference": company().pk}
    for number in "12":
        sent = values | {"email": f"eve.{number}@fair.example"}
        place = f"/~acme/forms/{form['$id']}/submit"
        assert client.post(place, json.dumps(sent), "application/json").status_code == 200
    for new in answered(api.call("GET", "/leads?source=form&include=contact"))["results"]:
        assert said(new, MANY) and new["contact"]["ownChoice"] == "West"
        # A stranger knows no records, and what is unique would be refused to the next one.
        assert (new["ownReference"], new["customerNumber"]) == (None, None)
    wrong = client.post(place, json.dumps(values | {"ownChoice": "East"}), "application/json")
    assert problem(wrong, 422, "validation_error")["details"][0]["field"] == "ownChoice"
