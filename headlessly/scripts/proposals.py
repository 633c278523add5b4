"""Propose and approve: a script is tried, its effects are looked at, and then exactly those happen.

The trial of somebody who may only propose runs with an approver's permissions; only the proposal is kept. On
approval the script runs again, as the approver, and its events are compared with those that were seen. If
they differ, everything is rolled back, and the new outcome can be looked at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.access.models import ApiKey
from headlessly.context import clock
from headlessly.declaration.schema import Field
from headlessly.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from headlessly.ids import public_id
from headlessly.log.events import Event, plain_json
from headlessly.log.names import SCRIPT_RAN
from headlessly.notifications.telling import tell_everybody_of
from headlessly.scripts import diff
from headlessly.scripts.failures import LimitExceeded, ScriptFailed
from headlessly.scripts.models import KEPT_FIELDS, Proposal
from headlessly.scripts.runner import Plan, perform
from headlessly.scripts.script_run import ScriptRun

#: The limits that keep proposals reviewable: events per proposal, proposals waiting in a tenant, and those of
#: one key or user, so that nobody takes up all the room.
MOST_EVENTS, MOST_OPEN, MOST_OWN = 200, 500, 100
LONGEST_NOTE, LONGEST_REASON = 500, 2_000
NOTE = Field("note", "note", "note", "text", max_length=LONGEST_NOTE)
REASON = Field("reason", "reason", "reason", "text", max_length=LONGEST_REASON)


class ProposalChanged(Conflict):
    """What a proposal does is no longer what was seen; nothing was done, and it can be looked at again."""


# -- proposing ------------------------------------------------------------------------------------


def propose_instead(code: str, *, dry_run: bool) -> ScriptRun:
    """Return the result of a script whose sender may only propose: a proposal, or the value if it only
    reads."""
    run, proposal = _dry_run(code, "", keep=not dry_run)
    run.dry_run = dry_run
    if proposal is not None:
        run.proposal, run.events = proposal.as_json(whole=False), verb_events(run.events)
    return run


def propose(code: str, note: Any = None) -> Proposal:
    """Store the effects of a script for a decision. Raises what running it raises, and Invalid for one that
    changes nothing."""
    _run, proposal = _dry_run(code, _checked_text(NOTE, note or ""), keep=True)
    if proposal is None:
        raise Invalid.for_fields(
            {"code": "This script changes nothing, so that there is nothing to approve."},
            type="Proposal",
        )
    return proposal


def _dry_run(code: str, note: str, *, keep: bool) -> tuple[ScriptRun, Proposal | None]:
    actor = actors.current()
    if not actors.may_propose(actor):
        raise Forbidden(f"As {actor.role} you may not propose scripts.", type="Proposal")
    id, moment = public_id(Proposal.prefix), clock.now()
    trying = actor
    if not actors.may_see_proposals(actor):
        trying = dataclasses.replace(actor, role=actors.MANAGER)
    with actors.acting(trying):
        plan = Plan(
            dry_run=True,
            is_rehearsal=trying is not actor,
            only_events=True,
            moment=moment,
            seed=id,
        )
        run = perform(code, plan)
    foreseen = verb_events(run.events)
    if not keep or not foreseen:
        return run, None
    _refuse_too_many_events(foreseen)
    with transaction.atomic():
        _refuse_too_many_open(actor)
        proposal = Proposal.objects.create(
            id=id,
            tenant=tenancy.require(),
            code=code,
            note=note,
            proposed_by=actor.id,
            proposed_at=moment,
            moment=moment,
            **_outcome_columns(run, foreseen),
        )
        tell_everybody_of("proposal", id, actor=actor.id, excerpt=note)
    return run, proposal


def _refuse_too_many_open(actor: Actor) -> None:
    """Raise Conflict if too many proposals are waiting already."""
    waiting = Proposal.objects.filter(status__in=Proposal.OPEN)
    own = waiting.filter(proposed_by=actor.id)
    for found, most, whose in ((waiting, MOST_OPEN, ""), (own, MOST_OWN, " of yours")):
        if found.count() >= most:
            raise Conflict(
                f"{most} proposals{whose} wait already: some have to be decided first.",
                type="Proposal",
            )


def verb_events(found: Sequence[Event]) -> list[Event]:
    """Returns the events of the verbs, without the script's own."""
    return [event for event in found if event.name != SCRIPT_RAN]


def _refuse_too_many_events(foreseen: Sequence[Event]) -> None:
    if len(foreseen) > MOST_EVENTS:
        raise ScriptFailed(
            LimitExceeded(
                "events",
                MOST_EVENTS,
                f"A proposal records at most {MOST_EVENTS} events, not {len(foreseen):,}: somebody has "
                "to look at them. Propose it in parts.",
            ),
            line=None,
        )


def _outcome_columns(run: ScriptRun, foreseen: Sequence[Event]) -> dict[str, Any]:
    kept = [{name: getattr(event, name) for name in KEPT_FIELDS} for event in foreseen]
    return {
        "foreseen": plain_json(kept),
        "value": run.value,
        "output": run.output,
        "tried_at": clock.now(),
    }


def _checked_text(field: Field, value: Any) -> str:
    """Returns the text as it is stored. Raises Invalid if it is no text, or too long."""
    try:
        return field.clean(value) or ""
    except ValueError as problem:
        raise Invalid.for_fields({field.name: str(problem)}, type="Proposal") from None


# -- looking at them ------------------------------------------------------------------------------


def visible_proposals() -> models.QuerySet[Proposal]:
    """Returns the tenant's proposals that the actor sees: all for those who decide, otherwise their own."""
    actor = actors.current()
    if not actors.may_propose(actor):
        return Proposal.objects.none()
    found = Proposal.objects.all()
    return found if actors.may_see_proposals(actor) else found.filter(proposed_by=actor.id)


def count_to_decide() -> int:
    """Returns how many open proposals the actor may decide on."""
    if not actors.may_approve(actors.current()):
        return 0
    return visible_proposals().filter(status__in=Proposal.OPEN).count()


def find_proposal(id: Any) -> Proposal:
    """Returns a proposal that the actor sees. Raises NotFound."""
    if (found := visible_proposals().filter(pk=str(id)).first()) is None:
        raise NotFound(f"There is no Proposal {str(id)[:64]}.", type="Proposal", id=str(id)[:64])
    return found


# -- deciding -------------------------------------------------------------------------------------


def approve(id: Any, *, version: Any = None) -> tuple[Proposal, ScriptRun]:
    """Do what was proposed, and nothing else.

    ``version`` (one, or several of which any is accepted) is the outcome that was looked at. Raises Stale if
    there is a newer one, Conflict if it is already decided, and ProposalChanged if the script would now do
    something else, or no longer works: then nothing was done, and the proposal shows the differences. Raises
    Forbidden for a key, and for the person who proposed it, directly or by a key of theirs, unless the tenant
    allows that.
    """
    proposal = _find_to_decide(id)
    if not may_approve_proposal(proposal):
        raise Forbidden(
            _("You proposed this yourself: somebody else has to approve it."),
            type="Proposal",
            id=proposal.pk,
            code="own_proposal",
        )
    locked_proposals: list[Proposal] = []

    def hold() -> None:
        locked_proposals[:] = [_lock_open(proposal.pk, version)]

    def compare(run: ScriptRun) -> None:
        (locked,) = locked_proposals
        found = verb_events(run.events)
        different = diff.differences(locked.events, found)
        if different or not found:
            raise _DifferentOutcome(run, found, different)
        locked.status, locked.event = Proposal.APPROVED, run.event
        locked.value, locked.output = run.value, run.output
        locked.foreseen = _outcome_columns(run, found)["foreseen"]
        locked.differences = locked.problem = None
        _save_decision(locked)

    plan = Plan(
        only_events=True,
        about={"proposal": proposal.pk, "proposedBy": proposal.proposed_by},
        moment=proposal.moment,
        seed=proposal.pk,
        before=hold,
        after=compare,
    )
    try:
        run = perform(proposal.code, plan)
    except _DifferentOutcome as changed:
        raise _keep_new_outcome(proposal, version, changed) from None
    except ScriptFailed as problem:
        raise _keep_failure(proposal, version, problem) from problem
    return locked_proposals[0], run


def may_approve_proposal(proposal: Proposal) -> bool:
    """Whether the actor, who decides on proposals, may approve this one: not their own, nor that of their own
    key, unless the tenant allows it."""
    actor = actors.current()
    if actor is actors.SYSTEM or tenancy.require().allows_own_approval:
        return True
    keys = ApiKey.objects.filter(tenant=tenancy.require(), pk=proposal.proposed_by)
    owner = keys.values_list("user", flat=True).first()
    return actor.id not in (proposal.proposed_by, owner)


def refuse(id: Any, reason: Any, *, version: Any = None) -> Proposal:
    """Refuse a proposal. Raises Invalid without a reason, Conflict if it is already decided, Stale if its
    outcome is newer than the one that was looked at."""
    proposal = _find_to_decide(id)
    if not (text := _checked_text(REASON, reason)):
        raise Invalid.for_fields(
            {"reason": _("Say why: whoever proposed it reads this.")}, type="Proposal"
        )
    with transaction.atomic():
        locked = _lock_open(proposal.pk, version)
        locked.status, locked.reason = Proposal.REFUSED, text
        _save_decision(locked)
    return locked


class _DifferentOutcome(Exception):
    """Raised if the script did something else than what was seen."""

    def __init__(self, run: ScriptRun, found: list[Event], different: list[dict[str, Any]]) -> None:
        super().__init__()
        self.run, self.found, self.different = run, found, different


def _find_to_decide(id: Any) -> Proposal:
    actor = actors.current()
    if actors.may_see_proposals(actor) and actor.is_key:
        raise Forbidden(
            "A key does not decide on proposals: a person does, in the browser.",
            type="Proposal",
            id=str(id)[:64],
        )
    if not actors.may_approve(actor):
        raise Forbidden(
            f"As {actor.role} you may not decide on proposals.",
            type="Proposal",
            id=str(id)[:64],
        )
    return find_proposal(id)


def _lock_open(id: str, version: Any) -> Proposal:
    """Returns the proposal, locked. Raises Conflict if it is decided, Stale for another version."""
    locked = Proposal.objects.select_for_update(no_key=True).get(pk=id)
    if not locked.is_open:
        raise Conflict(
            _("This proposal is approved already.")
            if locked.status == Proposal.APPROVED
            else _("This proposal is refused already."),
            type="Proposal",
            id=id,
            status=locked.status,
        )
    wanted = (version,) if isinstance(version, int) else version
    if wanted is not None and locked.version not in wanted:
        raise Stale(
            _("What this proposal would do has changed since you looked. Look at it again."),
            type="Proposal",
            id=id,
            version=locked.version,
        )
    return locked


def _save_decision(locked: Proposal) -> None:
    """Save a proposal with the current actor and moment as its decision."""
    locked.decided_by, locked.decided_at = actors.current().id, clock.now()
    locked.save()


def _keep_new_outcome(
    proposal: Proposal, version: Any, changed: _DifferentOutcome
) -> ProposalChanged:
    """Save the outcome of the last run for another look, and return the error that says so."""
    kept = _keep_change(
        proposal,
        version,
        status=Proposal.PENDING if changed.found else Proposal.STALE,
        problem=None,
        differences=changed.different,
        **_outcome_columns(changed.run, changed.found),
    )
    return ProposalChanged(
        "The world has changed since: this would now do something else, so nothing was done. "
        "Look at what it would do now.",
        code="world_changed",
        differences=changed.different,
        **kept,
    )


def _keep_failure(proposal: Proposal, version: Any, problem: ScriptFailed) -> ProposalChanged:
    """Save that the script no longer works, and why, and return the error that says so."""
    body = problem.body()
    kept = _keep_change(
        proposal,
        version,
        status=Proposal.STALE,
        problem=body,
        differences=None,
        tried_at=clock.now(),
    )
    return ProposalChanged(
        f"The world has changed since: this no longer works, so nothing was done. {problem.message}",
        code="works_no_longer",
        problem=body,
        **kept,
    )


def _keep_change(proposal: Proposal, version: Any, **values: Any) -> dict[str, Any]:
    """Save changes of an open proposal; returns the details of the error about them."""
    with transaction.atomic():
        locked = _lock_open(proposal.pk, version)
        for name, value in (values | {"version": locked.version + 1}).items():
            setattr(locked, name, value)
        locked.save()
    return {"type": "Proposal", "id": proposal.pk, "version": locked.version}
