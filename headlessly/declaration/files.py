"""How a noun comes in the files of other programs and of people: under which headings, in which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Program:
    """Another program, and what its exports mean beside what every file means. Fields as in Python."""

    name: str  #: as people know it; in small letters it is that of its mapping
    #: Headings by which its exports are told: all those of one of these.
    signs: tuple[tuple[str, ...], ...]
    #: What its columns are that are called so nowhere else; None for what is left out.
    columns: Mapping[str, str | None] = field(default_factory=dict)
    #: What its words are.
    words: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    #: What a record is where the file does not say it.
    otherwise: Mapping[str, str] = field(default_factory=dict)
    #: The moments of states of which a yes counts more than the word for the state: the program leaves the
    #: word at what it was before.
    decides: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return "".join(filter(str.isalnum, self.name)).lower()


@dataclass(frozen=True)
class Files:
    """A noun's ``Surface.files``. Fields are named as in Python; all of it is optional.

    What a field is called in the product (its name, its label in every language) is known without this.
    """

    #: What else a column of a field is called, the best first: ``{"phone": ("Telephone", "Tel.")}``.
    headings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: What else the noun itself is called, before a heading: "Person - Owner".
    called: tuple[str, ...] = ()
    #: Headings that say better what a field is than its own name, where a file has both: of an address book,
    #: "Title" is a doctor's and "Job Title" what they do.
    precise: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: What else is written for a choice: ``{"status": {"New": ("Open", "Not contacted")}}``; under ``""``
    #: what is written for none of them.
    words: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    #: What a value has in it that stands under another heading than the field's own; else it is left out.
    patterns: Mapping[str, str] = field(default_factory=dict)
    #: What its values look like where no heading says what they are.
    looks: Mapping[str, str] = field(default_factory=dict)
    #: Records that a row describes beside its own, by the reference to them: the fields that it may give of
    #: each. They are found, or made; a later one may refer to an earlier one.
    described: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: What makes the name of a record that has none: of these the first of which something is there.
    named_by: tuple[tuple[str, ...], ...] = ()
    #: The described records that are called like the record itself, where nothing says what they are called:
    #: in a list of leads "Name" is mostly a person's.
    namesakes: tuple[str, ...] = ()
    #: Where other programs have the day on which something happened: that on which it was expected.
    happened: Mapping[str, str] = field(default_factory=dict)
    #: Two records with the same of these are probably one.
    alike: tuple[str, ...] = ()
    #: What a required field is where the file of another program does not say it.
    otherwise: Mapping[str, str] = field(default_factory=dict)
    #: What whoever sends a file may say of all its rows that do not say it, beside that.
    of_all: tuple[str, ...] = ()
    #: The programs whose exports are told by their headings.
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
