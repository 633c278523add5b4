"""Steps that an admin still has to take before a tenant works well. Apps add their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership


@dataclass(frozen=True)
class SetupStep:
    """A step of the setup: what, why, and where."""

    label: str
    reason: str
    url: str


StepMaker = Callable[[], SetupStep | None]
_makers: list[tuple[int, StepMaker]] = []


def setup_step(rank: int) -> Callable[[StepMaker], StepMaker]:
    """Registers a step, the lowest rank first. The function returns None if the step is done. It is called
    whenever an admin visits the first page, so it should look for a single record and not count."""

    def register(make: StepMaker) -> StepMaker:
        _makers.append((rank, make))
        _makers.sort(key=lambda each: each[0])
        return make

    return register


def open_steps() -> list[SetupStep]:
    """Returns the open steps for an admin; none for everybody else."""
    if not actors.may_administer(actors.current()):
        return []
    found = (make() for _rank, make in _makers)
    return [step for step in found if step is not None]


@setup_step(rank=20)
def link_yourself() -> SetupStep | None:
    if actors.current().contact_id:
        return None
    reason = _("What you own is listed here once your account is linked to your contact.")
    return SetupStep(_("Link yourself to a contact"), reason, reverse("admin:settings_members"))


@setup_step(rank=30)
def invite_somebody() -> SetupStep | None:
    if Membership.objects.filter(tenant=tenancy.require())[1:2].exists():
        return None
    reason = _("Leads get owners, and everybody their own day.")
    return SetupStep(_("Invite a colleague"), reason, reverse("admin:settings_members"))
