"""Applies changes of pipelines: deals stand in their stages, and are moved if a stage goes."""

from __future__ import annotations

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.gates import gates_by_noun
from crm.models import Deal, Pipeline
from headlessly.access import actors, tenancy
from headlessly.declaration import paths
from headlessly.declaration.hooks import after_every_verb
from headlessly.declaration.schema import Schema
from headlessly.declaration.shapes import Shape, cached_by_shape, composes_schemas
from headlessly.errors import Conflict
from headlessly.execution import executor
from headlessly.execution.executor import Context

#: The most deals that one request moves out of a removed stage; more must be moved in bulk first.
MOST_MOVED = 500


def remember_path(pipeline: Pipeline, ctx: Context) -> None:
    """What the stages were before the verb, as they were when it locked them."""
    pipeline.former_path = None if pipeline._state.adding else pipeline.as_path()


@after_every_verb(Pipeline)
def give_stages(pipeline: Pipeline, ctx: Context) -> None:
    """Apply a change of stages. A stage that deals stand in can only be removed if the deals move
    elsewhere."""
    if pipeline.deleted_at is None:
        Pipeline.lock_by_id(pipeline.pk, deleting=True)
    tenancy.renew_shape()
    known = pipeline.former_path
    if known is None or pipeline.deleted_at is not None:
        return
    _name_alike(pipeline, ctx)
    now = next(path for path in Deal.schema.require_machine().paths if path.id == pipeline.pk)
    if gone := [state for state in known.states if state.key not in now.by_key]:
        _refuse_if_used(pipeline, gone)


@cached_by_shape
def read_paths() -> tuple[paths.Path, ...]:
    """Returns the stages of all pipelines, the default pipeline first.

    They are read as the system, so they are the same for everybody.
    """
    with actors.acting(actors.SYSTEM):
        found = Pipeline.objects.order_by("-is_default", "created_at", "pk")
        return tuple(pipeline.as_path() for pipeline in found)


@composes_schemas
def set_stages(schema: Schema, shape: Shape) -> None:
    """Set the states of deals from the tenant's pipelines, and the gates of every noun with states."""
    if not any(field.moves for field in schema.fields.values()):
        return
    stages = read_paths() if schema.name == "Deal" else ()
    if stages or schema.name in gates_by_noun():
        schema.set_states(stages, gates_by_noun().get(schema.name, ()))


def _deals_in(pipeline: Pipeline, stages: list[str]) -> QuerySet[Deal]:
    return Deal.objects.filter(pipeline=pipeline.pk, stage__in=stages)


def _refuse_if_used(pipeline: Pipeline, gone: list[paths.State]) -> None:
    counted = _deals_in(pipeline, [state.key for state in gone]).values_list("stage")
    counts: dict[str, int] = dict(counted.annotate(number=Count("pk")).order_by())
    for state in gone:
        if count := counts.get(state.key):
            raise Conflict(
                ngettext(
                    "%(count)d deal stands in %(stage)s. Remove it with moveTo, where it shall go.",
                    "%(count)d deals stand in %(stage)s. Remove it with moveTo, where they shall go.",
                    count,
                )
                % {"count": count, "stage": state.name},
                type="Pipeline",
                id=pipeline.pk,
                field="stages",
                stage=state.name,
                count=count,
                moveTo=[each.name for each in pipeline.as_path().states if each.kind == state.kind],
            )


@Pipeline.removing_stage
def move_deals(pipeline: Pipeline, ctx: Context) -> None:
    """Deals leave the stage first, each by a verb with an event of its own."""
    path = pipeline.as_path()
    gone, to = path.find(ctx.input["stage"]), path.find(ctx.input.get("move_to") or "")
    if gone is None or to is None or path.by_key[gone].kind != path.by_key[to].kind:
        return  # the verb itself refuses it
    Pipeline.lock_by_id(pipeline.pk, deleting=True)
    ids = list(
        _deals_in(pipeline, [gone]).order_by("pk").values_list("pk", flat=True)[: MOST_MOVED + 1]
    )
    if len(ids) > MOST_MOVED:
        raise Conflict(
            _("More than %d deals stand there. Move them in the list first.") % MOST_MOVED,
            type="Pipeline",
            id=pipeline.pk,
            field="stages",
        )
    way = Deal.verbs["move"] if to in Deal.OPEN else Deal.corrections["restage"]
    for id in ids:
        executor.run(way, id, {"stage": to})


def _name_alike(pipeline: Pipeline, ctx: Context) -> None:
    """Give a stage that several pipelines share the same name in all of them."""
    names = {state.key: state.name for state in pipeline.as_path().states}
    for other in Pipeline.objects.exclude(pk=pipeline.pk).order_by("pk"):
        stages = [dict(stage) for stage in other.stages or ()]
        for stage in stages:
            key = stage.get("key") or stage["name"]
            if names.get(key, stage["name"]) != stage["name"]:
                stage |= {"name": names[key], "key": key}
        if stages != (other.stages or []):
            ctx.Pipeline.update(other.pk, stages=stages)


for _verb in (*Pipeline.verbs.values(), *Pipeline.corrections.values()):
    _verb.before(remember_path)
