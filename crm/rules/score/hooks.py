"""Keeps scores up to date: a lead's score follows what happens, and a score set by hand stays.

The score is counted after each verb that it depends on, and written by the verb ``rescore``, as the rule.
What time alone changes is in :mod:`crm.rules.score.recount`.
"""

from __future__ import annotations

from typing import Any

from crm.models import Lead, Rule, RuleAttempt
from crm.rules import attempts
from crm.rules.active import active_rules
from crm.rules.score import recount
from crm.rules.score.counting import Count, count_scores, keep_due, score_models
from headlessly.access.actors import ADMIN, Actor
from headlessly.context.running import current_moment
from headlessly.declaration.hooks import after_every_verb, only_creates
from headlessly.declaration.record import Record
from headlessly.declaration.schema import Schema
from headlessly.declaration.shapes import Shape, composes_schemas
from headlessly.errors import NotFound
from headlessly.execution.executor import Context, Execution
from headlessly.nouns import Noun, registry

#: The attribute with which a lead carries its count to the verb that writes it.
COUNTED = "_counted"


@composes_schemas
def offer_rescoring(schema: Schema, shape: Shape) -> None:
    """Offer to count the score on the pages of leads, if there are score rules."""
    if schema.name == "Lead" and active_rules(Rule.Kind.SCORE):
        schema.not_offered -= {"rescore", "scored_by"}


# -- by hand ------------------------------------------------------------------------------------------


@only_creates  # it queries no rows
def mark_what_is_set_by_hand(lead: Lead, ctx: Context) -> None:
    """Whoever gives a number while rules count has it kept; whoever empties it lets the rules count again."""
    if "score" not in ctx.input:
        return
    given = ctx.input["score"]
    if not lead._state.adding and lead.score == given:
        return
    models, _needs = score_models()
    is_by_hand = models and given is not None and not _comes_counted(ctx)
    lead.scored_by = Lead.BY_HAND if is_by_hand else None
    lead.scored_with, lead.scored_at = None, None


def _comes_counted(ctx: Context) -> bool:
    """Whether the score comes from a lead that is merged into this one, where rules had counted it."""
    merged = ctx.cause_record
    return (
        ctx.cause is Lead.verbs["merge"]
        and isinstance(merged, Lead)
        and merged.scored_by != Lead.BY_HAND
    )


for _verb in Lead.verbs.values():
    if "score" in _verb.inputs:
        _verb.before(mark_what_is_set_by_hand)


@Lead.rescoring
def take_the_number(lead: Lead, ctx: Context) -> None:
    """The number that the rules count, of this moment; where none is for the lead it keeps its own."""
    found: Count | None = lead.__dict__.pop(COUNTED, None) or _count(lead)
    if found is None or found.model is None:
        lead.scored_by, lead.scored_with, lead.scored_at = None, None, None
        return
    found.give_to(lead)
    found.scored_by = lead.scored_by  # no longer set by hand: time counts again
    if found.next_due != found.due_at:
        keep_due(lead.pk, found.next_due)


# -- after what happens -------------------------------------------------------------------------------


@after_every_verb(Lead)
@only_creates  # for an import it only notes what must be counted
def score_lead(lead: Lead, ctx: Context) -> None:
    """Count a lead that is new, or changed in something that its score depends on."""
    models, needs = score_models()
    if not models or ctx.verb == "rescore" or lead.deleted_at is not None:
        return
    if lead.is_new or needs.fields & _previous(ctx).keys() or ctx.verb == "restore":
        rescore(lead, ctx)


@after_every_verb(*(registry[each.noun] for each in Lead.schema.relations.values()))
@only_creates
def score_what_it_is_about(record: Noun, ctx: Context) -> None:
    """Count the leads that a record is about, and those that it was about before."""
    models, needs = score_models()
    if not models or not (columns := needs.relations.get(type(record).__name__)):
        return
    for name in sorted(columns):
        declared = record.schema.by_name[name]
        before = _previous(ctx).get(declared.wire)
        for id in dict.fromkeys((before, getattr(record, declared.column))):
            if isinstance(id, str):
                _score_by_id(id, ctx)


def _score_by_id(id: str, ctx: Context) -> None:
    if ctx.is_import:
        keep_due(id, current_moment())
        return
    try:
        lead = ctx.lock(Lead, id)  # first: nothing of the lead changes while it is counted
    except NotFound:
        return
    rescore(lead, ctx)


@after_every_verb(*(each.target_noun for each in Lead.schema.references.values()))
@only_creates
def score_what_refers_to_it(record: Record, ctx: Context) -> None:
    """Have leads counted in the background if their scores depend on the record that they refer to."""
    models, needs = score_models()
    if not models or not (columns := needs.references.get(type(record).__name__)):
        return
    changed = _previous(ctx).keys()
    for column, fields in columns.items():
        wires = {_wire(record, name) for name in fields}
        if wires & changed or record.deleted_at is not None:
            recount.recount_referring.defer(
                column=column,
                id=record.pk,
                cause=ctx.event.id if ctx.event else None,
                once=f"score.follow:{column}:{record.pk}",
            )


def _previous(ctx: Context) -> dict[str, Any]:
    """Returns the former values of what the verb changed."""
    return (ctx.event.previous or {}) if ctx.event else {}


def _wire(record: Record, name: str) -> str:
    found = record.schema.field(name)
    return name if found is None else found.wire


def rescore(lead: Lead, ctx: Context) -> None:
    """Count a locked lead, and write a new score. A rule's error must not cost anybody their work."""
    if ctx.is_import:
        keep_due(lead.pk, current_moment())
        return
    ctx.flush()
    try:
        with ctx.attempt():
            found = _count(lead)
            if found is None:
                return
            if not found.is_news:
                if found.next_due != found.due_at:
                    keep_due(lead.pk, found.next_due)
                return
            assert found.model is not None
            lead.__dict__[COUNTED] = found
            with ctx.acted_by(Actor(found.model.rule, found.model.name, ADMIN)):
                ctx.Lead.rescore(lead)
    except Exception as problem:
        for model in recount.failing_models(lead.pk, score_models()[0]):
            attempts.note_failure(model, lead.pk, Lead.__name__, problem)
    finally:
        lead.__dict__.pop(COUNTED, None)


@attempts.tries_again(Rule.Kind.SCORE)
def count_again(execution: Execution, rule: Rule, row: RuleAttempt) -> bool:
    """Count a lead by the rules as they are now."""
    recount.recount([row.record], execution.cause)
    return True


def _count(lead: Lead) -> Count | None:
    models, _needs = score_models()
    return next(count_scores([lead.pk], models, current_moment()), None)


@after_every_verb(Rule)
def count_anew_after_a_change(rule: Rule, ctx: Context) -> None:
    """Have all leads counted in the background after a change of a score rule."""
    if Rule.Kind.SCORE not in (rule.kind, _previous(ctx).get("kind")):
        return
    if ctx.verb == "create" and not rule.is_active:
        return
    recount.begin(ctx.event.id if ctx.event else "")
