"""The bulk operations of a list, as far as the actor may execute them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.admin import buttons, display, forms
from headlessly.admin.lists.address import Address
from headlessly.admin.widgets import Input
from headlessly.declaration import labels
from headlessly.declaration.choices import ADD, REMOVE, split_choices
from headlessly.declaration.merging import INTO
from headlessly.declaration.schema import Field, field_as_input
from headlessly.declaration.verbs import Verb
from headlessly.language import wording
from headlessly.nouns import Noun

#: How many of the selected records a merge offers as the surviving one; the others are found by searching.
OFFERED = 6
#: The input with the name of the field to change.
WHICH = "which_field"


@dataclass
class BulkOperation:
    """An operation on many records."""

    name: str
    label: str
    verb: Verb
    text: str = ""
    inputs: list[Field] = field(default_factory=list)
    choices: list[tuple[str, str]] = field(default_factory=list)  #: of its only input
    gives: str = ""  #: the input with the new owner
    #: Whether the values of its only input are added to or removed from a field (``add``, ``remove``).
    change: str = ""
    #: The fields to choose from first, by name: the operation is then about the chosen one.
    fields: dict[str, Field] = field(default_factory=dict)
    chosen: Field | None = None

    def about(self, name: str) -> BulkOperation:
        """Returns the operation on one of its fields, or itself if there is no such field."""
        found = self.fields.get(name)
        if found is None:
            return self
        return replace(self, inputs=[found], fields={}, chosen=found)

    def given(self, form: forms.DeclaredForm) -> dict[str, Any]:
        """Returns the sent values. A chosen field may also be emptied."""
        if self.chosen is None:
            return form.filled()
        sent = form.given()
        return {n: v for n, v in sent.items() if v not in ("", None) or not self.chosen.required}

    def input(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Returns the sent values as the verb's input."""
        if not self.change:
            return sent
        return {name: {self.change: split_choices(text)} for name, text in sent.items()}

    @property
    def destroys(self) -> bool:
        return self.verb.deletes

    @property
    def asks(self) -> str:
        """The label of its button: an ellipsis says that there is a dialog."""
        return f"{self.label}…"

    def form(self, site: Any, data: Any = None, ids: Sequence[str] = ()) -> forms.DeclaredForm:
        """Returns the form of its inputs. A merge offers the selected records (``ids``) as the surviving
        one."""
        made = forms.DeclaredForm(self.inputs, site, data=data, id=self.name, parent="bulk")
        if self.choices:
            made.fields[self.inputs[0].name].widget.choices = self.choices
        if self.gives:
            made.offer_members(self.gives)
        if self.verb.merges and INTO in made.fields:
            into = made.fields[INTO]
            assert isinstance(into, Input)
            into.offers = _told_apart(self.verb.noun, ids)
        made.suggest(self.verb.noun)
        return made

    def side_by_side(self, ids: Sequence[str]) -> str:
        """Returns the address where two records are merged side by side, to choose whose values stay."""
        if not self.verb.merges or len(ids) != 2:
            return ""
        this, into = ids
        return f"{display.page_url(self.verb.noun, 'do', this, self.verb.name)}?into={into}"

    def concerns(self, id: str, sent: dict[str, Any]) -> bool:
        """Whether a record is to be changed: the one that others are merged into is not."""
        return not (self.verb.merges and sent.get(INTO) == id)


def _told_apart(noun: type[Noun], ids: Sequence[str]) -> list[tuple[str, str]]:
    """Returns the first of these records, with what distinguishes namesakes."""
    about = display.about_references(noun)
    there = noun.objects.filter(pk__in=ids[:OFFERED])
    found = visibility.load_visible_references(there, [f.name for f in about], to_be_named=True)
    by_id = {each.pk: each for each in found}
    told = [by_id[id] for id in ids[:OFFERED] if id in by_id]
    return [
        (each.pk, " · ".join(filter(None, (str(each), display.subtitle(each, about)))))
        for each in told
    ]


def bulk_operations(address: Address) -> list[BulkOperation]:
    """Returns what the actor may do with the records of a list: assign, move, the noun's own verbs,
    delete."""
    noun, actor = address.noun, actors.current()
    may = {name: actors.may(actor, name, noun) for name in noun.verbs}
    verbs = noun.verbs
    if address.deleted:
        text = _("They are in every list again, as they were.")
        restore = BulkOperation("restore", _("Restore"), verbs["restore"], text)
        return [restore] if may["restore"] else []
    if not address.live:
        return []
    found = list(_update_operations(noun)) if may.get("update") else []
    if may.get("update"):
        found += [*_field_operations(noun), *_tag_operations(noun)]
    for verb in verbs.values():
        if verb.name in {operation.name for operation in found}:
            continue
        if verb.takes_file or verb.restores or verb.deletes:
            continue  # a file is one record's; what deletes stands at the end
        if buttons.is_button(verb) and may[verb.name]:
            # A verb that makes a record makes one for each.
            inputs = [f for f in verb.inputs.values() if not (f.record or f.new) or f.required]
            said = _("For each of them: %s") % labels.verb_summary(verb)
            found.append(BulkOperation(verb.name, labels.verb_label(verb), verb, said, inputs))
    for verb in verbs.values():
        if verb.deletes and may[verb.name]:
            text = _("They disappear from every list; whoever may delete can bring them back.")
            said = text if verb.name == "delete" else labels.verb_summary(verb)
            if verb.merges:
                said = _(
                    "They go into one, which takes over everything that refers to them. Its own values "
                    "stay, and theirs fill its gaps."
                )
            label = labels.verb_label(verb)
            # Whose values stay can only be chosen for two records side by side.
            inputs = [f for f in verb.inputs.values() if f.type != "json"]
            found.append(BulkOperation(verb.name, label, verb, said, inputs))
    return found


def _update_operations(noun: type[Noun]) -> Iterator[BulkOperation]:
    """Yields the operations on owner and state."""
    schema, update = noun.schema, noun.verbs["update"]
    inputs = {f.name: f for f in update.inputs.values()}
    owner, machine = schema.owner, schema.machine
    if owner is not None and owner.name in inputs:
        # By the noun's own verb if it has one, which also asks for a reason.
        assign = noun.verbs.get(buttons.ASSIGN, update)
        others = [f for f in assign.inputs.values() if f.name != owner.name]
        yield BulkOperation(
            buttons.ASSIGN, _("Assign"), assign, _("Who works on them from now on?"),
            [_required_input(inputs[owner.name]), *(others if assign is not update else ())],
            gives=owner.name,
        )  # fmt: skip
    if machine is not None and machine.name in inputs:
        targets = {step.target for step in machine.steps if step.via == "update"}
        if targets:
            choices = [(s, wording.state_label(s)) for s in machine.states if s in targets]
            yield BulkOperation(
                "move", _("Move"), update,
                _("Each goes where its own way allows; the others stay and say why."),
                [_required_input(inputs[machine.name])], [("", "—"), *choices],
            )  # fmt: skip


def _field_operations(noun: type[Noun]) -> Iterator[BulkOperation]:
    """Yields the operation that sets a field to the same value in all records: any editable field that is
    not unique to a record or has an operation of its own."""
    schema = noun.schema
    elsewhere = {"tags", *(f.name for f in (schema.owner, schema.machine) if f is not None)}
    offered = {
        f.name: f
        for f in noun.verbs["update"].inputs.values()
        if f.type != "json" and not (f.unique or f.kept_as or f.record) and f.name not in elsewhere
    }
    if offered:
        said = {name: labels.field_label(f) for name, f in offered.items()}
        which = Field(
            WHICH, WHICH, WHICH, "enum", required=True, label="Field", choices=tuple(said), value_labels=said
        )  # fmt: skip
        yield BulkOperation(
            "change", _("Change a field"), noun.verbs["update"],
            _("All of them get the same value; empty takes it away."), [which], fields=offered,
        )  # fmt: skip


def _tag_operations(noun: type[Noun]) -> Iterator[BulkOperation]:
    """Yields the operations that add tags to all records, or remove them."""
    tags = noun.verbs["update"].inputs.get("tags")
    if tags is None or tags.change is None:
        return
    for name, label, change, text in (
        ("tag", _("Add tags"), ADD, _("They keep the tags that they have.")),
        ("untag", _("Remove tags"), REMOVE, _("All their other tags stay.")),
    ):
        inputs = [_required_input(tags)]
        yield BulkOperation(name, label, noun.verbs["update"], text, inputs, change=change)


def _required_input(field: Field) -> Field:
    return field_as_input(field, required=True)
