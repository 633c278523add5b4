"""The gate: what has to be filled before a record enters a state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from headlessly.declaration import labels
from headlessly.declaration.fields import Json, Reference, String
from headlessly.declaration.gates import Gate as DeclaredGate
from headlessly.declaration.schema import FieldsByName
from headlessly.errors import did_you_mean
from headlessly.language import wording
from headlessly.nouns import Noun, registry

#: The most fields that a gate may ask for.
MOST = 20


class FieldsWithGates:
    """The fields that gates may ask for, over all nouns with states."""

    def __iter__(self) -> Iterator[str]:
        nouns = (noun for noun in registry.values() if noun.schema.machine)
        names = (field.wire for noun in nouns for field in gate_fields(noun).values())
        return iter(dict.fromkeys(names))

    def offers(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Returns the fields with their labels, grouped by noun."""
        return [
            (labels.noun_title(noun), [(f.wire, labels.field_label(f)) for f in fields.values()])
            for noun in gated_nouns()
            if (fields := gate_fields(noun))
        ]


class Gate(Noun):
    """Fields that must be filled before a lead, a deal or another record enters a state."""

    reason = String("why, for whoever is asked for it")
    type = String(
        "of which noun: Lead, Deal, ...",
        required=True,
        suggests=("Lead", "Deal"),
        offers=lambda: [(each.__name__, labels.noun_title(each)) for each in gated_nouns()],
    )
    state = String(
        "the status or the stage that is entered",
        required=True,
        example="Qualified",
        verbose_name="state entered",
        offers=lambda: states_by_noun(),
    )
    pipeline = Reference("crm.Pipeline", "gates", "of deals: only in this one")
    requires = Json(
        "the fields that have to be filled",
        required=True,
        keys=("field",),
        kinds={"field": FieldsWithGates()},
        example=[{"field": "source"}],
    )

    class Surface:
        icon = "rule"
        area = "setup"
        setting = "What has to be filled before a step"
        rank = 62
        columns = ("state", "type", "pipeline", "requires")
        facets = ("type", "pipeline")
        search = ("state",)
        alike = ()
        groups = (("Gate", ("type", "state", "pipeline", "requires", "reason")),)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="gate_by_created"),
        ]

    def __str__(self) -> str:
        return f"{self.type}: {self.state}"

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Check that the noun has this state and these fields."""
        noun = registry.get(str(values.get("type", self.type)))
        machine = noun.schema.machine if noun else None
        if noun is None or machine is None:
            known = [name for name, each in registry.items() if each.schema.machine]
            problems["type"] = _("Use one of %s.") % ", ".join(known)
            return
        names = noun.schema.by_name[machine.name].choices
        state = str(values.get("state", self.state))
        stated = self._state.adding or {"type", "state"} & values.keys()
        if stated and state not in names and state not in machine.states:
            problems["state"] = _("Use one of %s.") % ", ".join(names) + did_you_mean(state, names)
        if values.get("pipeline", self.pipeline_id) and not machine.paths:
            problems["pipeline"] = wording.fill(_("A %s has no pipeline."), noun.__name__)
        fields = gate_fields(noun)
        # Nobody can fill an archived field: the gate keeps it, and asks for it again once it is restored.
        there = [each for each in self.requires or () if each["field"] in fields]
        if wrong := wrong_fields(values.get("requires", there), fields):
            problems["requires"] = wrong

    def before_write(self) -> None:
        """Store the state under its key, as states may be renamed, and fields under their present names."""
        noun = registry.get(self.type)
        if noun is not None and noun.schema.machine is not None:
            keys = {name: key for key, name in noun.schema.machine.names.items()}
            self.state = keys.get(self.state, self.state)
            fields = gate_fields(noun)
            names = (each["field"] for each in self.requires)
            called = dict.fromkeys(fields[n].wire if n in fields else n for n in names)
            self.requires = [{"field": name} for name in called]

    def as_declared(self) -> DeclaredGate:
        """Returns the gate in the form that the executor reads, with the keys of states and the names of
        fields."""
        return DeclaredGate(
            self.state, tuple(each["field"] for each in self.requires), self.pipeline_id
        )


def gated_nouns() -> list[type[Noun]]:
    """Returns the nouns that have states."""
    return [noun for noun in registry.values() if noun.schema.machine]


def states_by_noun() -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns the states of these nouns with their names, grouped by noun, and those of deals by pipeline."""
    found = []
    for noun in gated_nouns():
        field, machine = noun.schema.by_name[noun.status_field()], noun.schema.require_machine()
        title = labels.noun_title(noun)
        named = [(f"{title}: {p.name}", tuple(p.by_key)) for p in machine.paths if p.name]
        for name, states in named or [(title, machine.states)]:
            said = [(key, labels.choice_label(field, field.to_json(key))) for key in states]
            found.append((name, said))
    return found


def gate_fields(noun: type[Noun]) -> dict[str, Any]:
    """Returns the fields of a noun that a gate may ask for, by wire name."""
    return FieldsByName.of(
        field
        for field in noun.schema.inputs()
        if not field.moves and field.type != "bool" and field.name != "name"
    )


def wrong_fields(asked: Any, fields: Mapping[str, Any]) -> str | None:
    """Returns what is wrong with the fields of a gate, or None."""
    if not isinstance(asked, list) or not asked or len(asked) > MOST:
        return _("Send a list of 1 to %d fields.") % MOST
    for each in asked:
        if not isinstance(each, dict) or set(each) != {"field"}:
            return _('Send each as {"field": "budget"}.')
        name = str(each["field"])
        if name not in fields:
            return _("There is no %(field)s to be filled. Fields: %(fields)s.") % {
                "field": name[:64], "fields": ", ".join(fields)
            } + did_you_mean(name, fields)  # fmt: skip
    return None
