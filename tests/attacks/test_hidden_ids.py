"""Whoever knows the id of a record that they do not see is answered as of one that there is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver

from headlessly import tenant_urls
from headlessly.access.models import Membership, User
from headlessly.declaration.registry import registry
from headlessly.ids import ALPHABET
from tests.contract import samples

pytestmark = pytest.mark.attack
#: One that has an owner, and one that is about others.
LIMITED = [registry["Lead"], registry["Activity"]]


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def addresses(patterns: Any = tenant_urls.urlpatterns, before: str = "") -> Iterator[str]:
    """All addresses below a tenant, as they are declared."""
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns, before + str(each.pattern))
        elif isinstance(each, URLPattern):
            yield before + str(each.pattern)


def clean(answer: Any, id: str) -> Any:
    """What an answer says, without what is otherwise each time."""
    content = b"".join(answer) if answer.streaming else answer.content
    text = content.decode(errors="replace").replace(id, "ID")
    text = re.sub(r'csrfmiddlewaretoken" value="[^"]*"|"requestId":"[^"]*"|req_\w+', "", text)
    text = re.sub(r'"cursor":"[\d.]+"', "", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z|[\d.]+ ms", "", text)
    told = {k: v.replace(id, "ID") for k, v in answer.headers.items()}
    for name in ("X-Request-Id", "Date", "ETag", "Last-Modified", "Content-Length", "Expires"):
        told.pop(name, None)
    return answer.status_code, told, text


class Bob:
    """A limited rep, by all that answers them."""

    def __init__(self, membership: Any) -> None:
        self.client = Client(raise_request_exception=False)
        self.client.force_login(membership.user)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        if path.startswith("/admin") and body is not None:
            return self.client.post(f"/~acme{path}", body, headers=headers)
        content = b"" if body is None else orjson.dumps(body)
        return self.client.generic(
            method, f"/~acme{path}", content, content_type="application/json", headers=headers
        )


@pytest.fixture
def bob(acme: Any, people: Any) -> Bob:
    acme.limits_reps = True
    acme.save()
    user = User.objects.create_user("bob@sign.example", first_name="Bob")
    place = Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.bob)
    return Bob(place)


@pytest.mark.parametrize("noun", LIMITED, ids=lambda noun: noun.__name__)
def test_it_is_answered_like_one_that_there_is_not(noun: Any, bob: Bob, people: Any) -> None:
    about = {}
    for field in noun.schema.about[:1]:
        whose = registry[field.to]
        of = samples.create(whose)
        whose.update(of.pk, **{whose.schema.owner.name: people.cleo})
        about[field.wire] = of.pk
    hidden = samples.create(noun, **about)
    if noun.schema.owner is not None:
        noun.update(hidden.pk, **{noun.schema.owner.name: people.cleo})
    absent = f"{noun.prefix}_{ALPHABET[:12]}"
    found = {}
    for id in (hidden.pk, absent):
        found[id] = {}
        bob.send("GET", "/admin/")  # says what is left to say of before
        for name, ask in questions(noun, id, bob, people).items():
            with undone():
                found[id][name] = clean(ask(), id)
    differ = {
        name: (found[hidden.pk][name], found[absent][name])
        for name in found[absent]
        if found[hidden.pk][name] != found[absent][name]
    }
    assert not differ, differ


def questions(noun: Any, id: str, bob: Bob, people: Any) -> dict[str, Callable[[], Any]]:
    """All ways to name an id, by what they are called."""
    asked: dict[str, Callable[[], Any]] = {}

    def ask(method: str, path: str, body: Any = None, **headers: str) -> None:
        name = f"{len(asked)} {method} {path} {headers}".replace(id, "ID")
        asked[name] = lambda: bob.send(method, path, body, **headers)

    own, meta = noun.plural, noun._meta
    page = f"admin/{meta.app_label}/{meta.model_name}/"
    for each in addresses():
        if not each.startswith((f"{own}/", page)) or "^" in each:
            continue
        path = "/" + re.sub(r"<(str:)?(id|object_id)>", id, each)
        for name in ("verb", "name", "what", "key", "state", "cursor"):
            path = re.sub(rf"<(str:)?{name}>", "convert" if name == "verb" else "name", path)
        if id not in path:
            continue
        methods = (
            ("GET", "POST") if path.startswith("/admin") else ("GET", "POST", "PATCH", "DELETE")
        )
        for method in methods:
            ask(method, path, None if method == "GET" else {})
        if not path.startswith("/admin"):
            ask("POST", path + "?dryRun=true", {})
            ask("PATCH", path, {"name": 5, "nope": 1})
            ask("PATCH", path, {}, **{"If-Match": '"1"'})
            ask("GET", path, **{"If-None-Match": '"1"'})
    for verb in noun.verbs.values():
        if not verb.creates:
            ask("GET", f"/{page}{id}/do/{verb.name}/")
            ask("POST", f"/{page}{id}/do/{verb.name}/", {})
    ask("GET", f'/{own}?filter={{"$id":"{id}"}}')
    ask("GET", f"/{own}?$id={id}")
    ask("GET", f"/{own}?q={id}")
    ask("GET", f"/{own}?cursor={id}")
    for what in ("target", "$id", "actor", "cause", "requestId"):
        ask("GET", f"/events?{what}={id}")
    ask("GET", f"/events?target={id}&targetType={noun.__name__}&count=exact")
    ask("GET", f"/events/{id}")
    ask("POST", f"/requests/{id}/undo", {})
    for other in registry.values():
        for field in other.schema.references.values():
            if field.to != noun.__name__:
                continue
            ask("GET", f"/{other.plural}?{field.wire}={id}&include={field.wire}")
            ask("GET", f'/{other.plural}?filter={{"{field.wire}.$id":"{id}"}}')
            ask("GET", f"/{other.plural}/aggregate?{field.wire}={id}&groupBy={field.wire}")
            ask("GET", f"/export/{other.plural}?format=csv&{field.wire}={id}")
            place = f"/admin/{other._meta.app_label}/{other._meta.model_name}/"
            ask("GET", f"{place}?{field.name}={id}")
            ask("GET", f"{place}add/?{field.name}={id}")
            ask("POST", f"{place}add/", {field.name: id})
            term = f"app_label={other._meta.app_label}&model_name={other._meta.model_name}"
            ask("GET", f"/admin/autocomplete/?{term}&field_name={field.name}&term={id}")
            data = samples.inputs(other.verbs["create"]) if "create" in other.verbs else {}
            data = orjson.loads(orjson.dumps(data, default=str))
            ask("POST", f"/{other.plural}?dryRun=true", data | {field.wire: id})
            ask("POST", f"/{other.plural}", data | {field.wire: {"$id": id}})
    for path in ("/admin/find/",):
        ask("GET", f"{path}?q={id}")
    for name in ("assign", "delete", "edit", "owner", "update"):
        ask("POST", f"/{page}bulk/{name}/", {"ids": id, "_selected_action": id, "id": id})
    ask("POST", f"/{page}", {"action": "delete", "_selected_action": id})
    ask("POST", "/admin/today/later/", {"id": id, "record": id, "noun": noun.__name__})
    ask("POST", "/admin/today/take/", {"id": id, "record": id, "noun": noun.__name__})
    one = [
        {"method": "GET", "path": f"/{own}/{id}"},
        {"method": "PATCH", "path": f"/{own}/{id}", "body": {}},
    ]
    ask("POST", "/batch", {"operations": one})
    ask("POST", "/batch", {"operations": one, "atomic": True})
    return asked
