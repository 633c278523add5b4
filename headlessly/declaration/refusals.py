"""The words in which a record says no, and what a caller can do instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext as _

from headlessly.declaration import labels
from headlessly.declaration.next_steps import next_steps
from headlessly.errors import Conflict
from headlessly.language import wording

if TYPE_CHECKING:
    from django.db import models

    from headlessly.declaration.verbs import Verb


def unique_name(noun: type[models.Model], field: str) -> str:
    """The name of the index that keeps a field unique."""
    return f"{noun._meta.model_name}_{field}_unique"


class Refusing:
    """The part of a noun that makes its conflicts."""

    #: References that say more of where a record stands: what became of it.
    tells: ClassVar[tuple[str, ...]] = ()

    def refuse_if_referred_to(self) -> None:
        """Raise Conflict naming the nouns that refer to this record and how many do."""
        found: dict[str, int] = {}
        for noun, field in self.schema.referrers:
            if count := noun.objects.filter(**{field: self.pk}).exclude(pk=self.pk).count():
                found[noun.__name__] = found.get(noun.__name__, 0) + count
        for model, field in self.schema.platform_referrers:
            if count := model.objects.filter(**{field: self.pk}).count():
                found[model.__name__] = count
        if found:
            who = ", ".join(f"{count} {name}" for name, count in found.items())
            raise Conflict(
                _("This %(noun)s is referred to: %(who)s.")
                % {"noun": labels.named(type(self)), "who": who},
                type=type(self).__name__,
                id=self.pk,
                referredBy=found,
            )

    def refuse_if_it_cannot_return(self) -> None:
        """Raise Conflict for a record that is not deleted, lives on in another, or refers to what is gone."""
        this, named = type(self).__name__, labels.named(type(self))
        if self.deleted_at is None:
            raise Conflict(_("This %s is not deleted.") % named, type=this, id=self.pk)
        if self.successor:
            raise Conflict(
                _("This %(noun)s was merged into %(other)s, which has what belonged to it.")
                % {"noun": named, "other": self.successor},
                type=this,
                id=self.pk,
                mergedInto=self.successor,
            )
        gone = []
        for field in self.schema.references.values():
            id = getattr(self, field.column)
            if id and not self.registry[field.to].objects.filter(pk=id).exists():
                said = _("The %(noun)s %(id)s is deleted.") % {
                    "noun": labels.named(self.registry[field.to]),
                    "id": id,
                }
                gone.append({"field": field.wire, "message": said})
        if gone:
            said = " ".join(problem["message"] for problem in gone)
            raise Conflict(
                _("%(gone)s Restore what this %(noun)s refers to first.")
                % {"gone": said, "noun": named},
                type=this,
                id=self.pk,
                details=gone,
            )

    def standing(self) -> dict[str, Any]:
        """Where the record stands, for the body of a conflict."""
        machine = self.schema.machine
        if machine is None:
            return {}
        state = getattr(self, machine.name)
        return {
            "status": state,
            machine.name: state,
            "allowed": machine.allowed(state),
            "allowedVerbs": machine.allowed_verbs(state),
            **{wire: id for wire, column in self.told().items() if (id := getattr(self, column))},
        }

    @classmethod
    def told(cls) -> dict[str, str]:
        """The references that a conflict names beside the state, by their wire names: their columns."""
        return {cls.schema.by_name[n].wire: cls.schema.by_name[n].column for n in cls.tells}

    def cannot(self, verb: Verb) -> Conflict:
        """The refusal of a verb that the machine does not allow from here."""
        machine = self.schema.machine
        state = getattr(self, machine.name)
        said = {"noun": labels.named(type(self)), "state": wording.stated(state)}
        if set(verb.steps.values()) == {state}:
            message = _("This %(noun)s is already %(state)s.") % said
        else:
            said |= {"verb": labels.doing(verb, type(self)), "ways": self._ways_on()}
            message = _("A %(noun)s that is %(state)s cannot %(verb)s. %(ways)s") % said
        return Conflict(message, type=type(self).__name__, id=self.pk, **self.standing())

    def no_way_to(self, target: str) -> Conflict:
        machine = self.schema.machine
        state = getattr(self, machine.name)
        via = next((s.via for s in machine.steps_from(state) if s.target == target), None)
        why = (
            _("Use the verb %s for that.") % labels.doing(via, type(self))
            if via
            else _("A %(noun)s does not go from %(state)s to %(target)s. %(ways)s")
            % {
                "noun": labels.named(type(self)),
                "state": wording.stated(state),
                "target": wording.stated(target),
                "ways": self._ways_on(),
            }
        )
        return Conflict(
            why,
            type=type(self).__name__,
            id=self.pk,
            field=self.schema.by_name[machine.name].wire,
            **self.standing(),
        )

    def _ways_on(self) -> str:
        """What the machine allows from here, in words."""
        machine = self.schema.machine
        ways = [
            wording.stated(step.target)
            if step.is_plain
            else _("%(state)s (by %(verb)s)")
            % {"state": wording.stated(step.target), "verb": labels.doing(step.verb, type(self))}
            for step in next_steps(type(self), getattr(self, machine.name))
            if step.target not in (None, step.source)
        ]
        if not ways:
            return _("This is final.")
        return _("From here it can become %s.") % ", ".join(ways)

    def duplicate(self, constraint: str) -> Conflict:
        """The conflict behind a violated unique constraint, with the id of the one who was first."""
        for name in self.unique_fields:
            if constraint == unique_name(type(self), name):
                field = self.schema.by_name[name]
                value = getattr(self, field.column)
                first = type(self).by_unique(field, value)
                return Conflict(
                    _("There is already a %(noun)s with %(field)s %(value)s.")
                    % {
                        "noun": labels.named(type(self)),
                        "field": labels.fielded(field),
                        "value": value,
                    },
                    type=type(self).__name__,
                    field=field.wire,
                    # Not to somebody from whom that record is hidden.
                    **({"existingId": first} if first else {}),
                )
        said = _("There is already such a %s.") % labels.named(type(self))
        return Conflict(said, type=type(self).__name__)
