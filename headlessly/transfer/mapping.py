"""Mappings: what somebody says that the columns and words of a file mean.

A mapping takes precedence over known headings and words. What it does not name is determined as usual.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headlessly.declaration.record import Record
from headlessly.declaration.schema import META, Field
from headlessly.declaration.shapes import cached_by_shape
from headlessly.errors import BadRequest, Invalid, InvalidFilter
from headlessly.query.external_ids import field_of_system
from headlessly.query.filters import META_FIELDS

if TYPE_CHECKING:
    from headlessly.nouns import Noun

#: How many columns and words a mapping may name, and the maximum length of each.
MOST_COLUMNS, MOST_WORDS, LONGEST = 2_000, 5_000, 1_000
EXAMPLE = '{"columns": {"Deal size": "budget", "Badge": null}, "values": {"status": {"won": "Converted"}}}'


@dataclass(frozen=True)
class FieldMapping:
    """A checked mapping.

    ``columns`` has the path of a field for each compared heading (:func:`heading_key`), or None for a column
    to leave out. ``values`` has, by path, the value for each compared word (:func:`word_key`), or None for no
    value.
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.columns or self.values)

    def names_heading(self, heading: str) -> bool:
        return heading_key(heading) in self.columns

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> FieldMapping:
        """Returns a mapping that was checked when it was sent."""
        columns, values = kept.get("columns") or {}, kept.get("values") or {}
        return cls(
            {heading_key(heading): path for heading, path in columns.items()},
            {
                path: {word_key(word): value for word, value in words.items()}
                for path, words in values.items()
            },
        )


NO_MAPPING = FieldMapping()


def heading_key(heading: str) -> str:
    """Returns a heading as it is compared: its letters and digits, or without any its other characters."""
    letters = "".join(filter(str.isalnum, heading)).lower()
    return letters or heading.strip()


def word_key(word: str) -> str:
    """Returns a word for a value as it is compared."""
    return " ".join(word.split()).casefold()


@cached_by_shape
def mappable_fields(noun: type[Record]) -> dict[str, tuple[type[Record], Field]]:
    """Returns the fields that a column may map to: those of the noun and of the records that its rows
    describe, by path."""
    known = noun.Surface.files.headings
    found: dict[str, tuple[type[Record], Field]] = {
        f.wire: (noun, f)
        for f in noun.schema.stored
        if f.wire not in META and (not f.read_only or f.name in known)
    }
    for name, names in noun.Surface.files.described.items():
        reference = noun.schema.by_name[name]
        other = reference.target_noun
        for each in names:
            described = other.schema.by_name[each]
            found[f"{reference.wire}.{described.wire}"] = other, described
    found["$createdAt"] = noun, META_FIELDS["$createdAt"]
    return found


def find_mappable(noun: type[Record], path: str) -> tuple[type[Record], Field] | None:
    """Returns the field at this path that a column may map to, which may be the ids of one system."""
    if (found := mappable_fields(noun).get(path)) is not None:
        return found
    head, dot, system = path.partition(".")
    whole = noun.schema.field(head) if dot else None
    if whole is None or not whole.parts:
        return None
    try:
        return noun, field_of_system(whole, system)
    except InvalidFilter:
        return None


def check_mapping(noun: type[Noun], asked: Any) -> dict[str, Any]:
    """Returns the mapping that was sent. Raises BadRequest for another shape, and Invalid with what is
    allowed."""
    if not asked:
        return {}
    columns, values = _parts_of(asked)
    fields = mappable_fields(noun)
    allowed = ", ".join(fields)
    problems: dict[str, str] = {}
    for heading, path in columns.items():
        if path is not None and find_mappable(noun, path) is None:
            problems[f"mapping.columns.{heading[:64]}"] = (
                f"There is no such field. Fields: {allowed}; null leaves the column out."
            )
    for path, words in values.items():
        if (mappable := find_mappable(noun, path)) is None:
            problems[f"mapping.values.{path[:64]}"] = f"There is no such field. Fields: {allowed}."
            continue
        for word, value in words.items():
            if problem := _value_problem(mappable[1], value):
                problems[f"mapping.values.{path}.{word[:64]}"] = problem
    if problems:
        raise Invalid.for_fields(problems, type=noun.__name__)
    return {"columns": columns, "values": values}


def _parts_of(asked: Any) -> tuple[dict[str, str | None], dict[str, dict[str, Any]]]:
    """Returns both parts of a mapping that was sent. Raises BadRequest."""
    if not isinstance(asked, dict) or asked.keys() - {"columns", "values"}:
        raise BadRequest(
            f"mapping is a JSON object of columns and values, like {EXAMPLE}.", field="mapping"
        )
    columns, values = asked.get("columns") or {}, asked.get("values") or {}
    if not isinstance(columns, dict) or not all(
        path is None or isinstance(path, str) for path in columns.values()
    ):
        raise BadRequest(
            "mapping.columns has a field or null for each heading.", field="mapping.columns"
        )
    if not isinstance(values, dict) or not all(isinstance(each, dict) for each in values.values()):
        raise BadRequest(
            "mapping.values has, for each field, an object of words and what they are.",
            field="mapping.values",
        )
    words = [word for each in values.values() for word in each]
    if len(columns) > MOST_COLUMNS or len(words) > MOST_WORDS:
        raise BadRequest(
            f"mapping names {MOST_COLUMNS:,} columns and {MOST_WORDS:,} words at most.",
            field="mapping",
        )
    if any(len(text) > LONGEST for text in (*columns, *values, *words)):
        raise BadRequest(
            f"A heading or a word of mapping has {LONGEST:,} characters at most.", field="mapping"
        )
    return columns, values


def _value_problem(field: Field, value: Any) -> str:
    """Returns what is wrong with a value for a word; empty if nothing is. Null means no value."""
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return "Say one value, or null."
    if field.type == "reference":
        return "" if isinstance(value, str) else "Say an id, a name, or null."
    try:
        field.clean(value, text=isinstance(value, str))
    except (ValueError, TypeError) as problem:
        return str(problem)
    return ""
