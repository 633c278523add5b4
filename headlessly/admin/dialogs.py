"""The dialog of a verb that asks for something: its inputs, what will happen, and room for a note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from .. import execution, values
from ..errors import HeadlesslyError
from . import preview, touching, words
from .forms import DeclaredForm, sent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..nouns import Noun
    from ..schema import Field
    from ..verbs import Verb

NEW, EXISTING = "new", "existing"


class Dialog:
    """One verb about to be done to one record, by somebody who may still change their mind."""

    def __init__(
        self, verb: Verb, record: Noun, site: Any, data: Mapping[str, str] | None = None
    ) -> None:
        self.verb, self.record, self.site, self.data = verb, record, site, data
        self.url = words.place(verb.noun, "do", record.pk, verb.name)
        self.id = f"do-{verb.name}"
        self.will: list[Any] = []
        self.problem: HeadlesslyError | None = None
        self.chooses = next((f for f in verb.inputs.values() if f.new), None)
        self.form = DeclaredForm(
            verb.inputs.values(), site, data=data, id=verb.name, parent=self.id
        )
        self.form.suggest(verb.noun)
        self.new: DeclaredForm | None = None
        if self.chooses is not None and data is not None:
            self._offer_new({})

    # -- what it shows ----------------------------------------------------------------------------

    @property
    def label(self) -> str:
        return words.verb(self.verb)

    @property
    def text(self) -> str:
        return words.text(self.verb)

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
        return words.one(self.other) if self.other else ""

    @property
    def choice(self) -> Any:
        """The input that takes an existing record."""
        return self.form[self.chooses.name] if self.chooses else None

    @property
    def inputs(self) -> list[Any]:
        return [bound for bound in self.form if bound.field.declared is not self.chooses]

    @property
    def note(self) -> str | None:
        """What was typed as a note; None where the dialog takes none."""
        if not self.verb.steps or touching.noting(type(self.record)) is None:
            return None
        return (self.data or {}).get("note", "")

    @property
    def blocked(self) -> bool:
        """Whether it cannot be done at all, whatever one types."""
        return self.problem is not None and not self.problem.details

    # -- what will happen -------------------------------------------------------------------------

    def foresee(self) -> None:
        """Do it without doing it: ``will`` says what would happen, ``problem`` why it would not."""
        try:
            run = execution.run(self.verb, self.record.pk, self.given(), text=True, dry_run=True)
        except HeadlesslyError as problem:
            if self.chooses is not None and self.new is None:
                self._offer_new({})
            details = problem.details or [{"message": ""}]
            if not all(detail["message"] == values.required() for detail in details):
                self.problem = problem
            return
        self.will = preview.told(run)
        if self.other is not None and self.new is None:
            self._offer_new(preview.made(run, self.other))

    def _offer_new(self, would_be: Mapping[str, Any]) -> None:
        """The main fields of the record that would be made, with the values it would have."""
        schema = self.other.schema
        main = dict.fromkeys([*(f.name for f in schema.inputs() if f.required), *schema.columns])
        fields: list[Field] = [
            field
            for name in main
            if not (field := schema.by_name[name]).read_only and not field.moves
        ]
        self.new = DeclaredForm(
            fields, self.site, data=self.data, initial=would_be, id=f"{self.verb.name}_new",
            parent=self.id,
        )  # fmt: skip
        self.new.prefix = self.chooses.name
        for item in self.new.fields.values():
            item.widget.attrs.pop("aria-required", None)

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
        """The verb and its note as one. Raises what the executor raises; then neither happened."""
        note = (self.note or "").strip()
        way = touching.noting(type(self.record)) if note else None
        if way is None:
            return execution.run(self.verb, self.record.pk, self.given(), text=True)

        def both() -> Noun:
            with execution.together():
                touching.write(way, self.record, {way.asks[0]: note})
                return execution.run(self.verb, self.record.pk, self.given(), text=True)

        return execution.retried(both)
