"""What pages say of records: their addresses, and the names of those that others refer to."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import get_script_prefix, reverse, set_script_prefix, set_urlconf

from crm import Lead
from headlessly.access import tenancy
from headlessly.access.visibility import load_visible_references
from headlessly.admin.display import page_url


@pytest.fixture(params=["/", "/~acme/", "/my app/~a-0-b/"])
def prefix(request: Any) -> Any:
    before = get_script_prefix()
    set_script_prefix(request.param)
    set_urlconf(settings.TENANT_URLCONF)
    yield request.param
    set_script_prefix(before)
    set_urlconf(None)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("changelist", ()),
        ("change", ("lead_1",)),
        ("change", ("-0-",)),
        ("change", ("a {0} ü",)),
        ("do", ("lead_1", "convert")),
        ("do", ("-1-", "0")),
    ],
)
def test_the_address_of_a_page_is_the_one_that_django_makes(
    prefix: str, name: str, args: tuple[str, ...]
) -> None:
    for _once_and_again in range(2):
        assert page_url(Lead, name, *args) == reverse(f"admin:crm_lead_{name}", args=args)


def test_of_who_is_only_named_the_name_is_read_and_all_else_when_it_is_asked_for(
    lead: Any, people: Any
) -> None:
    found = Lead.objects.filter(pk=lead.pk)
    with CaptureQueriesContext(connection) as asked:
        (named,) = load_visible_references(found, ["owner"], to_be_named=True)
        assert (str(named.owner), named.need) == (str(people.bob), lead.need)
    assert len(asked) == 1 and '"phone"' not in asked[0]["sql"]
    assert (named.owner.phone, named.owner.version) == (people.bob.phone, people.bob.version)


def test_reads_of_a_noun_are_of_the_tenant_at_hand_each_time(
    acme: Any, rival: Any, lead: Any
) -> None:
    assert [each.pk for each in Lead.objects.all()] == [lead.pk]
    with tenancy.active(rival):
        assert not Lead.objects.exists() and not Lead.with_deleted.exists()
    lead.delete()
    assert not Lead.objects.exists()
    assert [each.pk for each in Lead.with_deleted.all()] == [lead.pk]
