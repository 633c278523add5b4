"""Taking back a request too large to be taken back at once: in the background, part by part, exactly once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crm import Activity, Contact, Deal, Lead, Organization
from headlessly import undoing as package
from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.context import tracing
from headlessly.errors import Conflict, Forbidden, NotFound
from headlessly.execution import undo as at_once
from headlessly.log.events import Event
from headlessly.undoing import asking, undo_job
from headlessly.undoing.asking import take_back
from headlessly.undoing.models import Undo, UndoRecord
from tests.contract.test_undo import rows
from tests.refusals import refused

MANAGER = Actor("user_manager", "Mia", actors.MANAGER)
BOB = Actor("user_bob", "Bob", actors.REP)
CLEO = Actor("user_cleo", "Cleo", actors.REP)
REQUEST = "req_large00000000000"


@pytest.fixture
def few(monkeypatch: Any) -> None:
    """What is large is small here, and its parts are smaller."""
    monkeypatch.setattr(at_once, "MOST_EVENTS", 5)
    monkeypatch.setattr(undo_job, "LOOKED_AT", 4)
    monkeypatch.setattr(undo_job, "TAKEN", 3)


def begin(id: str = REQUEST, **options: Any) -> Undo:
    with tracing.request_id_scope(f"req_undo{Undo.objects.count():012}"):
        undo = take_back(id, **options)
    assert isinstance(undo, Undo)
    return undo


def taken_back(work: Any, id: str = REQUEST, **options: Any) -> Undo:
    undo = begin(id, **options)
    assert "undo.run" in work()
    undo.refresh_from_db()
    return undo


def import_leads(api: Any, work: Any, count: int) -> str:
    """An import of so many leads with their people and companies; answers its request."""
    lines = [f"Person {n},p{n}@x.example,Works {n % 20} Ltd,Web" for n in range(count)]
    answer = api.generic(
        "POST", f"{api.base}/import/leads", "\n".join(["Name,Email,Company,Source", *lines]),
        content_type="text/csv", headers={"Authorization": f"Bearer {api.secret}"},
    )  # fmt: skip
    assert answer.status_code == 202
    work()
    assert Lead.count() == count
    return Event.log.get(name="Import.Started").request_id


def test_it_takes_back_an_import_of_more_events_than_at_once(few: Any, api: Any, work: Any) -> None:
    Contact.create(name="P 0", email="p0@x.example")
    before = rows()
    request = import_leads(api, work, 300)
    assert Event.log.filter(request_id=request).count() > 5
    undo = taken_back(work, request)
    assert (undo.status, undo.stays, undo.message) == ("completed", 0, None)
    assert rows() == before
