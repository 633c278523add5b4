"""The dialog of a verb that asks for something: its inputs, what will happen, and room for a note.

Where the record lacks what the verb needs, the dialog asks for that too, and fills it in first.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.admin import display, suiting
from headlessly.admin.forms import DeclaredForm, ReferenceSelect, sent
from headlessly.admin.records import composers, preview
from headlessly.admin.records.record import editable_fields
from headlessly.declaration import values
from headlessly.errors import HeadlesslyError
from headlessly.execution import executor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headlessly.declaration.schema import Field
    from headlessly.declaration.verbs import Verb
    from headlessly.nouns import Noun

NEW, EXISTING = "new", "existing"
#: What names the field that the record lacks, and begins the name of its input.
LACKS, FIRST = "lacks", "first"


class VerbDialog:
    """One verb about to be done to one record, by somebody who may still change their mind."""

    def __init__(
        self, verb: Verb, record: Noun, site: Any, data: Mapping[str, str] | None = None
    ) -> None:
        self.verb, self.record, self.site, self.data = verb, record, site, data
        self.url = display.page_url(verb.noun, "do", record.pk, verb.name)
        self.id = f"do-{verb.name}"
        self.will: list[Any] = []
        self.problem: HeadlesslyError | None = None
        self.chooses = next((f for f in verb.inputs.values() if f.new), None)
        self.form = DeclaredForm(
            verb.inputs.values(), site, data=data, id=verb.name, parent=self.id
        )
        self.form.suggest(verb.noun)
        if self.chooses is not None:
            choice = ReferenceSelect(self.chooses, site, suits=record)
            choice.attrs["data-dropdown-parent"] = f"#{self.id}"
            self.form.fields[self.chooses.name].widget = choice
        self.new: DeclaredForm | None = None
        self.first: DeclaredForm | None = None
        if data is not None and (lacked := self._fillable(data.get(LACKS))):
            self._ask_first(lacked)
        if self.chooses is not None and data is not None:
            self._offer_new({})

    # -- what it shows ----------------------------------------------------------------------------

    @property
    def label(self) -> str:
        return display.verb_label(self.verb)

    @property
    def text(self) -> str:
        return display.verb_summary(self.verb)

    @property
    def how(self) -> str:
        """Whether a new record is made or an existing one taken."""
        if self.chooses is None:
            return ""
        if self.data is None:
            return NEW
        chosen = self.data.get(f"{self.chooses.name}-how")
        return chosen or (EXISTING if self.data.get(self.chooses.name) else NEW)

    @property
    def other(self) -> type[Noun] | None:
        return self.verb.noun.registry[self.chooses.to] if self.chooses else None

    @property
    def other_named(self) -> str:
        return display.noun_in_sentence(self.other) if self.other else ""

    @property
    def choice(self) -> Any:
        """The input that takes an existing record."""
        return self.form[self.chooses.name] if self.chooses else None

    @property
    def inputs(self) -> list[Any]:
        return [b for b in self.form if self.form.declared[b.name] is not self.chooses]

    @property
    def note(self) -> str | None:
        """What was typed as a note; None where the dialog takes none."""
        if not self.verb.steps or composers.note_touch(type(self.record)) is None:
            return None
        return (self.data or {}).get("note", "")

    @property
    def blocked(self) -> bool:
        """Whether it cannot be done at all, whatever one types."""
        return self.problem is not None and not self.problem.details

    @cached_property
    def chosen(self) -> Noun | None:
        """The existing record that was chosen; None where none was, or it is not there."""
        id = (self.data or {}).get(self.chooses.name) if self.chooses else None
        if not id or self.other is None:
            return None
        try:
            return self.other.get(id, include=list(self.other.schema.references))
        except HeadlesslyError:
            return None

    @property
    def warning(self) -> str:
        """What speaks against the existing record that was chosen; whoever acts decides."""
        if self.how != EXISTING or self.chosen is None:
            return ""
        return suiting.difference(self.chosen, self.record)

    # -- what will happen -------------------------------------------------------------------------

    def dry_run(self) -> None:
        """Do it without doing it: ``will`` says what would happen, ``problem`` why it would not."""
        if self.how == EXISTING and self.chosen is None:
            return  # nothing that could be foretold yet
        try:
            run = self._dry_run()
        except HeadlesslyError as problem:
            self._note_lack(problem)
            if self.chooses is not None and self.new is None:
                self._offer_new({})
            details = problem.details or [{"message": ""}]
            if not all(detail["message"] == values.required_message() for detail in details):
                self.problem = problem
            return
        self.will = preview.preview_sentences(run)
        if self.other is not None and self.new is None:
            self._offer_new(preview.new_record_values(run, self.other))

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
        return self.problem.message if self.problem and self.lack_is_shown else ""

    @property
    def lack_is_shown(self) -> bool:
        """Whether what is in the way is said beside the input that is asked for first."""
        return bool(self.first and self.problem and self.problem.field in self.first.declared)

    @property
    def filled(self) -> dict[str, Any]:
        """What was put in for what the record lacks."""
        if self.first is None:
            return {}
        texts = {n: self.first.data.get(f"{FIRST}-{n}", "") for n in self.first.declared}
        return {n: sent(self.first.declared[n], text) for n, text in texts.items() if text.strip()}

    def _fill_in(self) -> None:
        executor.run(self.verb.noun.verbs["update"], self.record.pk, self.filled, text=True)

    def _note_lack(self, problem: HeadlesslyError) -> None:
        if self.first is None and not problem.details and (lacked := self._fillable(problem.field)):
            self._ask_first(lacked)

    def _fillable(self, name: str | None) -> Field | None:
        """The empty field of the record that this is, where whoever acts may fill it in."""
        declared = self.record.schema.field(name) if name else None
        if declared is None or declared.name not in editable_fields(self.record):
            return None
        if getattr(self.record, declared.column) is not None:
            return None
        return declared if actors.may(actors.current(), "update", self.verb.noun) else None

    def _ask_first(self, lacked: Field) -> None:
        self.first = DeclaredForm(
            [lacked], self.site, data=self.data, id=self.verb.name, parent=self.id
        )
        self.first.prefix = FIRST

    # -- a new record -----------------------------------------------------------------------------

    def _offer_new(self, would_be: Mapping[str, Any]) -> None:
        """The main fields of the record that would be made, with the values it would have."""
        self.new = DeclaredForm(
            self._new_fields(), self.site, data=self.data, initial=would_be, id=f"{self.verb.name}_new",
            parent=self.id,
        )  # fmt: skip
        self.new.prefix = self.chooses.name
        for item in self.new.fields.values():
            item.widget.attrs.pop("aria-required", None)

    def _new_fields(self) -> list[Field]:
        """What it asks of a new record: what is required, and what its list shows."""
        schema = self.other.schema
        main = dict.fromkeys([*(f.name for f in schema.inputs() if f.required), *schema.columns])
        fields = (schema.by_name[name] for name in main)
        return [field for field in fields if not field.read_only and not field.moves]

    # -- what was sent ----------------------------------------------------------------------------

    def given(self) -> dict[str, Any]:
        """The verb's input: an existing record where one was chosen, else what a new one shall be."""
        given = {name: value for name, value in self.form.given().items() if value != ""}
        if self.chooses is None or self.new is None:
            return given
        name = self.chooses.name
        if self.how == EXISTING:
            return given | {name: given.get(name) or ""}
        given.pop(name, None)
        inner = {
            key: sent(field, value)
            for key, field in self.new.declared.items()
            if (value := self.new.data.get(f"{name}-{key}", "").strip())
        }
        return given | ({name: inner} if inner else {})

    def check(self) -> bool:
        """Whether what was chosen is there; the executor checks everything else."""
        if self.how == EXISTING and not self.given().get(self.chooses.name):
            self.form.is_valid()
            self.form.add_error(
                self.chooses.name, _("Choose the %s that it becomes.") % self.other_named
            )
            return False
        return True

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
        name = self.chooses.name if self.chooses else None
        for detail in problem.details or ():
            outer, dot, inner = detail["field"].partition(".")
            field = self.other.schema.field(inner) if dot and outer == name and self.new else None
            if field is not None and field.name in self.new.fields:
                self.new.is_valid()
                self.new.add_error(field.name, detail["message"])
        if self.new is None or not self.new.errors:
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

        return executor.retry_on_deadlock(all_of_it)
