"""Settings, Lists of values: an admin orders one, closes it and merges two of its values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from marketing import Segment
from tests.headlessly.admin.signed_in import client_of

pytestmark = pytest.mark.django_db
BASE = "/~acme/admin/settings/lists/"


@pytest.fixture
def ann(users: SimpleNamespace) -> Client:
    return client_of(users.ann)


def test_an_admin_orders_closes_and_merges(ann: Client, lead: Any, acme: Any) -> None:
    assert "Leads: Lost reason" in ann.get(BASE).content.decode()
    place = f"{BASE}Lead.source/"
    source = lead.source
    sent = {
        "value_place": ["2", "1", "3"], "value_name": [source, "Fair", ""],
        "value_color": ["", "#1d4ed8", ""], "value_retired": ["", "", ""], "open": "no",
    }  # fmt: skip
    assert ann.post(place, sent).status_code == 302
    tenant = Tenant.objects.get(pk=acme.pk)
    assert tenant.choices["Lead.source"] == {
        "open": False,
        "values": [{"value": "Fair", "color": "#1d4ed8"}, {"value": source}],
    }
    html = ann.get(place).content.decode()
    assert "1 record" in html and "are refused" in html
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        criteria = {"type": "Lead", "filter": {"source": source}}
        Segment.create(name="Ours", criteria=criteria)
    assert ann.post(f"{place}merge/", {"from": source, "into": "Fair"}).status_code == 302
    html = ann.get(place).content.decode()
    assert "1 record has it now. These ask for it too now: Segment “Ours”." in html
    with tenancy.active(tenant):
        assert Lead.get(lead.pk).source == "Fair"


def test_what_is_wrong_is_said_and_nothing_is_kept(ann: Client, acme: Any) -> None:
    place = f"{BASE}Lead.source/"
    twice = ann.post(place, {"value_name": ["A", "a"]})
    assert twice.status_code == 422 and "a is there twice." in twice.content.decode()
    same = ann.post(f"{place}merge/", {"from": "A", "into": "A"})
    assert same.status_code == 422 and "This is the same value." in same.content.decode()
    assert Tenant.objects.get(pk=acme.pk).choices == {}
    assert ann.get(f"{BASE}Lead.nothing/").status_code == 404


def test_only_admins_get_in(users: SimpleNamespace) -> None:
    assert client_of(users.bob).get(BASE).status_code in (403, 404)


def test_a_list_of_many_values_is_counted_by_one_statement(ann: Client, lead: Any) -> None:
    place = f"{BASE}Lead.source/"
    ann.get(place)
    with CaptureQueriesContext(
        connection,
    ) as few:
        ann.get(place)
    ann.post(place, {"value_name": [f"Value {n}" for n in range(50)], "value_place": [""] * 50})
    ann.get(place)
    ann.get(place)
    with CaptureQueriesContext(connection) as many:
        ann.get(place)
    assert len(many) <= len(few) + 1
