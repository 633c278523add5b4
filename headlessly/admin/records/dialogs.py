"""The dialog of a verb that asks for something: its inputs, what will happen, and room for a note.

Where the record lacks what the verb needs, the dialog asks for that too, and fills it in first.
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

#: What names the field that the record lacks, and begins the name of its input.
LACKS, FIRST = "lacks", "first"


class VerbDialog:
    """One verb about to be done to one record, by somebody who may still change their mind."""

    #: For a record that it may create: whether it asks only for what that record requires.
    only_required = False
    #: The page that it is on, and the one that foretells what it would do.
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
        # What the record has already stands in the input that may say otherwise: sent untouched it stays.
        kept = self._kept(verb, record)
        self.kept = [f.name for f in kept]
        # So do inputs that may say otherwise of whom the record is about.
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
        """The choice of the record that the verb hands on; None of a verb that hands on nothing."""
        return next((c for c in self.choices if not isinstance(c, ReferenceChoice)), None)

    @property
    def shown_choices(self) -> list[RecordChoice]:
        """Those of which there is something to choose, but for what is asked for first."""
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
        """Those that people fill in otherwise too, which say what is; where a state goes is chosen anew."""
        names = editable_fields(record) - {verb.chooses}
        return [f for f in verb.inputs.values() if f.name in names and not (f.new or f.record)]

    @property
    def note(self) -> str | None:
        """What was typed as a note; None where the dialog takes none."""
        if not self.verb.steps or composers.note_touch(type(self.record)) is None:
            return None
        return (self.data or {}).get("note", "")

    # -- what will happen -------------------------------------------------------------------------

    def dry_run(self) -> None:
        """Do it without doing it: ``will`` says what would happen, ``problem`` why it would not."""
        if any(choice.is_missing for choice in self.choices):
            return  # nothing that could be foretold yet
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
        """Why it cannot be done yet, above the input that would change that."""
        if self.problem is None or not self.lack_is_shown:
            return ""
        refused = isinstance(self.problem, VerbRefused)
        return self.problem.message if refused else self.problem.first_message

    @property
    def lack_is_shown(self) -> bool:
        """Whether what is in the way is said beside the input that is asked for first."""
        if self.first is None or self.problem is None:
            return False
        names = {name for f in self.first.declared.values() for name in (f.name, f.wire)}
        return self.problem.field in names

    @property
    def filled(self) -> dict[str, Any]:
        """What was put in for what the record lacks."""
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
        """The empty field of the record that this is, where whoever acts may fill it in."""
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
        """The verb's input: an existing record where one was chosen, else what a new one shall be."""
        sent = self.form.given() if self.data is not None else self.form.untouched(self.kept)
        given = {name: value for name, value in sent.items() if value != ""}
        for choice in self.choices:
            given = choice.add_to(given)
        return given

    def check(self) -> bool:
        """Whether what was chosen is there; the executor checks everything else."""
        given = self.given()
        checked = [choice.check(given) for choice in self.choices]  # each says what it lacks
        return all(checked)

    def refuse(self, problem: HeadlesslyError) -> None:
        """Put what went wrong beside the input that it is about."""
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
        """The verb, its note and what the record lacked as one: all of it or, by what it raises, nothing."""
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
    """What a plain change of the status asks for: the fields that the gate before it wants filled."""

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
    """Let the states that may be chosen stand under the paths that they are of, the record's own first."""
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
