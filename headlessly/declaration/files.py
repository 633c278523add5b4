"""How a noun is written in files of people and other programs: headings and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Program:
    """Another program, and what is special about its exports. Fields are named as in Python."""

    name: str  #: for people; in small letters it names the program's mapping
    #: Sets of headings; a file with all headings of one set is an export of this program.
    signs: tuple[tuple[str, ...], ...]
    #: Its own headings and their fields; None for columns that are left out.
    columns: Mapping[str, str | None] = field(default_factory=dict)
    #: By field: its own words and the choices that they mean.
    words: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    #: Values for fields that its files do not have.
    otherwise: Mapping[str, str] = field(default_factory=dict)
    #: The dates of states whose flag counts more than the state in the file, which this program leaves at its
    #: former value.
    decides: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return "".join(filter(str.isalnum, self.name)).lower()


@dataclass(frozen=True)
class Files:
    """A noun's ``Surface.files``. Fields are named as in Python; everything is optional.

    The names of fields in the product, and their labels in every language, are known without this.
    """

    #: Further headings of a field, the best first: ``{"phone": ("Telephone", "Tel.")}``.
    headings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Further names of the noun itself, before a heading: "Person - Owner".
    called: tuple[str, ...] = ()
    #: Headings that fit better than the field's own name if a file has both: in an address book "Title" may
    #: be an academic title, and "Job Title" is the job.
    precise: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Further words for a choice: ``{"status": {"New": ("Open", "Not contacted")}}``; words under ``""`` mean
    #: no choice.
    words: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    #: A pattern that a value must contain if its heading is not the field's own; else the value is left out.
    patterns: Mapping[str, str] = field(default_factory=dict)
    #: A pattern by which the values of a field are recognized if no heading names it.
    looks: Mapping[str, str] = field(default_factory=dict)
    #: Records that a row describes beside its own: the reference, and the fields that the row may have of it.
    #: They are found, or created; a later one may refer to an earlier one.
    described: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: The fields whose values make the name of a record without one: the first group with a value is used.
    named_by: tuple[tuple[str, ...], ...] = ()
    #: The described records that are named like the row's own record if nothing else names them: in a list of
    #: leads "Name" is usually a person's.
    namesakes: tuple[str, ...] = ()
    #: The day on which something happened, and the field that other programs have for it: the day on which it
    #: was expected.
    happened: Mapping[str, str] = field(default_factory=dict)
    #: Two records with the same values of these fields are probably the same.
    alike: tuple[str, ...] = ()
    #: Values of required fields for files of other programs that do not have them.
    otherwise: Mapping[str, str] = field(default_factory=dict)
    #: Further fields whose value the sender may choose for all rows that have none.
    of_all: tuple[str, ...] = ()
    #: The programs whose exports are recognized by their headings.
    programs: tuple[Program, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that is named, for the check of declarations."""
        named = [name for names in self.named_by for name in names]
        for program in self.programs:
            named += [*filter(None, program.columns.values()), *program.words, *program.otherwise]
            named += program.decides
        return (
            *(name for name in self.headings if name != "created_at"),
            *self.precise, *self.words, *self.patterns, *self.looks, *self.described, *named, *self.alike,
            *self.otherwise, *self.of_all, *self.namesakes, *self.happened, *self.happened.values(),
        )  # fmt: skip
