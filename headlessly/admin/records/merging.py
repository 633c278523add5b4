"""The dialog of a merge: two records side by side, and for each field the choice of whose value stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from headlessly.access import visibility
from headlessly.admin import display, field_values
from headlessly.admin.records import preview
from headlessly.admin.records.dialogs import VerbDialog
from headlessly.declaration import labels
from headlessly.declaration.custom_values import has_value
from headlessly.declaration.merging import (
    CHOICES,
    INTO,
    THIS,
    choosable_fields,
    known_together,
    said_otherwise,
)
from headlessly.declaration.schema import Field
from headlessly.declaration.verbs import Verb
from headlessly.errors import HeadlesslyError
from headlessly.execution.executor import DryRun
from headlessly.execution.merging import steps_between, value_for_merge, values_to_carry_over
from headlessly.language import wording
from headlessly.nouns import Noun
from headlessly.query.duplicates import find_duplicates

#: Prefix of a field's name: the input that says whose value stays.
KEEP = "keep-"
#: With more referring records the preview only counts, without a dry run.
MOST_TRIED = 200


@dataclass(frozen=True)
class Choice:
    """A field in which the two records differ."""

    name: str
    label: str
    this: Any  #: the values as HTML, empty without one
    into: Any
    stays: str
    is_fixed: bool = False  #: whether the surviving record cannot take the other's value

    @property
    def input(self) -> str:
        return f"{KEEP}{self.name}"


class MergeDialog(VerbDialog):
    """The dialog in which a record is merged into another, with the choice of the other and of the values."""

    template, preview_template = "merge", "merge_preview"

    def __init__(
        self,
        verb: Verb,
        record: Noun,
        site: Any,
        data: Mapping[str, str] | None = None,
        *,
        into: str = "",
    ) -> None:
        super().__init__(verb, record, site, data)
        for each in (self.form.declared, self.form.fields):
            each.pop("keep", None)
        if data is None:
            self.form.initial["into"] = into
        self._into = into if data is None else data.get("into", "")

    # -- what it shows ----------------------------------------------------------------------------

    @cached_property
    def other(self) -> Noun | None:
        """The surviving record; None if none is chosen yet, or it does not exist."""
        noun = self.verb.noun
        if not self._into or self._into == self.record.pk:
            return None
        try:
            found: Noun = noun.get(self._into)
        except HeadlesslyError:
            return None
        pair = (self.record, found)
        here = visibility.load_visible_references(
            noun.objects.filter(pk__in=[each.pk for each in pair]), noun.schema.references
        )
        seen = {each.pk: each for each in here}
        self.record = seen.get(self.record.pk, self.record)
        return seen.get(found.pk, found)

    @property
    def told_apart(self) -> list[str]:
        """What distinguishes the two records, which may have the same name: whom they are about, and since
        when they exist."""
        about = display.about_references(self.verb.noun)
        pair = [each for each in (self.record, self.other) if each is not None]
        return [
            " · ".join(filter(None, (display.subtitle(each, about), _since(each)))) for each in pair
        ]

    @property
    def other_way(self) -> str:
        """The address of the merge in the other direction."""
        assert self.other is not None
        place = display.page_url(self.verb.noun, "do", self.other.pk, self.verb.name)
        return f"{place}?into={self.record.pk}"

    @cached_property
    def alike(self) -> list[dict[str, str]]:
        """Probable duplicates of the record, each with the address that chooses it."""
        if self._into:
            return []
        own = self.verb.noun.Surface.alike
        fields = self.verb.noun.schema.by_name
        given = {name: getattr(self.record, fields[name].column) for name in own}
        about = display.about_references(self.verb.noun)
        return [
            {
                "url": f"{self.url}?into={each.pk}",
                "name": str(each),
                "about": display.subtitle(each, about),
                "same": labels.fields_in_sentence(same),
            }
            for each, same in find_duplicates(self.verb.noun, given)
            if each.pk != self.record.pk
        ]

    @cached_property
    def rows(self) -> list[Choice]:
        """The fields in which the records differ, in the order of the record's page."""
        if (other := self.other) is None:
            return []
        with transaction.atomic():  # it may lock rows
            coming = values_to_carry_over(self.record, other, {}) | self.record.handed_on(other)
        together = self._together(self.record, other)
        return [
            row
            for field in self._in_order()
            if (fields := together.get(field.name, [field]))
            and (row := self._row(field, fields, other, coming)) is not None
        ]

    def _together(self, this: Noun, into: Noun) -> dict[str, list[Field]]:
        """Returns, for fields that belong together and differ, the whole set under the first field that
        differs, and an empty list under the others."""
        found: dict[str, list[Field]] = {}
        others = said_otherwise(type(this), known_together(into), known_together(this))
        for names in filter(others.issuperset, this.said_together):
            fields = [this.schema.by_name[name] for name in names]
            found |= {name: [] for name in names}
            first = next(f for f in fields if getattr(this, f.column) != getattr(into, f.column))
            found[first.name] = fields
        return found

    def _in_order(self) -> Iterator[Field]:
        schema, left = self.verb.noun.schema, choosable_fields(self.verb.noun)
        for _title, names in schema.groups:
            for name in names:
                if (field := left.pop(name, None)) is not None:
                    yield field
        yield from left.values()

    def _row(
        self, field: Field, together: Sequence[Field], into: Noun, coming: Mapping[str, Any]
    ) -> Choice | None:
        this = self.record
        if field.name in self.verb.noun.schema.not_offered:
            return None
        values = value_for_merge(field, this, into), value_for_merge(field, into, this)
        if values[0] == values[1] or not any(value not in (None, "") for value in values):
            return None
        said = (self.data or {}).get(f"{KEEP}{field.name}")
        return Choice(
            name=field.name,
            label=labels.field_label(field),
            this=_values_html(this, into, together),
            into=_values_html(into, this, together),
            stays=said if said in CHOICES else THIS if field.name in coming else INTO,
            is_fixed=self._is_fixed(field, this, into),
        )

    @staticmethod
    def _is_fixed(field: Field, this: Noun, into: Noun) -> bool:
        """Whether the machine does not let the surviving record take the other's value."""
        if (machine := into.machine) is None:
            return False
        state = getattr(into, machine.name)
        if field.name == machine.name:
            return steps_between(machine, state, getattr(this, machine.name)) is None
        return field.name in machine.closed.get(state, ())

    # -- what will happen -------------------------------------------------------------------------

    def dry_run(self) -> None:
        if self.other is None:
            return
        counts = self._count_what_comes_along()
        told = [self._told_of_both(), *self._told_of(counts)]
        if sum(counts.values()) <= MOST_TRIED:
            try:
                run = self._dry_run()
            except HeadlesslyError as problem:
                self.problem = problem
                return
            told += preview.preview_sentences(self._of_the_other(run))
        self.will = told

    def _told_of_both(self) -> SafeString:
        return format_html(
            _("{this} is gone; whoever looks for it finds {other}."),
            this=format_html("<b>{}</b>", self.record),
            other=format_html("<b>{}</b>", self.other),
        )

    def _told_of(self, counts: Mapping[type[Noun], int]) -> Iterator[SafeString]:
        if not counts:
            return
        named = (display.counted(noun, count) for noun, count in counts.items())
        yield format_html(
            _("Moves to {other}: {what}."),
            other=format_html("<b>{}</b>", self.other),
            what=wording.join_with_and(named),
        )

    def _count_what_comes_along(self) -> dict[type[Noun], int]:
        """Returns how many records of each noun, as far as the actor sees them, refer to the one that
        goes."""
        conditions: dict[Any, Q] = {}
        for noun, field in self.record.schema.all_referrers:
            refers = has_value(field.column, self.record.pk)
            conditions[noun] = conditions.get(noun, Q()) | refers
        counts = {noun: noun.objects.filter(q).count() for noun, q in conditions.items()}
        ranked = sorted(counts.items(), key=lambda each: each[0].Surface.rank)
        return {noun: count for noun, count in ranked if count}

    def _of_the_other(self, run: DryRun) -> DryRun:
        """Returns the dry run as seen from the surviving record: its own events, and what is deleted as a
        duplicate."""
        deletes = {n.verbs["delete"].event for n in self.verb.noun.registry.values()}
        kept = [
            event
            for event in run.events
            if (event.target == run.record.pk or event.name in deletes)
            and event.target != self.record.pk
        ]
        # The survivor is called by its name: "this" is the record that goes.
        return replace(run, record=self.record, events=kept)

    # -- what was sent ----------------------------------------------------------------------------

    def given(self) -> dict[str, Any]:
        if self.data is None:
            return {"into": self._into}
        data = self.data
        keep = {
            name: data[f"{KEEP}{name}"]
            for name in choosable_fields(self.verb.noun)
            if f"{KEEP}{name}" in data
        }
        return super().given() | ({"keep": keep} if keep else {})


def _values_html(record: Noun, other: Noun, fields: Sequence[Field]) -> SafeString:
    """Returns a record's distinct values in these fields; empty without any but the other record."""
    told = (
        field_values.field_html(record, field, links=False)
        for field in fields
        if value_for_merge(field, record, other) is not None
    )
    return format_html_join(" · ", "{}", ((html,) for html in dict.fromkeys(filter(None, told))))


def _since(record: Noun) -> str:
    return _("since %s") % display.day_text(timezone.localtime(record.created_at).date())
