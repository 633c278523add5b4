"""Columns of a tenant's own: ids of each other system, stages and pipelines by what they are called."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from crm import Contact, Deal, Pipeline
from headlessly.access import tenancy
from tests.headlessly.transfer.conftest import counts

pytestmark = pytest.mark.usefixtures("acme")


def rows(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))


def test_ids_of_other_systems_are_a_column_each(exported: Any, imported: Any, rival: Any) -> None:
    with tenancy.active(rival):
        Contact.create(name="Theirs", external_ids={"secretsystem": "1"})
    assert "externalIds" in rows_header(exported("contacts"))
    ada = Contact.create(name="Ada", external_ids={"hubspot": ["12", "7"], "pipedrive": "=x"})
    Contact.create(name="Bob", external_ids={"hubspot": "9"})
    table = exported("contacts?sort=name")
    header = rows_header(table)
    assert "externalIds.hubspot" in header and "externalIds.pipedrive" in header
    assert not [name for name in header if name == "externalIds" or "secret" in name]
    first, second = rows(table)
    assert (first["externalIds.hubspot"], first["externalIds.pipedrive"]) == ("12; 7", "'=x")
    assert (second["externalIds.hubspot"], second["externalIds.pipedrive"]) == ("9", "")
    assert counts(imported("contacts", table.decode(), "?match=$id")) == {"unchanged": 2}
    ids = Contact.get(ada.pk).external_ids
    for each in Contact.find():
        each.delete()
    imported("contacts", table.decode())
    assert Contact.find({"name": "Ada"}).get().external_ids == ids
    (one,) = rows(exported("contacts?fields=name,externalIds&q=ada&labels=en"))
    assert "12; 7" in one.values() and "External ids: hubspot" in one
    assert b"12; 7" not in exported("contacts?fields=name")


def rows_header(table: bytes) -> list[str]:
    return table.decode("utf-8-sig").splitlines()[0].split(",")


@pytest.fixture
def pipelines() -> tuple[Pipeline, Pipeline]:
    sales = Pipeline.create(name="Sales", is_default=True)
    stages = [{"name": "Upcoming"}, {"name": "Angebot", "key": "Proposal"}, {"name": "Signing"}]
    return sales, Pipeline.create(name="Renewals", slug="renewals", stages=stages)


def test_deals_come_by_the_names_of_stages_and_pipelines(imported: Any, pipelines: Any) -> None:
    table = "Name,Value,Pipeline,Stage\nA,1,Renewals,Angebot\nB,1,renewals,signing\nC,1,,Proposal\n"
    done = imported("deals", table)
    assert counts(done) == {"created": 3}, done["errors"]
    found = {d.name: (d.pipeline.name, d.stage) for d in Deal.find()}
    assert found == {
        "A": ("Renewals", "Proposal"), "B": ("Renewals", "Signing"), "C": ("Sales", "Proposal"),
    }  # fmt: skip


def test_what_is_no_stage_or_pipeline_is_told_with_those_there_are(
    imported: Any, pipelines: Any
) -> None:
    table = "name,value,pipeline,stage\nA,1,Renewals,Prospecting\nB,1,Partners,Upcoming\n"
    done = imported("deals", table)
    assert counts(done) == {"refused": 2}
    wrong = {each["row"]: (each["field"], each["message"]) for each in done["errors"]}
    assert wrong[1][0] == "stage" and "Upcoming, Angebot, Signing" in wrong[1][1]
    assert wrong[2][0] == "pipeline" and "Renewals, Sales" in wrong[2][1]
    assert not Deal.find()
