"""Owners are members only, for agents as for everybody: what they say is refused with the field's name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from crm import Lead
from headlessly.access import actors
from headlessly.access.models import Membership
from headlessly.accounts import invitations
from tests.headlessly.admin.conftest import users

__all__ = ["users"]
pytestmark = pytest.mark.django_db


def test_an_agent_names_members_and_who_is_invited_and_nobody_else(
    agent: Any, people: SimpleNamespace, users: SimpleNamespace, lead: Any, theirs: Any
) -> None:
    made = f'Lead.create(name="By an agent", source="x", owner="{people.ada.pk}")'
    given = f'Lead.get("{lead.pk}").assign(owner="{people.ada.pk}", reason="She asked")'
    planned = f'Activity.create(subject="Call", assignee="{people.ada.pk}")'
    for code, field in ((made, "owner"), (given, "owner"), (planned, "assignee")):
        refused = agent.refused("do", code=code)
        assert [each["field"] for each in refused["details"]] == [field], refused
        assert f"Name a member: {people.ada.pk} is none." in str(refused["details"])
    assert not Lead.objects.filter(name="By an agent").exists()
    assert Lead.get(lead.pk).owner_id == people.bob.pk
    agent.tool("do", code=made.replace(people.ada.pk, people.cleo.pk))
    assert Lead.objects.get(name="By an agent").owner_id == people.cleo.pk
    with actors.acting(actors.SYSTEM):
        invitations.invite(
            email="ada@sign.example", first_name="Ada", last_name="", role="rep",
            contact_id=people.ada.pk,
        )  # fmt: skip
    agent.tool("do", code=given)
    assert Lead.get(lead.pk).owner_id == people.ada.pk


def test_before_any_member_is_linked_to_a_contact_a_program_may_name_anybody(
    agent: Any, people: SimpleNamespace, users: SimpleNamespace
) -> None:
    """Else nobody could be named at all, and no file of a system before this one be read: decision 99."""
    Membership.objects.update(contact=None)
    code = f'Lead.create(name="Of the past", source="x", owner="{people.ada.pk}")'
    agent.tool("do", code=code)
    Membership.objects.filter(user=users.bob).update(contact=people.bob)
    assert "Name a member" in str(agent.refused("do", code=code.replace("the past", "today")))
