"""A field is renamed, archived, brought back and deleted while twenty threads write it and read it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from crm import Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.shaping import custom_fields
from tests.conftest import Api

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS, TIMES = 10, 2


def test_nobody_gets_a_500_and_nothing_is_lost(acme: Any) -> None:
    field = custom_fields.create_field({"noun": "Lead", "label": "Region", "type": "string"})
    doomed = custom_fields.create_field({"noun": "Lead", "label": "Doomed", "type": "string"})
    leads = [Lead.create(name=f"Lead {n}", source="web") for n in range(WRITERS)]
    api = Api(acme)
    answers: list[tuple[int, str]] = []
    #: What was answered as written last, by record.
    written: dict[str, str] = {}

    def write(id: str) -> None:
        for n in range(TIMES):
            for name in ("region", "area", "doomed"):
                answer = api.call("PATCH", f"/leads/{id}", {name: f"{id} {n}"})
                answers.append((answer.status_code, answer.content.decode()))
                if answer.status_code == 200 and name != "doomed":
                    written[id] = f"{id} {n}"

    def read(_id: str) -> None:
        for _n in range(TIMES):
            for query in ("", "?sort=region", "?sort=area", "?q=lead", "?region__isnull=false"):
                answer = api.call("GET", f"/leads{query}")
                answers.append((answer.status_code, answer.content.decode()))

    def work(call: Any, id: str) -> None:
        try:
            call(id)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=work, args=(call, lead.pk), daemon=True)
        for call in (write, read)
        for lead in leads
    ]
    for thread in threads:
        thread.start()
    for _n in range(TIMES):
        field = custom_fields.change_field(field, {"name": "area"})
        field = custom_fields.archive_field(field)
        field = custom_fields.bring_back_field(field)
        field = custom_fields.change_field(field, {"name": "region"})
    custom_fields.delete_field(doomed, "doomed")
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert {status for status, _said in answers} <= {200, 400, 422}
    assert [said for status, said in answers if status not in (200, 400, 422)] == []
    # What was renamed is found by both names; what was deleted is nowhere.
    for name in ("region", "area"):
        assert len(api.call("GET", f"/leads?{name}__isnull=false").json()["results"]) == len(
            written
        )
    lead = f"/leads/{leads[0].pk}"
    assert api.call("PATCH", lead, {"doomed": "again"}).status_code == 422
    assert "doomed" not in api.call("GET", lead).json()
    assert api.call("GET", "/leads?doomed=again").status_code == 400
    with tenancy.active(Tenant.objects.get(pk=acme.pk)), actors.acting(actors.SYSTEM):
        now = {lead.pk: Lead.get(lead.pk).region for lead in leads}
        assert {id: now[id] for id in written} == written
