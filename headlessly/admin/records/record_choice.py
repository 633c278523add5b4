"""The inputs of a verb's dialog that take another record: one that exists, or the fields of a new one.

One that the verb hands on (:class:`RecordChoice`) is new unless said. One that the record refers to already
(:class:`ReferenceChoice`) stays unless said; and where the verb has a flag for it, either may be none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from headlessly.admin import suitable_records
from headlessly.admin.forms import DeclaredForm, clean_sent_text
from headlessly.admin.whole_records import find_whole
from headlessly.admin.widgets import ReferenceSelect
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field
from headlessly.errors import HeadlesslyError
from headlessly.nouns import Noun

NEW, EXISTING, NO = "new", "existing", "none"
#: How many existing records are offered, each to be taken with one press.
OFFERED = 3
#: Before the name of such an input: the flag of a verb that says there is no record at all.
WITHOUT = "without_"


def with_taken(data: Any, fields: Iterable[Field]) -> Any:
    """What was sent, with an offered record that was taken as one that was chosen."""
    for field in fields:
        how = f"{field.name}-how"
        if field.new and data.get(how, "").startswith(f"{field.prefix}_"):
            data = data.copy()
            data[field.name], data[how] = data[how], EXISTING
    return data


class RecordChoice:
    """A new record of a noun, or one that is there, for ``field`` of the dialog's ``form``.

    ``only_required`` asks of a new record no more than it needs, else what its list shows too.
    """

    def __init__(
        self,
        field: Field,
        form: DeclaredForm,
        record: Noun,
        site: Any,
        *,
        id: str,
        parent: str,
        only_required: bool,
    ) -> None:
        self.name, self.form, self.record, self.site = field.name, form, record, site
        self.id, self.parent = id, parent
        self.noun: type[Noun] = registry[field.target_noun.__name__]
        self.only_required = only_required
        self.new: DeclaredForm | None = None
        #: The id of what the record refers to already.
        self.own = None if field.record else getattr(record, field.column)
        select = ReferenceSelect(field, site, suits=record if self.is_suited else None)
        select.attrs["data-dropdown-parent"] = f"#{parent}"
        form.fields[field.name].widget = select
        if form.is_bound:
            self.offer_new({})

    @property
    def is_suited(self) -> bool:
        """Whether what is open and near the record is offered, and nothing else."""
        return True

    @property
    def without(self) -> str:
        """The verb's flag for no record at all; empty where it has none."""
        name = f"{WITHOUT}{self.name}"
        return name if name in self.form.declared else ""

    # -- what it shows ----------------------------------------------------------------------------

    @property
    def how(self) -> str:
        """Whether a new record is made or an existing one taken."""
        if not self.form.is_bound:
            return self.usual
        chosen = self.form.data.get(f"{self.name}-how")
        return chosen or (EXISTING if self.form.data.get(self.name) else NEW)

    @property
    def usual(self) -> str:
        """What it is unless somebody says otherwise."""
        return NEW

    @cached_property
    def offers(self) -> list[tuple[str, str]]:
        """Existing records that are near, each with its text: a press takes one, and does the verb."""
        if self.own is not None or not self.is_suited:
            return []
        near = suitable_records.nearest_records(self.noun, self.record, OFFERED)
        return [(each.pk, suitable_records.option_text(each)) for each in near]

    @property
    def noun_named(self) -> str:
        return labels.noun_in_sentence(self.noun)

    @property
    def input(self) -> Any:
        """The input that takes an existing record."""
        return self.form[self.name]

    @cached_property
    def chosen(self) -> Noun | None:
        """The existing record that was chosen; None where none was, or it is not there."""
        if not (id := self.form.data.get(self.name)):
            return None
        try:
            return find_whole(self.noun, id)
        except HeadlesslyError:
            return None

    @property
    def is_missing(self) -> bool:
        """Whether an existing record is to be taken, and there is none yet."""
        return self.how == EXISTING and self.chosen is None

    @property
    def warning(self) -> str:
        """What speaks against the existing record that was chosen; whoever acts decides."""
        if self.how != EXISTING or self.chosen is None or self.chosen.pk == self.own:
            return ""
        return suitable_records.difference_warning(self.chosen, self.record)

    def offer_new(self, would_be: Mapping[str, Any]) -> DeclaredForm:
        """The main fields of the record that would be made, with the values it would have."""
        self.new = DeclaredForm(
            self.fields_of_new(),
            self.site,
            data=self.form.data if self.form.is_bound else None,
            initial=would_be,
            id=self.id,
            parent=self.parent,
        )
        self.new.prefix = self.name
        self._begin_with_the_amount(would_be)
        for item in self.new.fields.values():
            item.widget.attrs.pop("aria-required", None)
        return self.new

    def _begin_with_the_amount(self, would_be: Mapping[str, Any]) -> None:
        """What has a name already is asked first for what it is worth."""
        assert self.new is not None
        amounts = (n for n, field in self.new.declared.items() if field.type == "money")
        first = next(amounts, None)
        if first is not None and would_be.get(self.noun.schema.name_field.name):
            self.new.fields[first].widget.attrs |= {"data-first": "", "data-selects": ""}

    def fields_of_new(self) -> list[Field]:
        """What is asked of a record that the verb makes."""
        schema = self.noun.schema
        required = [f.name for f in schema.inputs() if f.required]
        main = list(dict.fromkeys(required if self.only_required else (*required, *schema.columns)))
        amounts = [n for n, name in enumerate(main) if schema.by_name[name].type == "money"]
        if amounts and schema.currency and schema.currency.name not in main:
            main.insert(amounts[-1] + 1, schema.currency.name)  # an amount is in a currency
        return [
            field
            for name in main
            # Whom it is about the verb asks itself.
            if not (field := schema.by_name[name]).read_only
            and not field.moves
            and not (field.type == "reference" and name in self.form.declared)
        ]

    # -- what was sent ----------------------------------------------------------------------------

    def add_to(self, given: dict[str, Any]) -> dict[str, Any]:
        """The verb's input with what was chosen in it: an id, or what the new record shall be."""
        if self.new is None:
            return given
        if self.without:
            given = {name: value for name, value in given.items() if name != self.without}
        if self.how == NO and self.without:
            return {n: v for n, v in given.items() if n != self.name} | {self.without: "true"}
        if self.how == EXISTING:
            return given | {self.name: given.get(self.name) or ""}
        inner = {
            key: clean_sent_text(field, value)
            for key, field in self.new.declared.items()
            if (value := self.new.data.get(f"{self.name}-{key}", "").strip())
        }
        rest = {name: value for name, value in given.items() if name != self.name}
        return rest | ({self.name: inner} if inner else {})

    def check(self, given: Mapping[str, Any]) -> bool:
        """Whether an existing record was chosen, if one is to be taken."""
        if self.how != EXISTING or given.get(self.name):
            return True
        self.form.is_valid()
        self.form.add_error(self.name, self.lack)
        return False

    @property
    def lack(self) -> str:
        """What is said where an existing record is to be taken, and none was chosen."""
        return _("Choose the %s that it becomes.") % self.noun_named

    def refuse(self, problem: HeadlesslyError) -> bool:
        """Put what is wrong with the new record beside its inputs; False where nothing is."""
        if self.new is None:
            return False
        for detail in problem.details or ():
            outer, dot, inner = detail["field"].partition(".")
            field = self.noun.schema.field(inner) if dot and outer == self.name else None
            if field is not None and field.name in self.new.fields:
                self.new.is_valid()
                self.new.add_error(field.name, detail["message"])
        return bool(self.new.errors)


class ReferenceChoice(RecordChoice):
    """Whom the record refers to after the verb: who it is now, another, a new one or, with a flag, nobody.

    A new one is asked for what the quick form of the record's noun asks, and has what both have in common
    from the record.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer_new({f.name: getattr(self.record, f.column) for f in self._common})

    @property
    def is_suited(self) -> bool:
        return suitable_records.is_near(self.noun, self.record)

    @property
    def usual(self) -> str:
        if self.own:
            return EXISTING
        return NO if self.without else NEW

    @cached_property
    def chosen(self) -> Noun | None:
        if not self.form.is_bound and self.own:
            return self.noun.objects.filter(pk=self.own).first()
        return super().chosen

    @property
    def is_missing(self) -> bool:
        return self.form.is_bound and super().is_missing

    def fields_of_new(self) -> list[Field]:
        create = self.noun.verbs["create"].python_inputs
        asked = (name.partition(".") for name in self.record.Surface.quick)
        names = [rest for first, dot, rest in asked if dot and first == self.name]
        names = names or [name for name, field in create.items() if field.required]
        return [create[name] for name in dict.fromkeys((*names, *(f.name for f in self._common)))]

    @property
    def _common(self) -> list[Field]:
        """The fields of a new one that the record has as well, filled, under the same name."""
        fields, title = self.record.schema.by_name, self.noun.schema.name_field.name
        return [
            field
            for field in self.noun.schema.inputs()
            if field.name != title
            and not field.moves
            and (own := fields.get(field.name)) is not None
            and (own.type, own.to) == (field.type, field.to)
            and own.name not in self.form.declared
            and not own.is_custom
            and own.type in ("string", "reference")
            and getattr(self.record, own.column) is not None
        ]

    def add_to(self, given: dict[str, Any]) -> dict[str, Any]:
        if not self.form.is_bound:
            return given
        if f"{self.name}-how" not in self.form.data and not self.form.data.get(self.name):
            return {name: value for name, value in given.items() if name != self.without}
        return super().add_to(given)

    def refuse(self, problem: HeadlesslyError) -> bool:
        """The same; and what says nothing is refused beside its first input."""
        found = super().refuse(problem)
        for detail in problem.details or ():
            if self.how == NEW and self.new is not None and detail["field"] == self.name:
                self.new.is_valid()
                self.new.add_error(next(iter(self.new.fields)), detail["message"])
                found = True
        return found

    @property
    def lack(self) -> str:
        return _("Choose the %s.") % self.noun_named
