"""Anything at all, by the OpenAPI document and against it: no 5xx, and every answer as documented."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from headlessly.access.models import Membership, User
from headlessly.declaration.registry import registry
from headlessly.notifications.models import Notification
from headlessly.query.saved_views import View
from headlessly.scripts import proposals
from tests.contract import samples

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FEW = settings(
    max_examples=3,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
#: Of what most nouns have: so many of them are asked that together it is many times.
FEWER = settings(FEW, max_examples=2)
#: The nouns, and what belongs to none of them.
TAGS = [*registry, "Event", "Notification", "View", "Proposal", "Webhook", "About"]
#: Of so many nouns an operation is one that most have.
MANY = 6
#: A header or a cookie is read by the same code whatever is asked: so many operations are sent each of them.
SENT_TO = 10
#: What says who asks is the key, which every request has; whatever was drawn for it would not be sent.
WHO_ASKS = "Authorization"


@pytest.fixture
def described(api: Any) -> Iterator[Any]:
    answer = api.call("GET", "/openapi.json")
    assert answer.status_code == 200
    questions = questions_by(answer.content)
    # The end of a request gives the connection back: here it is the test's own transaction.
    ends = (request_started, request_finished)
    closing = [end for end in ends if end.disconnect(close_old_connections)]
    yield questions
    for end in closing:
        end.connect(close_old_connections)


@lru_cache(maxsize=1)
def questions_by(document: bytes) -> list[tuple[Any, list[GenerationMode], settings]]:
    """Every operation, by which modes it is asked, and how often: the same for all tests that are answered
    the same document.

    What is asked word for word alike of several nouns, and answered by the same code, is asked of the first:
    ``test_openapi.py`` has the answers of each. What most nouns have, in words of their own, is asked of each
    in one mode, by turns. A wrong body is sent of the first noun alone, and where that would be the turn of
    another, nothing: ``test_rest_nasty.py`` sends every input of every verb whatever is wrong. Headers and
    cookies go with the first operations that take them.
    """
    schema = schemathesis.openapi.from_dict(json.loads(document))
    schema.app = get_wsgi_application()
    alike: dict[str, list[Any]] = defaultdict(list)
    found: list[tuple[Any, list[GenerationMode], str]] = []
    known = set()
    for operation in (each.ok() for each in schema.get_all_operations()):
        modes: list[GenerationMode] = []
        asked, place = question_of(operation), place_of(operation)
        if asked not in known:
            known.add(asked)
            alike[place].append((operation, modes))
        found.append((operation, modes, place))
    turns: Counter[Any] = Counter()
    for those in alike.values():
        for number, (operation, modes) in enumerate(those):
            (tag,) = operation.tags
            sends, rightly, wrongly = bool(operation.body), True, _can_be_wrong(operation)
            if len(those) >= MANY and wrongly:
                rightly = (TAGS.index(tag) + turns[tag, sends]) % 2 == 0
                wrongly = not rightly
                turns[tag, sends] += 1
            if sends and tag in registry:
                wrongly = number == 0
            modes += [GenerationMode.POSITIVE] * rightly + [GenerationMode.NEGATIVE] * wrongly
    sent: Counter[tuple[str, str]] = Counter()
    for operation, modes, _place in found:
        if modes:
            _leave_out_what_was_sent(operation, sent)
    return [
        (operation, modes, FEWER if len(alike[place]) >= MANY else FEW)
        for operation, modes, place in found
    ]


def place_of(operation: Any) -> str:
    """The method and the path, whatever the noun."""
    noun = registry.get(operation.tags[0])
    path = re.sub(rf"/{noun.plural}\b", "/noun", operation.path) if noun else operation.path
    return f"{operation.method} {path}"


def question_of(operation: Any) -> str:
    """Its method and path, its parameters without their texts, and its body, but for the noun's own words."""
    raw = operation.definition.raw
    texts = ("description", "example", "examples")
    asked = [
        {key: value for key, value in each.items() if key not in texts}
        for each in raw.get("parameters", [])
    ]
    found = json.dumps([operation.method, operation.path, asked, raw.get("requestBody")])
    if (noun := registry.get(operation.tags[0])) is not None:
        found = found.replace(f"^{noun.prefix}_", "^id_").replace(f"/{noun.plural}", "/noun")
    return found


def test_it_leaves_no_operation_out(described: Any) -> None:
    asked: dict[str, set[GenerationMode]] = defaultdict(set)
    for operation, modes, _often in described:
        (tag,) = operation.tags
        asked[tag].update(modes)
    assert asked == {tag: set(GenerationMode) for tag in TAGS}


@pytest.mark.parametrize("tag", TAGS)
def test_it_takes_anything(tag: str, described: Any, api: Any) -> None:
    there = samples.create(registry[tag], full=True).pk if tag in registry else None
    if tag == "Proposal":
        there = proposals.propose(
            f"{next(iter(samples.NOUNS)).__name__}.find()\nEvent.create(name='x')"
        ).pk
    if tag == "Notification":
        there = _told_to_whose_key_it_is(api)
    if tag == "View":
        there = _view_of_whose_key_it_is(api)
    for operation, modes, often in described:
        if operation.tags == [tag]:
            for mode in modes:
                check(operation, mode, often, api.secret, there)


def _give_key(api: Any) -> Any:
    """A member, whose the key is from now on."""
    user = User.objects.create_user("ann@sign.example", first_name="Ann")
    Membership.objects.create(user=user, tenant=api.key.tenant, role="admin")
    api.key.user = user
    api.key.save()
    return user


def _view_of_whose_key_it_is(api: Any) -> str:
    """The id of a shared view of a member's."""
    user, noun = _give_key(api), next(iter(samples.NOUNS))
    return View.objects.create(
        tenant=api.key.tenant, noun=noun.__name__, name="All", user=user, shared=True
    ).pk


def _told_to_whose_key_it_is(api: Any) -> str:
    """The id of a notification of a member's."""
    user = _give_key(api)
    return Notification.objects.create(
        tenant=api.key.tenant, user=user, kind="import_done", occasion="1", actor="system",
        excerpt="leads.csv", in_browser=True, by_mail=False, created_at=timezone.now(),
    ).pk  # fmt: skip


def check(
    operation: Any, mode: GenerationMode, often: settings, secret: str, there: str | None
) -> None:
    """A few requests, each undone; half of those at a record at one that exists."""
    # Without a network in between, it reads bodies as they are: nothing of it unpacks them.
    headers = {"Authorization": f"Bearer {secret}", "Accept-Encoding": "identity"}

    cases = operation.as_strategy(generation_mode=mode)  # costs more than what is drawn from it

    @often
    @given(data=st.data())
    def anything(data: Any) -> None:
        case = data.draw(cases)
        if there and "id" in (case.path_parameters or {}) and data.draw(st.booleans()):
            case.path_parameters["id"] = there
        (case.query or {}).pop("wait", None)  # it would
        with transaction.atomic():
            case.call_and_validate(headers=headers, checks=CHECKS)
            transaction.set_rollback(True)

    anything()


def _leave_out_what_was_sent(operation: Any, sent: Counter[tuple[str, str]]) -> None:
    """Its headers and cookies, but for those that few were sent yet, and where nothing else can be wrong."""
    for those in (operation.headers, operation.cookies):
        those.items[:] = [each for each in those if each.name != WHO_ASKS]
    names = [(each.location, each.name) for each in (*operation.headers, *operation.cookies)]
    others = [*operation.body, *filter(_says_what_it_takes, operation.path_parameters)]
    others += filter(_says_what_it_takes, operation.query)
    for those in (operation.headers, operation.cookies) if others else ():
        those.items[:] = [each for each in those if sent[each.location, each.name] < SENT_TO]
    sent.update(names)


def _says_what_it_takes(parameter: Any) -> bool:
    """Whether not every text is right there."""
    return {*parameter.definition["schema"]} - {"description", "examples"} != {"type"}


def _can_be_wrong(operation: Any) -> bool:
    return bool(list(operation.iter_parameters()) or operation.body)
