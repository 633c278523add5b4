"""Checks of a verb's input against the declaration, before anything happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.access import actors, lists, visibility
from headlessly.database import prepared
from headlessly.declaration import labels
from headlessly.declaration.near_fields import near_fields
from headlessly.declaration.schema import META, Field
from headlessly.declaration.values import required_message, to_json_value
from headlessly.errors import Conflict, Invalid, did_you_mean
from headlessly.execution import described_records, member_check
from headlessly.execution.table import table_of
from headlessly.language import wording

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.verbs import Verb
    from headlessly.execution.execution import Execution


def clean_inputs(
    execution: Execution,
    verb: Verb,
    record: Record,
    data: Mapping[str, Any],
    *,
    wire: bool,
    text: bool,
) -> dict[str, Any]:
    """Returns the verb's input by Python name: values as stored, records where the verb asks for records.

    Raises Invalid with one entry for each field that is unknown, missing, read-only or wrong.
    """
    noun = verb.noun
    check = _InputCheck(execution, verb, record, wire, text)
    for key, value in data.items():
        check.take(key, value)
    check.name_by_described()
    check.complete()
    if check.problems:
        raise Invalid.for_fields(check.problems, type=noun.__name__)
    if verb.finds and not record._state.adding:
        # It may have been found by the address of a record merged into it: it keeps its own.
        check.values.pop(verb.finds, None)
    if not record._state.adding and verb.takes_fields:
        _refuse_changes_to_closed(execution, record, check.values)
    for name, field in check.fields.items():
        if field.list_name and check.values.get(name):
            check.values[name] = lists.spell_and_remember(field.list_name, check.values[name])
    described_records.find_or_create_described(execution, noun, check.values)
    _check_references(execution, noun, check)
    if execution.is_callers_own and execution.actor != actors.SYSTEM:
        member_check.refuse_others_than_members(
            execution, record, check.fields, check.values, check.problems
        )
    if verb.takes_fields and noun.schema.kind is not None:
        _refuse_fields_of_others(record, noun.schema.kind, check)
    if not verb.asks:
        record.validate(check.news(), check.problems)
    if check.problems:
        raise Invalid.for_fields(
            {check.name_for_caller(name): message for name, message in check.problems.items()},
            type=noun.__name__,
        )
    return check.values


class _InputCheck:
    """Checks one input field by field, and collects values and problems."""

    def __init__(
        self, execution: Execution, verb: Verb, record: Record, wire: bool, text: bool
    ) -> None:
        self.execution, self.verb, self.record = execution, verb, record
        self.wire, self.text = wire, text
        self.schema = verb.noun.schema
        self.inputs = verb.inputs_of(record, wire=wire)
        self.values: dict[str, Any] = {}
        self.fields: dict[str, Field] = {}
        self.problems: dict[str, str] = {}

    def name_for_caller(self, name: str) -> str:
        """Returns a field's name as the caller wrote it: the wire's or Python's."""
        field = self.fields.get(name) or self.schema.by_name.get(name)
        return field.wire if field and self.wire else name

    def take(self, key: str, value: Any) -> None:
        if self.wire and key in META:
            return
        field = self._find(key)
        if field is None:
            self._take_read_only(key, value)
            return
        if self._is_empty_input(field, value):
            return
        self.fields[field.name] = field
        if field.new and isinstance(value, Mapping) and "$id" not in value:
            self.values[field.name] = cleaned = self._clean_new_record(field, value)
            if not field.record and (wrong := described_records.check_described(field, cleaned)):
                self.problems.setdefault(key, wrong)
            return
        try:
            if field.change is not None and isinstance(value, Mapping):
                now = getattr(self.record, field.column, None)
                value = field.change(now, value)
            if field.list_check is not None:
                field = self._without_list(field, value)
            self.values[field.name] = field.clean(value, text=self.text)
        except ValueError as problem:
            self.problems[key] = str(problem)

    def _without_list(self, field: Field, value: Any) -> Field:
        """Returns the field without its closed list for input of hooks, which copy values and know no list,
        and for a value that the record has already, which may be older than the list."""
        is_known = not self.record._state.adding and field.value_of(self.record) == value
        free = is_known or not self.execution.is_callers_own
        return replace(field, list_check=None) if free else field

    def _is_empty_input(self, field: Field, value: Any) -> bool:
        """Whether an empty input counts as no input: only an update clears a value.

        Forms and programs send ``""`` for what nobody filled in. For a verb that found its record, null means
        the same.
        """
        if self.verb.name == "update":
            return False
        if value is None:
            return bool(self.verb.finds) and not self.record._state.adding
        if not isinstance(value, str) or (field.type == "json" and not self.text):
            return False
        return not value.strip()

    def news(self) -> dict[str, Any]:
        """Returns the values that the record does not have yet. Values sent back unchanged are not validated
        again, because their rules may have changed since."""
        if self.record._state.adding or not self.verb.takes_fields:
            return self.values
        known = self.schema.by_name
        return {
            name: value
            for name, value in self.values.items()
            if name not in known
            or to_json_value(value) != to_json_value(known[name].value_of(self.record))
        }

    def _find(self, key: str) -> Field | None:
        """Returns the input called ``key`` on the wire or, in Python, by name or column."""
        if (found := self.inputs.get(key)) is not None:
            return found
        field = self.schema.fields.get(key) if self.wire else self.schema.by_name.get(key)
        if field is None:
            return None
        if field.former and self.verb.takes_fields:  # a former name
            found = self.inputs.get(field.wire if self.wire else field.name)
        if found is None and self._may_set_protected and self._may_be_stated(field):
            return field
        return found

    def _may_be_stated(self, field: Field) -> bool:
        """Whether a read-only field is taken without the verb that sets it; what only a file says is not."""
        verbs = [self.verb.noun.verbs[name] for name in field.set_by]
        return field.computed is None and not (verbs and all(verb.takes_file for verb in verbs))

    @property
    def _may_set_protected(self) -> bool:
        """Whether this new record may set fields that otherwise only verbs set (an admin's import)."""
        return (
            self.execution.sets_protected_fields
            and self.verb.takes_fields
            and self.record._state.adding
        )

    def _take_read_only(self, key: str, value: Any) -> None:
        """Handle a field that this verb does not take. It is fine if its value is unchanged, or a running
        verb sets it."""
        field = self.schema.fields.get(key) if self.wire else self.schema.by_name.get(key)
        if field is None or not self.verb.takes_fields:
            allowed = {f.wire if self.wire else f.name: f for f in self.inputs.values()}
            self.problems[key] = (
                _("There is no such field here. Fields: %s.") % ", ".join(allowed)
                + near_fields(key, allowed)
                if allowed
                else _("%s takes no input.") % self.verb.name
            )
            return
        if field.name not in self.verb.sets and self.execution.is_set_by_verb(
            self.record, field.name
        ):
            self.fields[field.name] = field
            try:
                self.values[field.name] = field.clean(value, text=self.text)
            except ValueError as problem:
                self.problems[key] = str(problem)
        elif not self._unchanged(field, value):
            via = wording.join_with_or(
                labels.verb_in_error(name, self.verb.noun) for name in field.set_by
            )
            own = labels.verb_in_error(self.verb, self.verb.noun)
            self.problems[key] = (
                _("This is set by %(via)s, not by %(verb)s.") % {"via": via, "verb": own}
                if via and self.verb.name not in field.set_by
                else _("This is read-only: it is computed.")
                if field.computed
                else _("%s does not take this.") % own
            )

    def has_already(self, field: Field) -> bool:
        """Whether a reference of the record stays the same."""
        return (
            self.verb.takes_fields
            and not self.record._state.adding
            and not field.record
            and field.value_of(self.record) == self.values[field.name]
        )

    def _unchanged(self, field: Field, value: Any) -> bool:
        """Whether the caller sends back the value that it read."""
        if self.record._state.adding and value in (None, field.default):
            return True
        now = field.computed(self.record) if field.computed else getattr(self.record, field.column)
        try:
            if field.computed is None:
                value = field.clean(value, text=self.text)
        except ValueError:
            return False
        return to_json_value(value) == to_json_value(now)

    def _clean_new_record(self, field: Field, value: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the checked fields of a record that the verb will create; its own ``create`` checks them
        again."""
        other = field.target_noun
        cleaned = {}
        for key, item in value.items():
            if self.wire and key in META:
                continue
            inner = (
                other.verbs["create"].inputs.get(key)
                if self.wire
                else other.schema.by_name.get(key)
            )
            if inner is None or inner.read_only:
                inputs = other.verbs["create"].inputs.values()
                allowed = [each.wire if self.wire else each.name for each in inputs]
                self.problems[f"{field.wire}.{key}"] = _(
                    "There is no such field. Fields: %s."
                ) % ", ".join(allowed) + did_you_mean(key, allowed)
                continue
            try:
                cleaned[inner.name] = inner.clean(item, text=self.text)
            except ValueError as problem:
                self.problems[f"{field.wire}.{key}"] = str(problem)
        return cleaned

    def name_by_described(self) -> None:
        """Name a new record without a name after the records that it describes."""
        own, noun = self.schema.name_field.name, self.verb.noun
        about = noun.Surface.files.described
        if (
            not self.record._state.adding
            or self.values.get(own)
            or not any(isinstance(self.values.get(n), dict) for n in about)
        ):
            return
        if (name := described_records.compose_name(noun, self.values)) is not None:
            self.values[own], self.fields[own] = name, self.schema.by_name[own]

    def complete(self) -> None:
        """Check for missing required fields, and that a new record begins in an entry state."""
        for field in self.inputs.values():
            if field.required and field.name not in self.values:
                key = field.wire if self.wire else field.name
                if (
                    field.name != self.verb.finds
                    and self.verb.finds
                    and not self.record._state.adding
                ):
                    continue  # an existing record has it already
                if field.is_custom and not self.execution.is_callers_own:
                    continue  # a hook does not know what a tenant asks people for
                self.problems.setdefault(key, required_message())
        machine = self.schema.machine
        if machine is None or machine.name not in self.values or not self.verb.takes_fields:
            return
        key = self.name_for_caller(machine.name)
        state = self.values[machine.name]
        if state is None:
            states = ", ".join(map(machine.state_in_error, machine.states))
            self.problems[key] = _("Use one of %s.") % states
        elif (
            self.record._state.adding
            and state not in machine.entry
            and not self.execution.sets_protected_fields
        ):
            self.problems[key] = wording.fill(
                _("A %(noun)s starts as %(entry)s, not as %(state)s."),
                {
                    "noun": labels.noun_in_error(self.verb.noun),
                    "entry": wording.join_with_or(map(machine.state_in_error, machine.entry)),
                    "state": machine.state_in_error(state),
                },
            )


def _refuse_fields_of_others(record: Record, choice: Field, check: _InputCheck) -> None:
    """Refuse fields of other kinds (``Surface.kinds``), and a change of the kind."""
    schema, kinds = check.schema, check.verb.noun.Surface.kinds
    own, adding = choice.value_of(record), record._state.adding
    kind = check.values.get(choice.name) or own if adding else own
    if check.values.get(choice.name, kind) not in (kind, None):
        check.problems.setdefault(
            choice.name,
            _("The kind stays %s. Make another one.") % labels.choice_label(choice, kind),
        )
    for name in schema.fields_of_others(kind) & check.values.keys() - {choice.name}:
        field, value = schema.by_name[name], check.values[name]
        if not value or value == field.default or (not adding and value == field.value_of(record)):
            continue
        allowed = (labels.choice_label(choice, k) for k in kinds.with_field(name)) if kinds else ()
        check.problems.setdefault(
            name,
            _("This belongs to another kind: %s.") % wording.join_with_or(allowed),
        )


def _refuse_changes_to_closed(
    execution: Execution, record: Record, values: Mapping[str, Any]
) -> None:
    """Raise Conflict for changes of fields that the machine closes in the record's final state."""
    machine = record.schema.machine
    if machine is None:
        return
    state = getattr(record, machine.name)
    for name in machine.closed.get(state, ()):
        if name not in values or execution.is_set_by_verb(record, name):
            continue
        field = record.schema.by_name[name]
        if to_json_value(values[name]) != to_json_value(getattr(record, field.column)):
            raise Conflict(
                _("This %(noun)s is %(state)s: its %(field)s no longer changes.")
                % {
                    "noun": labels.noun_in_error(type(record)),
                    "state": machine.state_in_error(state),
                    "field": labels.field_in_error(field),
                },
                type=record.schema.name,
                id=record.pk,
                field=field.wire,
                **record.status_for_conflict(),
            )


def _check_references(execution: Execution, noun: type[Record], check: _InputCheck) -> None:
    """Check that every referenced record exists in this tenant, and lock it until the commit. A reference
    that the record already has may be sent again, also by somebody who does not see its target."""
    wanted = [
        (name, field, check.values[name])
        for name, field in check.fields.items()
        if field.type == "reference"
        and isinstance(check.values.get(name), str)
        and not check.has_already(field)
    ]
    if not wanted:
        return
    # For a record to work on it is not enough to be known: the actor may see only its card.
    unknown = [(n, f, id) for n, f, id in wanted if f.record or id not in execution.known_ids]
    found = _lock_existing(execution, unknown) if unknown else set()
    for name, field, id in unknown:
        if (name, id) in found:
            execution.known_ids.add(id)
        else:
            check.problems[name] = _("There is no %(noun)s %(id)s.") % {
                "noun": field.to,
                "id": id,
            }
    for name, field, id in wanted:
        if field.record and name not in check.problems:
            check.values[name] = execution.lock(field.target_noun, id)
    _keep_what_is_about_cards(execution, noun, check)


def _keep_what_is_about_cards(execution: Execution, noun: type[Record], check: _InputCheck) -> None:
    """Make a limited rep the owner of a new record about somebody whose card is all they see. Without an
    owner they would not see their own record."""
    owner, person = noun.schema.owner, visibility.visible_owner_of_actor()
    adding = check.record._state.adding
    if not person or owner is None or not execution.is_callers_own or not adding:
        return
    if check.values.get(owner.name) is not None:
        return
    for field in noun.schema.about:
        id = check.values.get(field.name)
        if isinstance(id, str) and not visibility.is_seen_by(field.target_noun, id, person):
            check.values[owner.name] = person


def lock_references(execution: Execution, noun: type[Record], ids: Iterable[str]) -> None:
    """Check in one statement that many records exist, and lock them against deletion until the commit."""
    visible, shown = visibility.introduced_rows(noun, "o", visibility.visible_owner_of_actor())
    sql = f"SELECT id FROM {table_of(noun).name} o WHERE id = ANY(%s) AND {visible} ORDER BY id FOR KEY SHARE"
    found = prepared.execute_prepared(sql, [sorted(ids), *shown])
    execution.known_ids.update(id for (id,) in found)


def _lock_existing(
    execution: Execution, references: Iterable[tuple[str, Field, str]]
) -> set[tuple[str, str]]:
    """Returns which of the references exist: one statement for all, with a shared lock on each row.

    The foreign key takes the same lock a moment later. Taken here, together with the check that the record is
    not deleted, it leaves no gap for a concurrent deletion.
    """
    parts, parameters = [], []
    person = visibility.visible_owner_of_actor() if execution.is_callers_own else None
    for name, field, id in references:
        other = field.target_noun
        if not execution.is_callers_own:
            there, shown = visibility.tenant_rows("o")
        elif field.record:  # the verb works on it
            there, shown = visibility.visible_rows(other, "o", person=person)
        else:
            there, shown = visibility.introduced_rows(other, "o", person)
        parts.append(
            f"SELECT %s::text, id FROM (SELECT id FROM {table_of(other).name} o "
            f"WHERE id = %s AND {there} FOR KEY SHARE) AS r"
        )
        parameters += [name, id, *shown]
    return set(prepared.execute_prepared(" UNION ALL ".join(parts), parameters))
