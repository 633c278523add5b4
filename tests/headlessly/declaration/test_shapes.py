"""A tenant's own shape: its schema is another, and everything made of schemas goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from crm import Lead
from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.api.openapi.document import document_shape
from headlessly.declaration import shapes
from headlessly.declaration.describe import describe_noun
from headlessly.query.rows import row_statement


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was composed, by a shape in which the source of leads has another name too."""
    done: list[str] = []

    def compose(schema: Any, shape: shapes.Shape) -> None:
        done.append(f"{shape.tenant_id}: {schema.name}")
        if schema.name == "Lead":
            renamed = replace(schema.fields["source"], wire="comesFrom", name="comes_from")
            schema.fields = {**schema.fields, "comesFrom": renamed}

    monkeypatch.setattr(shapes, "composers", [compose])
    yield done


def test_it_is_the_tenants_alone_and_composed_once(
    acme: Any, rival: Any, composed: list[str]
) -> None:
    declared = Lead.schema
    tenancy.renew_shape()
    assert "comesFrom" in Lead.schema.fields and "comes_from" in Lead.schema.by_name
    assert "comesFrom" in Lead.verbs["update"].inputs
    assert "comesFrom" in describe_noun(Lead)["fields"]
    assert "comesFrom" in [field.wire for field in row_statement(Lead).shape.stored]
    assert "comesFrom" in document_shape()["components"]["schemas"]["Lead"]["properties"]
    assert Lead.schema is Lead.schema and composed.count(f"{acme.pk}: Lead") == 1
    with tenancy.active(rival):
        assert Lead.schema is declared
        assert "comesFrom" not in Lead.verbs["update"].inputs
        assert "comesFrom" not in describe_noun(Lead)["fields"]
        assert "comesFrom" not in [field.wire for field in row_statement(Lead).shape.stored]
    assert not [each for each in composed if each.startswith(f"{rival.pk}:")]


def test_another_process_has_a_change_with_the_next_request(acme: Any, composed: list[str]) -> None:
    elsewhere = Tenant.objects.get(pk=acme.pk)
    tenancy.renew_shape()
    with tenancy.active(elsewhere):
        assert "comesFrom" not in Lead.schema.fields  # it goes on as it began
    with tenancy.active(Tenant.objects.get(pk=acme.pk)):
        before = Lead.schema
        assert "comesFrom" in before.fields
        tenancy.renew_shape()
        assert Lead.schema is not before


def test_as_many_shapes_are_kept_as_are_asked_for(
    acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "MOST_KEPT", 2)
    first = shapes.shape_of(acme.pk, 1)
    assert shapes.shape_of(acme.pk, 1) is first
    for stamp in (2, 3, 4):
        shapes.shape_of(acme.pk, stamp)
    assert shapes.shape_of(acme.pk, 1) is not first
