"""The one table of roles, held against every noun, verb and surface: what it allows and nothing more."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from django.db import transaction
from django.db.models import QuerySet
from django.test import Client

from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.access.models import Membership, User
from headlessly.admin import buttons
from headlessly.declaration.schema import wire_name
from headlessly.declaration.verbs import Verb
from headlessly.errors import Forbidden
from headlessly.nouns import Noun
from tests.contract import samples
from tests.headlessly.admin.signed_in import WITHOUT_FRAME, without_frame
from tests.refusals import everything

SURFACES = ("python", "rest", "browser")


class Desk(Client):
    """A browser that opens a page once: what is done is undone, so it stays what it was."""

    def __init__(self) -> None:
        super().__init__(raise_request_exception=False)
        self.pages: dict[str, str] = {}

    def page(self, place: str) -> str:
        if place not in self.pages:
            self.pages[place] = without_frame(self, place)
        return self.pages[place]


def signed_in(acme: Any) -> dict[str, Desk]:
    """A browser for each role."""
    clients = {}
    for role in actors.ROLES:
        user = User.objects.create_user(f"{role}@sign.example", first_name=role)
        Membership.objects.create(user=user, tenant=acme, role=role)
        clients[role] = Desk()
        clients[role].force_login(user)
    return clients


@contextmanager
def undone() -> Any:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def alike(noun: type[Noun]) -> list[list[Verb]]:
    """The verbs of a noun, those together that are for a record in the same state."""
    found: dict[Any, list[Verb]] = {}
    for verb in noun.verbs.values():
        state = (next(iter(verb.steps), None), verb.restores)
        found.setdefault(None if verb.creates else state, []).append(verb)
    return list(found.values())


def ready(verb: Verb) -> Noun | None:
    """A record in whose state ``verb`` is for it."""
    if verb.creates:
        return None
    source = next(iter(verb.steps), None)
    return samples.in_state(verb.noun, source) if source else samples.create(verb.noun)


def let_wait(record: Any) -> None:
    """Have a reply wait with a record: some verbs are for nothing else."""
    found = type(record).objects.filter(pk=record.pk)
    assert QuerySet.update(found, reply_waiting_since=record.created_at) == 1


def by_python(verb: Verb, role: str, record: Any, data: Any, client: None) -> bool:
    with actors.acting(Actor("user_x", "X", role)):
        try:
            samples.run(verb, record and record.pk, data)
        except Forbidden as refusal:
            assert role in str(refusal) and verb.name in str(refusal)
            return False
    return True


def by_rest(verb: Verb, role: str, record: Any, data: Any, client: Desk) -> bool:
    address = f"/~acme/{verb.noun.plural}"
    if record is not None:
        address += f"/{record.pk}"
    method = {"update": "PATCH", "delete": "DELETE"}.get(verb.name, "POST")
    if verb.name not in ("create", "update", "delete"):
        address += f"/{wire_name(verb.name)}"
    body = b"" if method == "DELETE" else orjson.dumps(data, default=str)
    with actors.acting(None):
        answer = client.generic(method, address, body, content_type="application/json")
    if answer.status_code == 403:
        assert answer.json()["error"] == "forbidden"
        return False
    assert answer.status_code < 300, answer.content
    return True


def by_browser(verb: Verb, role: str, record: Any, data: Any, client: Desk) -> bool | None:
    meta = verb.noun._meta
    place = f"/~acme/admin/{meta.app_label}/{meta.model_name}/"
    if verb.creates:
        place += "add/" if verb.name == "create" else f"add/{verb.name}/"
    elif verb.name in ("update", "delete"):
        place += f"{record.pk}/{'edit' if verb.name == 'update' else 'delete'}/"
    elif buttons.is_button(verb):
        place += f"{record.pk}/do/{verb.name}/"
    else:
        return None  # no button does it
    with actors.acting(None):
        if verb.creates or verb.name in ("update", "delete"):
            shown = client.get(place, headers=WITHOUT_FRAME).status_code
        else:
            page = client.page(f"{place.partition('do/')[0]}change/")
            shown = 200 if f"/do/{verb.name}/" in page else 403
        done = client.post(place, {} if verb.name != "delete" else {"sure": "yes"}).status_code
    assert shown in (200, 403) and (shown == 403) == (done == 403), (place, shown, done)
    return done != 403


def asked_by(verb: Verb, surface: str) -> list[str]:
    """The roles by which a verb is tried. Above Python it is each that may not, and of those that may one, by
    turns: the table is one, and what a role may is the same code for all of them."""
    if surface == "python":
        return [*actors.ROLES]
    may = [r for r in actors.ROLES if actors.may(Actor("user_x", "X", r), verb.name, verb.noun)]
    turn = samples.NOUNS.index(verb.noun) + [*verb.noun.verbs].index(verb.name)
    return [r for r in actors.ROLES if r not in may or r == may[turn % len(may)]]


@pytest.mark.parametrize("noun", samples.NOUNS, ids=lambda n: n.__name__)
@pytest.mark.parametrize("surface", SURFACES)
def test_it_lets_each_role_do_what_the_table_says(
    noun: type[Noun], surface: str, acme: Any
) -> None:
    ask = {"python": by_python, "rest": by_rest, "browser": by_browser}[surface]
    clients = {} if surface == "python" else signed_in(acme)
    for verbs in alike(noun):
        with undone():
            record = ready(verbs[0])
            if any(verb.needs for verb in verbs):
                let_wait(record)
            given = [(verb, samples.inputs(verb, record=record)) for verb in verbs]
            if verbs[0].restores:
                record.delete()
            before = everything()
            for verb, data in given:
                for role in asked_by(verb, surface):
                    allowed = actors.may(Actor("user_x", "X", role), verb.name, noun)
                    if surface == "rest" and verb.public is not None:
                        allowed = True  # whoever is signed in counts as anybody there
                    with undone():
                        found = ask(verb, role, record, data, clients.get(role))
                        assert found in (None, allowed), (noun, verb, role)
                        assert allowed or everything() == before, (noun, verb, role)


@pytest.mark.parametrize("noun", samples.NOUNS, ids=lambda n: n.__name__)
def test_it_lets_every_role_read(noun: type[Noun], acme: Any) -> None:
    """Over REST each role: all records, one of them or its past, by turns. Of the pages each noun's by one
    role: what one may read no page asks anew, and each role opens records above."""
    record, clients = samples.create(noun), signed_in(acme)
    start = f"/admin/{noun._meta.app_label}/{noun._meta.model_name}/"
    roles = [*actors.ROLES]
    turn = samples.NOUNS.index(noun)
    for number, role in enumerate(roles, turn):
        own = ["", f"/{record.pk}", f"/{record.pk}/events"][number % 3]
        places = [f"/{noun.plural}{own}"]
        if role == roles[turn % len(roles)]:
            places += [start, f"{start}{record.pk}/change/"]
        with actors.acting(None):
            for place in places:
                answer = clients[role].get(f"/~acme{place}")
                assert answer.status_code == 200, (role, place)


@pytest.mark.parametrize("place", ["/apikeys", "/admin/settings/", "/admin/settings/members/"])
def test_it_lets_admins_alone_manage_the_tenant(place: str, acme: Any) -> None:
    clients = signed_in(acme)
    with actors.acting(None):
        for role in actors.ROLES:
            status = clients[role].get(f"/~acme{place}").status_code
            assert (status == 200) == actors.may_administer(Actor("user_x", "X", role))
            assert status in (200, 403)
