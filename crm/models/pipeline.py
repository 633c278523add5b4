"""The pipeline: the stages that deals pass through, and how long they may rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from headlessly.declaration import paths
from headlessly.declaration.fields import Flag, Integer, Json, Slug, String, Text
from headlessly.declaration.staleness import USUAL
from headlessly.declaration.verbs import Example
from headlessly.errors import Invalid
from headlessly.nouns import Noun, verb

#: The most stages of a pipeline, and the most days that a deal may rest.
MOST_STAGES, MOST_DAYS = 50, 3_650
#: The keys that a stage may have, and the longest name of a stage.
KEYS = ("name", "kind", "probability", "rotting", "order", "key")
LONGEST = 32


class Pipeline(Noun):
    """The stages that deals pass through, with the chance of winning at each."""

    former_path: paths.Path | None = None  #: its stages before the verb that is running

    name = String(required=True)
    slug = Slug(unique=True)
    description = Text()
    is_default = Flag("the tenant's pipeline; there is one", verbose_name="default")
    stages = Json(
        "in order: name, kind (open, won, lost, closed), probability (0 to 100), rotting (days without "
        "activity before a deal in it is stale), order; another name in the same place renames a "
        "stage, as does its first name as the key of one. Without any the usual ones; what ends a "
        "deal is added where it is missing",
        form_help="in order. The probability is from 0 to 100; a deal without activity for so many days is "
        "stale. Another name in the same place renames a stage. Without any there are the usual ones, and "
        "what ends a deal is added where it is missing",
        keys=KEYS,
        kinds={
            "kind": paths.KINDS,
            "probability": "number",
            "rotting": "number",
            "order": "order",
            "key": "hidden",
        },
    )
    deal_rotting = Integer(
        "days without activity before a deal is stale, in a stage that says nothing else; of the default one "
        "also before a lead is",
        minimum=1,
        maximum=MOST_DAYS,
        unit="d",
        verbose_name="stale after",
    )

    class Surface:
        icon = "view_kanban"
        area = "setup"
        setting = "Which stages deals pass through"
        rank = 61
        columns = ("name", "is_default", "deal_rotting")
        facets = ("is_default",)
        groups = (("Pipeline", ("name", "slug", "description", "is_default", "stages",
                                "deal_rotting")),)  # fmt: skip

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="pipeline_by_created"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(is_default=True, deleted_at=None),
                name="one_default_pipeline",
            )
        ]

    def before_write(self) -> None:
        """Store the stages with their keys.

        A new name in the place of a stage that is gone renames that stage, so that its deals stay in it.
        """
        self.stages = self.stages and [{**s, "name": s["name"].strip()} for s in self.stages]
        if self.former_path is not None and self.stages:
            self.stages = renamed_stages(self.stages, self.former_path)

    def as_path(self) -> paths.Path:
        """Returns the path that deals of this pipeline take."""
        states = [stage_as_state(stage) for stage in in_order(self.stages or ())]
        whole = paths.complete_states(states, usual_path()) if states else usual_path().states
        return paths.Path(
            whole, self.pk, self.name, self.version, self.is_default, self.deal_rotting
        )

    @verb(event="StageRemoved")
    def remove_stage(
        self, *, stage: Annotated[str, Example("Proposal")], move_to: str | None = None
    ) -> None:
        """Take a stage away. Deals that stand in it go to ``moveTo`` first."""
        path = self.as_path()
        key, to = path.find(stage), path.find(move_to or "")
        problems = {}
        if key is None:
            problems["stage"] = _("Use one of %s.") % ", ".join(s.name for s in path.states)
        kind = path.by_key[key].kind if key else None
        left = [s for s in path.states if s.key != key and s.kind == kind]
        if move_to is not None and to not in [state.key for state in left]:
            problems["moveTo"] = _("Use one of %s.") % ", ".join(state.name for state in left)
        if problems:
            raise Invalid.for_fields(problems, type="Pipeline")
        kept = self.stages or [{"name": state.name} for state in path.states]
        self.stages = [stage for stage in kept if stage_as_state(stage).key != key]
        if wrong := wrong_stages(self.stages):
            raise Invalid.for_fields({"stage": wrong}, type="Pipeline")

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Check the stages, and that there is only one default pipeline."""
        if values.get("stages") is not None and (wrong := wrong_stages(values["stages"])):
            problems["stages"] = wrong
        if values.get("is_default"):
            others = Pipeline.objects.filter(is_default=True).exclude(pk=self.pk)
            if other := others.first():
                problems["is_default"] = _("%s is the default pipeline already.") % other.name


def usual_rest() -> timedelta:
    """Returns how long a record may rest by the default pipeline, else two weeks.

    It applies to leads, and to deals if neither their stage nor their pipeline says otherwise.
    """
    from crm.models.deal import Deal

    path = Deal.schema.require_machine().default_path
    said = path.rotting if path.is_default else None
    return timedelta(days=USUAL if said is None else said)


def usual_path() -> paths.Path:
    """Returns the stages of a pipeline that gives none."""
    from crm.models.deal import Deal

    field: Any = Deal._meta.get_field("stage")
    return field.usual_path


def in_order(stages: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(stages, key=lambda stage: stage.get("order") or 0)


def stage_as_state(stage: Mapping[str, Any]) -> paths.State:
    """Returns the state that a stage describes. A stage needs only a name."""
    key = stage.get("key") or stage["name"]
    usual = usual_path().by_key.get(key)
    kind = stage.get("kind") or (usual.kind if usual else paths.OPEN)
    return paths.State(key, stage["name"], kind, stage.get("probability"), stage.get("rotting"))


def renamed_stages(stages: list[dict[str, Any]], before: paths.Path) -> list[dict[str, Any]]:
    """Returns the stages with the keys of the stages that they rename.

    A new name in the place of a stage that is gone, among those of its kind, renames it. Where one that stays
    stands elsewhere than before, or another is gone without a new name in its place, nobody can tell which is
    which: none of that kind is renamed then, and a stage with deals is not removed. A ``key`` always tells.
    """
    known = {stage.get("key") or before.find(stage["name"]) for stage in stages}
    keys: dict[str, str] = {}  # by new name
    for kind in {state.kind for state in before.states}:
        then = [state.key for state in before.states if state.kind == kind]
        now = [s for s in in_order(stages) if stage_as_state(s).kind == kind]
        found = [stage.get("key") or before.find(stage["name"]) for stage in now]
        gone = [place for place, key in enumerate(then) if key not in known]
        moved = any(key in then[:p] + then[p + 1 :] for p, key in enumerate(found))
        if not moved and all(place < len(now) and found[place] is None for place in gone):
            keys |= {now[place]["name"]: then[place] for place in gone}
    return [{**s, "key": keys[s["name"]]} if s["name"] in keys else s for s in stages]


def wrong_stages(stages: Any) -> str | None:
    """Returns what is wrong with a list of stages, or None."""
    if not isinstance(stages, list) or len(stages) > MOST_STAGES:
        return _("Send a list of at most %d stages.") % MOST_STAGES
    names, keys = set[str](), dict[str, str]()
    for number, stage in enumerate(stages, 1):
        if not isinstance(stage, dict) or set(stage) - set(KEYS):
            return _("Stage %d: send name, kind, probability, rotting and order.") % number
        name, chance, order = (
            stage.get("name"),
            stage.get("probability"),
            stage.get("order", number),
        )
        if not isinstance(name, str) or not name.strip() or name.strip() in names:
            return _("Stage %d: give it a name of its own.") % number
        if len(name) > LONGEST or "," in name:
            return _("Stage %(stage)d: its name has at most %(most)d characters and no comma.") % {
                "stage": number, "most": LONGEST
            }  # fmt: skip
        key = stage.get("key", name.strip())
        if (
            not isinstance(key, str) or not key.strip() or key != key.strip()
            or "," in key or len(key) > LONGEST
        ):  # fmt: skip
            return _("Stage %d: its key is what it was first called.") % number
        if key in keys:
            said = _(
                "Stage %(stage)d: %(key)s is what %(other)s was first called, and is found by still. Give it "
                "another name."
            )
            return said % {"stage": number, "key": key, "other": keys[key]}
        if stage.get("kind") not in (None, *paths.KINDS):
            return _("Stage %(stage)d: kind is one of %(kinds)s.") % {
                "stage": number, "kinds": ", ".join(paths.KINDS)
            }  # fmt: skip
        usual = usual_path().by_key.get(key)
        if usual and usual.kind != paths.OPEN and stage_as_state(stage).kind != usual.kind:
            return _("Stage %(stage)d: %(name)s is of the kind %(kind)s.") % {
                "stage": number, "name": key, "kind": usual.kind
            }  # fmt: skip
        rest = stage.get("rotting")
        if rest is not None and (
            isinstance(rest, bool) or not isinstance(rest, int) or not 1 <= rest <= MOST_DAYS
        ):
            return _("Stage %(stage)d: rotting is a whole number of days, at most %(most)d.") % {
                "stage": number, "most": MOST_DAYS
            }  # fmt: skip
        if chance is not None and (
            isinstance(chance, bool)
            or not isinstance(chance, int | float)
            or not 0 <= chance <= 100
        ):
            return _("Stage %d: probability is a number from 0 to 100.") % number
        if isinstance(order, bool) or not isinstance(order, int):
            return _("Stage %d: order is a whole number.") % number
        names.add(name.strip())
        keys[key] = name.strip()
    if stages and not any(stage_as_state(stage).kind == paths.OPEN for stage in stages):
        return _("Give at least one stage in which deals are open.")
    return None
