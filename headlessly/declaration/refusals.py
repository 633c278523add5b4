"""The conflicts that a record raises, with sentences that say what is possible instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from headlessly.declaration import labels
from headlessly.declaration.custom_values import has_value
from headlessly.declaration.merging import MergeMixin
from headlessly.declaration.next_steps import next_steps
from headlessly.errors import Conflict, MethodNotAllowed
from headlessly.language import wording

if TYPE_CHECKING:
    from headlessly.declaration.schema import Field
    from headlessly.declaration.verbs import Verb


def unique_index_name(noun: type[models.Model], field: str) -> str:
    """The name of the index that keeps a field unique."""
    return f"{noun._meta.model_name}_{field}_unique"


#: The constraint that keeps ids of other systems apart (:mod:`headlessly.log.external_ids`).
EXTERNAL_IDS_UNIQUE = "headlessly_externalid_pkey"
#: The constraint that keeps values of unique own fields and of further values apart
#: (:mod:`headlessly.log.unique_values`).
UNIQUE_VALUES = "headlessly_uniquevalue_pkey"


class RefusalMixin(MergeMixin):
    """The part of a noun that makes its Conflict errors."""

    #: References that a conflict names beside the state, such as the deal that a lead became.
    conflict_references: ClassVar[tuple[str, ...]] = ()

    class Meta:
        abstract = True

    def refuse_if_referred_to(self) -> None:
        """Raise Conflict, with the nouns that refer to this record and how many of their records do."""
        if self.is_unreferred:
            return
        found: dict[str, int] = {}
        for noun, field in self.schema.all_referrers:
            if field.cascades:
                continue
            refers = has_value(field.column, self.pk)
            if count := noun.objects.filter(refers).exclude(pk=self.pk).count():
                found[noun.__name__] = found.get(noun.__name__, 0) + count
        for model, name in self.schema.platform_referrers:
            own: dict[str, Any] = {"tenant": self.tenant_id, name: self.pk}
            if count := model._default_manager.filter(**own).count():
                found[model.__name__] = count
        if found:
            who = ", ".join(f"{count} {name}" for name, count in found.items())
            raise Conflict(
                _("This %(noun)s is referred to: %(who)s.")
                % {"noun": labels.noun_in_error(type(self)), "who": who},
                type=type(self).__name__,
                id=self.pk,
                referredBy=found,
            )

    def refuse_if_it_cannot_return(self) -> None:
        """Raise Conflict if the record is not deleted, was merged, or refers to a deleted record."""
        this, named = type(self).__name__, labels.noun_in_error(type(self))
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
            if id and not field.target_noun.objects.filter(pk=id).exists():
                said = _("The %(noun)s %(id)s is deleted.") % {
                    "noun": labels.noun_in_error(field.target_noun),
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

    def status_for_conflict(self) -> dict[str, Any]:
        """Returns the state and the possible steps, for the body of a conflict."""
        machine = self.machine
        if machine is None:
            return {}
        state, named = getattr(self, machine.name), self.schema.by_name[machine.name].spoken
        return {
            "status": named.get(state, state),
            machine.name: named.get(state, state),
            "allowed": [named.get(each, each) for each in machine.allowed(state)],
            "allowedVerbs": machine.allowed_verbs(state),
            **{
                wire: id
                for wire, column in self.conflict_reference_columns().items()
                if (id := getattr(self, column))
            },
        }

    @classmethod
    def conflict_reference_columns(cls) -> dict[str, str]:
        """Returns the columns of the references that a conflict names, by their wire names."""
        return {
            cls.schema.by_name[n].wire: cls.schema.by_name[n].column
            for n in cls.conflict_references
        }

    @classmethod
    def never_changes(cls, verb: str) -> MethodNotAllowed:
        """Returns the error for changing a record of an immutable noun."""
        said = _("A %(noun)s never changes: there is no %(verb)s of it. Possible: %(verbs)s.")
        named = {
            "noun": labels.noun_in_error(cls),
            "verb": verb,
            "verbs": ", ".join(cls.verbs),
        }
        return MethodNotAllowed(
            wording.fill(said, named), type=cls.__name__, allowedVerbs=list(cls.verbs)
        )

    def illegal_verb_conflict(self, verb: Verb) -> Conflict:
        """Returns the conflict for a verb that the machine does not allow in the current state."""
        machine = self.schema.require_machine().of(self)
        state = getattr(self, machine.name)
        said = {"noun": labels.noun_in_error(type(self)), "state": machine.state_in_error(state)}
        targets = machine.targets[verb.name].values()
        if {target for each in targets for target in each} == {state}:
            message = _("This %(noun)s is already %(state)s.") % said
        else:
            said |= {"verb": labels.verb_in_error(verb, type(self)), "ways": self._possible_steps()}
            message = wording.fill(
                _("A %(noun)s that is %(state)s cannot %(verb)s. %(ways)s"), said
            )
        return Conflict(message, type=type(self).__name__, id=self.pk, **self.status_for_conflict())

    def illegal_step_conflict(self, target: str) -> Conflict:
        machine = self.schema.require_machine().of(self)
        state = getattr(self, machine.name)
        ways = [s.via for s in machine.steps_from(state) if s.target == target]
        # That would be a state of another path.
        if state not in machine.states and target in machine.entry:
            ways = [verb.name for verb in machine.verbs if verb.chooses]
        why = (
            _("Use the verb %s for that.")
            % wording.join_with_or(labels.verb_in_error(via, type(self)) for via in ways)
            if ways
            else wording.fill(
                _("A %(noun)s does not go from %(state)s to %(target)s. %(ways)s"),
                {
                    "noun": labels.noun_in_error(type(self)),
                    "state": self.schema.require_machine().state_in_error(state),
                    "target": machine.state_in_error(target),
                    "ways": self._possible_steps(),
                },
            )
        )
        return Conflict(
            why,
            type=type(self).__name__,
            id=self.pk,
            field=self.schema.by_name[machine.name].wire,
            **self.status_for_conflict(),
        )

    def _possible_steps(self) -> str:
        """Returns the sentence that names the steps that are possible from the current state."""
        machine = self.schema.require_machine().of(self)
        ways: dict[str, str] = {}
        for step in next_steps(type(self), getattr(self, machine.name), machine=machine):
            if step.target is None or step.target == step.source:
                continue
            name = machine.state_in_error(step.target)
            if step.is_plain:
                ways[step.target] = name
            else:
                verb = labels.verb_in_error(step.verb, type(self))
                ways.setdefault(
                    step.target, _("%(state)s (by %(verb)s)") % {"state": name, "verb": verb}
                )
        if not ways:
            return _("This is final.")
        return _("From here it can become %s.") % ", ".join(ways.values())

    def duplicate_conflict(self, constraint: str) -> Conflict:
        """Returns the conflict for a violated unique constraint, with the id of the record that has the
        value."""
        unique = [field for field in self.schema.stored if field.unique]
        if constraint == UNIQUE_VALUES:
            kept = [field for field in unique if field.is_custom or field.kept_as]
            if (shared := self.find_shared_value(kept)) is not None:
                return self._shared_conflict(*shared)
        for field in unique:
            if constraint == unique_index_name(type(self), field.name):
                return self._shared_conflict(field, getattr(self, field.column))
        if constraint == EXTERNAL_IDS_UNIQUE:
            field = self.schema.by_name["external_ids"]
            ids = getattr(self, field.column) or ()
            named = ", ".join(f"{each['system']} {each['id']}" for each in ids)
            return Conflict(
                _("Another %(noun)s has one of these ids already: %(ids)s.")
                % {"noun": labels.noun_in_error(type(self)), "ids": named},
                type=type(self).__name__,
                field=field.wire,
            )
        said = wording.fill(_("There is already such a %s."), labels.noun_in_error(type(self)))
        return Conflict(said, type=type(self).__name__)

    def taken_conflict(self, name: str, key: Any) -> Conflict:
        """Returns the conflict for a value of the unique field ``name``, or of its further values, that
        compares as ``key``."""
        field = self.schema.by_name[name]
        held = self.held_values(field)
        same = (each for each in held if isinstance(each, str) and each.lower() == key)
        return self._shared_conflict(field, next(same, getattr(self, field.column)))

    def held_values(self, field: Field) -> list[Any]:
        """Returns the values of a unique field and its further values."""
        held = [getattr(self, field.column)]
        for others in self.schema.kept_with(field):
            held += getattr(self, others.column) or ()
        return [value for value in held if value is not None]

    def _shared_conflict(self, field: Field, value: Any) -> Conflict:
        """Returns the conflict for a value of a unique field, or of its further values, that another record
        has."""
        first = type(self).find_id_by_unique(field, value)
        own = getattr(self, field.column)
        beside = self.schema.kept_with(field)
        if beside and value != own:
            field = beside[0]
        # None if the actor does not see that record.
        more: dict[str, Any] = {"existingId": first} if first else {}
        return Conflict(
            wording.fill(
                _("There is already a %(noun)s with %(field)s %(value)s."),
                {
                    "noun": labels.noun_in_error(type(self)),
                    "field": labels.field_in_error(field),
                    "value": value,
                },
            ),
            type=type(self).__name__,
            field=field.wire,
            **more,
        )
