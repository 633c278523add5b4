"""Inputs of a verb's dialog that take another record: an existing one, or the fields of a new one.

A record that the verb hands on to (:class:`RecordChoice`) is new by default. One that the record already
refers to (:class:`ReferenceChoice`) stays by default. If the verb has a flag for it, there may also be
none.
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
#: Prefix of the input's name in the verb's flag for no record at all.
WITHOUT = "without_"


def with_taken(data: Any, fields: Iterable[Field]) -> Any:
    """Returns the sent data with an offered record that was pressed as the chosen one."""
    for field in fields:
        how = f"{field.name}-how"
        if field.new and data.get(how, "").startswith(f"{field.prefix}_"):
            data = data.copy()
            data[field.name], data[how] = data[how], EXISTING
    return data


class RecordChoice:
    """The choice of a new or an existing record for ``field`` of the dialog's ``form``.

    ``only_required`` limits a new record's inputs to required fields; otherwise they include the columns
    of its list.
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
        #: The id of the record that is referred to already.
        self.own = None if field.record else getattr(record, field.column)
        select = ReferenceSelect(field, site, suits=record if self.is_suited else None)
        select.attrs["data-dropdown-parent"] = f"#{parent}"
        form.fields[field.name].widget = select
        if form.is_bound:
            self.offer_new({})

    @property
    def is_suited(self) -> bool:
        """Whether only open records near this one are offered."""
        return True

    @property
    def without(self) -> str:
        """The name of the verb's flag for no record at all; empty without one."""
        name = f"{WITHOUT}{self.name}"
        return name if name in self.form.declared else ""

    # -- what it shows ----------------------------------------------------------------------------

    @property
    def how(self) -> str:
        """Whether a new record is created, an existing one taken, or none."""
        if not self.form.is_bound:
            return self.usual
        chosen = self.form.data.get(f"{self.name}-how")
        return chosen or (EXISTING if self.form.data.get(self.name) else NEW)

    @property
    def usual(self) -> str:
        """The default of ``how``."""
        return NEW

    @cached_property
    def offers(self) -> list[tuple[str, str]]:
        """Existing records near this one, each with its text. A press takes one and executes the verb."""
        if self.own is not None or not self.is_suited:
            return []
        near = suitable_records.nearest_records(self.noun, self.record, OFFERED)
        return [(each.pk, suitable_records.option_text(each)) for each in near]

    @property
    def noun_named(self) -> str:
        return labels.noun_in_sentence(self.noun)

    @property
    def input(self) -> Any:
        """The input for an existing record."""
        return self.form[self.name]

    @cached_property
    def chosen(self) -> Noun | None:
        """The chosen existing record; None if none was chosen, or it does not exist."""
        if not (id := self.form.data.get(self.name)):
            return None
        try:
            return find_whole(self.noun, id)
        except HeadlesslyError:
            return None

    @property
    def is_missing(self) -> bool:
        """Whether an existing record is to be taken but none is chosen yet."""
        return self.how == EXISTING and self.chosen is None

    @property
    def warning(self) -> str:
        """A warning about the chosen record, which does not prevent anything."""
        if self.how != EXISTING or self.chosen is None or self.chosen.pk == self.own:
            return ""
        return suitable_records.difference_warning(self.chosen, self.record)

    def offer_new(self, would_be: Mapping[str, Any]) -> DeclaredForm:
        """Makes the form with the main fields of a new record, with the values that it would get."""
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
        """Focuses the amount of a new record that already has a name."""
        assert self.new is not None
        amounts = (n for n, field in self.new.declared.items() if field.type == "money")
        first = next(amounts, None)
        if first is not None and would_be.get(self.noun.schema.name_field.name):
            self.new.fields[first].widget.attrs |= {"data-first": "", "data-selects": ""}

    def fields_of_new(self) -> list[Field]:
        """Returns the fields that the form of a new record has."""
        schema = self.noun.schema
        required = [f.name for f in schema.inputs() if f.required]
        main = list(dict.fromkeys(required if self.only_required else (*required, *schema.columns)))
        amounts = [n for n, name in enumerate(main) if schema.by_name[name].type == "money"]
        if amounts and schema.currency and schema.currency.name not in main:
            main.insert(amounts[-1] + 1, schema.currency.name)  # an amount needs its currency
        return [
            field
            for name in main
            # The verb itself asks for references that it shares.
            if not (field := schema.by_name[name]).read_only
            and not field.moves
            and not (field.type == "reference" and name in self.form.declared)
        ]

    # -- what was sent ----------------------------------------------------------------------------

    def add_to(self, given: dict[str, Any]) -> dict[str, Any]:
        """Returns the verb's input with the choice: an id, or the fields of the new record."""
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
        """Whether an existing record was chosen, if one is to be taken. Adds an error if not."""
        if self.how != EXISTING or given.get(self.name):
            return True
        self.form.is_valid()
        self.form.add_error(self.name, self.lack)
        return False

    @property
    def lack(self) -> str:
        """The error if no existing record was chosen."""
        return _("Choose the %s that it becomes.") % self.noun_named

    def refuse(self, problem: HeadlesslyError) -> bool:
        """Adds errors about the new record to its inputs. Returns whether there are any."""
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
    """The choice of whom the record refers to after the verb: the same as now, another, a new one or, with
    a flag, nobody.

    The form of a new one has the inputs of the quick form that are about it, and starts with the values
    that both records share.
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
        """The fields of a new one that the record also has, filled, under the same name."""
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
        """Adds errors about the new record to its inputs; an error about the record as a whole goes to its
        first input."""
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
