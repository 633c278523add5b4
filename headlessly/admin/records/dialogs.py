"""The dialog of a verb: its inputs, a preview of what will happen, and room for a note.

If the record lacks a field that the verb needs, the dialog asks for it, too, and fills it in first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.admin import display
from headlessly.admin.buttons import ASSIGN
from headlessly.admin.field_edit import editable_fields
from headlessly.admin.forms import DeclaredForm, clean_sent_text
from headlessly.admin.records import composers, preview
from headlessly.admin.records.record_choice import RecordChoice, ReferenceChoice, with_taken
from headlessly.declaration import labels, values
from headlessly.declaration.gates import GATE_CLOSED
from headlessly.declaration.paths import OPEN
from headlessly.declaration.schema import Field
from headlessly.declaration.verbs import Verb
from headlessly.errors import HeadlesslyError, VerbRefused
from headlessly.execution import executor
from headlessly.execution.contention import retry_on_deadlock
from headlessly.nouns import Noun

#: The input that names the lacking fields, and the prefix of their inputs.
LACKS, FIRST = "lacks", "first"


class VerbDialog:
    """The dialog of a verb on a record, before it is executed."""

    #: Whether it asks only for required fields of a record that the verb may create.
    only_required = False
    #: The template of the dialog, and that of its preview.
    template, preview_template = "do", "preview"

    def __init__(
        self, verb: Verb, record: Noun, site: Any, data: Mapping[str, str] | None = None
    ) -> None:
        data = data if data is None else with_taken(data, verb.inputs.values())
        self.verb, self.record, self.site, self.data = verb, record, site, data
        self.url = display.page_url(verb.noun, "do", record.pk, verb.name)
        self.id = f"do-{verb.name}"
        self.will: list[Any] = []
        self.problem: HeadlesslyError | None = None
        # Inputs start with the record's own values, which stay if they are not touched.
        kept = self._kept(verb, record)
        self.kept = [f.name for f in kept]
        # So do inputs of other records that this one refers to.
        repeated = [f for f in verb.inputs.values() if f.new and not f.record]
        own = {f.name: getattr(record, f.column) for f in [*repeated, *kept]}
        self.form = DeclaredForm(
            verb.inputs.values(), site, data=data, initial=own, id=verb.name, parent=self.id
        )
        self.form.suggest(verb.noun)
        owner = verb.noun.schema.owner
        if verb.name == ASSIGN and owner is not None and owner.name in self.form.fields:
            self.form.offer_members(owner.name)
        if verb.chooses:
            _group_states(self.form, verb.chooses, record)
        self.choices = [self._choice(f) for f in verb.inputs.values() if f.new]
        self.first: DeclaredForm | None = None
        if data is not None:
            names = data.getlist(LACKS) if hasattr(data, "getlist") else [data.get(LACKS)]
            self._ask_first(names)

    def _choice(self, field: Field) -> RecordChoice:
        kind = RecordChoice if field.record else ReferenceChoice
        return kind(
            field,
            self.form,
            self.record,
            self.site,
            id=f"{self.verb.name}_new" if field.record else f"{self.verb.name}_new_{field.name}",
            parent=self.id,
            only_required=self.only_required,
        )

    # -- what it shows ----------------------------------------------------------------------------

    @property
    def choice(self) -> RecordChoice | None:
        """The choice of the record that the verb hands on to, or None."""
        return next((c for c in self.choices if not isinstance(c, ReferenceChoice)), None)

    @property
    def shown_choices(self) -> list[RecordChoice]:
        """The choices to show, without those that are asked for first."""
        first = self.first.declared if self.first is not None else ()
        return [c for c in self.choices if c.new is not None and c.name not in first]

    @property
    def warnings(self) -> list[str]:
        return [c.warning for c in self.choices if c.warning]

    @property
    def label(self) -> str:
        return labels.verb_label(self.verb)

    @property
    def text(self) -> str:
        return labels.verb_summary(self.verb)

    @property
    def inputs(self) -> list[Any]:
        asked_first = self.first.declared if self.first is not None else ()
        return [
            b for b in self.form
            if b.name not in asked_first
            and not any(b.name in (c.name, c.without) for c in self.choices)
        ]  # fmt: skip

    @staticmethod
    def _kept(verb: Verb, record: Noun) -> list[Field]:
        """Returns the inputs that are also editable fields of the record. The target state is left out: it
        is chosen anew."""
        names = editable_fields(record) - {verb.chooses}
        return [f for f in verb.inputs.values() if f.name in names and not (f.new or f.record)]

    @property
    def note(self) -> str | None:
        """The typed note; None if the dialog takes none."""
        if not self.verb.steps or composers.note_touch(type(self.record)) is None:
            return None
        return (self.data or {}).get("note", "")

    # -- what will happen -------------------------------------------------------------------------

    def dry_run(self) -> None:
        """Tries the verb in a dry run: ``will`` describes what would happen, ``problem`` why it would not."""
        if any(choice.is_missing for choice in self.choices):
            return  # nothing to preview yet
        try:
            run = self._dry_run()
        except HeadlesslyError as problem:
            self._note_lack(problem)
            if self.choice is not None and self.choice.new is None:
                self.choice.offer_new({})
            details = problem.details or [{"message": ""}]
            if (problem.code == GATE_CLOSED and self.first is not None) or not all(
                detail["message"] == values.required_message() for detail in details
            ):
                self.problem = problem
            return
        self.will = preview.preview_sentences(run)
        if self.choice is not None and self.choice.new is None:
            self.choice.offer_new(preview.new_record_values(run, self.choice.noun))

    def _dry_run(self) -> executor.DryRun:
        given = {"text": True, "dry_run": True}
        if not self.filled:
            return executor.run(self.verb, self.record.pk, self.given(), **given)
        with executor.one_transaction(dry_run=True):
            self._fill_in()
            return executor.run(self.verb, self.record.pk, self.given(), **given)

    # -- what the record lacks --------------------------------------------------------------------

    @property
    def lack(self) -> str:
        """Why the verb is not possible yet, shown above the input that would change that."""
        if self.problem is None or not self.lack_is_shown:
            return ""
        refused = isinstance(self.problem, VerbRefused)
        return self.problem.message if refused else self.problem.first_message

    @property
    def lack_is_shown(self) -> bool:
        """Whether the problem is shown beside an input that is asked for first."""
        if self.first is None or self.problem is None:
            return False
        names = {name for f in self.first.declared.values() for name in (f.name, f.wire)}
        return self.problem.field in names

    @property
    def filled(self) -> dict[str, Any]:
        """The values that were sent for what the record lacks."""
        if self.first is None:
            return {}
        texts = {n: self.first.data.get(f"{FIRST}-{n}", "") for n in self.first.declared}
        return {
            n: clean_sent_text(self.first.declared[n], text)
            for n, text in texts.items()
            if text.strip()
        }

    def _fill_in(self) -> None:
        executor.run(self.verb.noun.verbs["update"], self.record.pk, self.filled, text=True)

    def _note_lack(self, problem: HeadlesslyError) -> None:
        is_lack = (
            problem.code == GATE_CLOSED or isinstance(problem, VerbRefused) or not problem.details
        )
        if self.first is None and is_lack:
            self._ask_first(detail["field"] for detail in problem.by_field)

    def _fillable(self, name: str) -> Field | None:
        """Returns the record's field of this name if it is empty and the actor may fill it in, else None."""
        declared = self.record.schema.field(name)
        if declared is None or declared.name not in editable_fields(self.record):
            return None
        if getattr(self.record, declared.column) is not None:
            return None
        return declared if actors.may(actors.current(), "update", self.verb.noun) else None

    def _ask_first(self, names: Iterable[str]) -> None:
        lacked = [field for name in names if (field := self._fillable(name)) is not None]
        if lacked:
            self.first = DeclaredForm(
                lacked, self.site, data=self.data, id=self.verb.name, parent=self.id
            )
            self.first.prefix = FIRST

    # -- what was sent ----------------------------------------------------------------------------

    def given(self) -> dict[str, Any]:
        """Returns the verb's input, with an existing record if one was chosen, else the fields of a new
        one."""
        sent = self.form.given() if self.data is not None else self.form.untouched(self.kept)
        given = {name: value for name, value in sent.items() if value != ""}
        for choice in self.choices:
            given = choice.add_to(given)
        return given

    def check(self) -> bool:
        """Whether the chosen records exist. The executor checks everything else."""
        given = self.given()
        checked = [choice.check(given) for choice in self.choices]  # each adds its error
        return all(checked)

    def refuse(self, problem: HeadlesslyError) -> None:
        """Adds the errors to the inputs that they are about."""
        self.problem = problem
        self._note_lack(problem)
        if self.lack_is_shown:
            return
        if self.first is not None and {d["field"] for d in problem.details or ()} == set(
            self.first.declared
        ):
            self.first.refuse(problem)
            return
        refused = [choice.refuse(problem) for choice in self.choices]
        if not any(refused):
            self.form.refuse(problem)

    def carry_out(self) -> Noun:
        """Executes the verb, its note and the filling in of lacking fields, all or (if it raises) nothing."""
        note = (self.note or "").strip()
        way = composers.note_touch(type(self.record)) if note else None
        if way is None and not self.filled:
            return executor.run(self.verb, self.record.pk, self.given(), text=True)

        def all_of_it() -> Noun:
            with executor.one_transaction():
                if self.filled:
                    self._fill_in()
                if way is not None:
                    composers.write_touch(way, self.record, {way.asks[0]: note})
                return executor.run(self.verb, self.record.pk, self.given(), text=True)

        return retry_on_deadlock(all_of_it)


class GateDialog(VerbDialog):
    """The dialog of a plain change of the status: asks for the fields that the gate before it requires."""

    def __init__(
        self,
        record: Noun,
        site: Any,
        url: str,
        sent: Mapping[str, Any],
        data: Mapping[str, str] | None = None,
    ) -> None:
        self.sent = sent
        super().__init__(record.verbs["update"], record, site, data)
        self.url, self.id = url, "do-gate"
        for name in list(self.form.declared):
            del self.form.fields[name], self.form.declared[name]
        self.choices = []

    @property
    def label(self) -> str:
        field = self.record.schema.by_name[next(iter(self.sent))]
        return _("Move to %s") % labels.choice_label(field, str(self.sent[field.name]))

    @property
    def text(self) -> str:
        return _("Fill in what is missing, and it goes on.")

    def given(self) -> dict[str, Any]:
        return {**self.sent, **self.filled}


def _group_states(form: DeclaredForm, name: str, record: Noun) -> None:
    """Groups the choosable states by path, the record's own path first."""
    machine, field = record.schema.require_machine(), form.declared[name]
    if len(machine.paths) < 2:
        return
    own = machine.path_of(record)
    groups = [
        (
            labels.path_label(type(record), path),
            [(n, labels.choice_label(field, n)) for n in map(field.to_json, path.of_kind(OPEN))],
        )
        for path in sorted(machine.paths, key=lambda path: path is not own)
    ]
    form.fields[name].widget.choices = [("", "—"), *groups]
