"""The words in a file's columns of choices and members, and the value that each becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headlessly.admin.event_facts import record_names
from headlessly.admin.import_text import field_words
from headlessly.declaration.schema import Field
from headlessly.language import wording
from headlessly.nouns import Noun
from headlessly.transfer import mapping
from headlessly.transfer.cells import choice_reader
from headlessly.transfer.models import Import
from headlessly.transfer.options import Options
from headlessly.transfer.references import References, member_names
from headlessly.transfer.samples import has_words

Option = tuple[str, str]
#: How many words of a field a page offers to change; the others stay as understood.
MOST_WORDS = 60


@dataclass
class WordChoice:
    """A word of the file and the value that it becomes."""

    name: str
    word: str
    count: int
    value: str | None  #: empty if it is ignored, None if it is not understood


@dataclass
class WordChoices:
    """The words of a field."""

    path: str
    label: str
    options: list[Option]
    words: list[WordChoice]

    @property
    def open(self) -> int:
        """How many words are not understood."""
        return sum(1 for each in self.words if each.value is None)


def word_choices(source: Import) -> list[WordChoices]:
    """Returns the words of all columns of choices and members, those that are not understood first."""
    noun: type[Noun] = source.noun
    fields = mapping.mappable_fields(noun)
    mapped = Options(**source.options).field_mapping.values
    found = []
    for path, counted in source.words.items():
        other, declared = fields.get(path, (noun, None))
        if declared is None or not has_words(declared):
            continue
        usual = _usual_values(other, declared, [word for word, _count in counted])
        said = mapped.get(path, {})
        words = []
        for n, (word, count) in enumerate(counted[:MOST_WORDS]):
            key = mapping.word_key(word)
            value = ("" if said[key] is None else str(said[key])) if key in said else usual[word]
            words.append(WordChoice(f"word-{path}-{n}", word, count, value))
        words.sort(key=lambda each: each.value is not None)
        options = _options(declared, {each.value for each in words if each.value})
        found.append(WordChoices(path, field_words(noun, path), options, words))
    return found


def _options(declared: Field, chosen: set[str]) -> list[Option]:
    """Returns the values that a word may become. For people these are the members, and anybody who is
    already chosen."""
    if declared.type == "enum":
        return [(value, wording.state_label(value)) for value in declared.choices]
    members = member_names()
    others = chosen - {id for id, _name in members}
    named = record_names({declared.target_noun.__name__: others}) if others else {}
    return [*members, *((id, named.get(id, id)) for id in sorted(others))]


def _usual_values(noun: Any, declared: Field, words: list[str]) -> dict[str, str | None]:
    """Returns the value that each word is understood as without a mapping, or None."""
    if declared.type == "enum":
        known = noun.Surface.files.words.get(declared.name, {})
        read = choice_reader(
            declared, tuple((word, value) for value, others in known.items() for word in others)
        )
        return {
            word: found if (found := read(word)) in (*declared.choices, "") else None
            for word in words
        }
    references, rows = References(noun), [{declared.wire: word} for word in words]
    references.look_up(rows)
    return {
        word: None if references.resolve(row) else row[declared.wire]
        for word, row in zip(words, rows, strict=True)
    }
