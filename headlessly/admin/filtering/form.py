"""The rows from which people build a filter: read from the form that was sent, and drawn again.

Each row has a key: the key of its group, and its place there. ``0`` is the whole, ``0.2`` its third part.
The form sends for row ``0.2`` its field (``f.0.2``), the field when it was drawn (``was.0.2``), the
operator (``o.``), the values (``v.``) and how a day is given (``w.``); for a group, whether all, any or
none of its parts have to hold (``m.``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.http import QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from headlessly.admin.filtering import inputs, offered
from headlessly.admin.filtering.offered import RELATION, WRITTEN
from headlessly.admin.filtering.tree import (
    ALL,
    ANY,
    MATCHES,
    QUANTIFIERS,
    SOME,
    WORDS,
    Condition,
    Group,
    Part,
    Related,
    Written,
    check_nesting,
    read_filter,
    says_nothing,
    write_filter,
)
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun
from headlessly.query import filters, querystring

ROOT = "0"
#: How many rows a group has, and how deep groups nest, at most. Beyond that a stored filter is shown as
#: JSON.
MOST_ROWS, DEEPEST = 60, 6
#: The values of ``do`` that put the filter to use: to filter a list, or to check a record's before saving.
HOLDS = ("apply", "check")


class FilterForm:
    """A filter of a noun as rows, made from a filter or from a form that was sent."""

    def __init__(self, noun: type[Noun], site: Any) -> None:
        self.noun, self.site = noun, site
        self.group = Group(ALL)
        # All rows about a noun offer the same choices.
        self.choices_of = cache(offered.choices_of)

    @classmethod
    def of_filter(cls, noun: type[Noun], filter: Mapping[str, Any], site: Any) -> FilterForm:
        """Returns the rows of a stored filter, or one empty row for an empty filter. Raises InvalidFilter
        if it is nested too deep."""
        form = cls(noun, site)
        form.group = _fit(read_filter(noun, filter), 0)
        form.group.parts = form.group.parts or [Condition()]
        form._check(noun, form.group)
        return form

    @classmethod
    def of_sent(cls, noun: type[Noun], given: QueryDict, site: Any) -> FilterForm:
        """Returns the rows that were sent, changed as the pressed button says. If the filter is put to use
        (``do`` is one of :data:`HOLDS`), a condition without a value is an error; until then it may still
        get one."""
        form = cls(noun, site)
        form.group = form._read_group(noun, given, ROOT, _children(given), 0)
        form._do(given.get("do", ""))
        form._check(noun, form.group)
        if given.get("do") in HOLDS:
            for part in _unfinished(form.group):
                part.problem = _("Say a value, or remove the condition.")
        return form

    @property
    def filter(self) -> dict[str, Any]:
        """The rows in the filter language, valid or not."""
        return write_filter(self.group)

    @property
    def has_problem(self) -> bool:
        return _has_problem(self.group)

    @property
    def is_unfinished(self) -> bool:
        """Whether a condition has no value yet; the filter leaves it out."""
        return any(_unfinished(self.group))

    @property
    def root(self) -> Row:
        return self._row(self.noun, self.group, ROOT)

    # -- what was sent ----------------------------------------------------------------------------

    def _read_group(
        self, noun: type[Noun], given: QueryDict, key: str, below: dict[str, list[str]], depth: int
    ) -> Group:
        match = given.get(f"m.{key}", ALL)
        group = Group(match if match in MATCHES else ALL)
        if depth < DEEPEST:
            group.parts = [
                self._read_part(noun, given, each, below, depth + 1) for each in below.get(key, [])
            ]
        elif key in below:
            group.problem = _("Groups stand at most %d deep in each other here.") % DEEPEST
        return group

    def _read_part(
        self, noun: type[Noun], given: QueryDict, key: str, below: dict[str, list[str]], depth: int
    ) -> Part:
        name = given.get(f"f.{key}")
        if name is None:
            return self._read_group(noun, given, key, below, depth)
        fresh = name != given.get(f"was.{key}", name)
        if name == WRITTEN:
            return _read_written("" if fresh else given.get(f"v.{key}", ""))
        if (relation := offered.relation_of(noun, name)) is not None:
            return self._read_related(noun, given, key, below, depth, relation, fresh)
        operator = given.get(f"o.{key}", "")
        if name == WORDS:
            texts = [] if fresh else given.getlist(f"v.{key}")
            return Condition(WORDS, "text", inputs.read_values(None, "text", texts, ""))
        if (declared := _field_at(noun, name)) is None:
            return Condition()
        known = [value for value, _label in offered.operators_of(declared)]
        operator = operator if operator in known else known[0]
        values = (
            []
            if fresh
            else inputs.read_values(
                declared, operator, given.getlist(f"v.{key}"), given.get(f"w.{key}", "")
            )
        )
        return Condition(name, operator, values, moment=declared.type == "datetime")

    def _read_related(
        self,
        noun: type[Noun],
        given: QueryDict,
        key: str,
        below: dict[str, list[str]],
        depth: int,
        relation: Any,
        fresh: bool,
    ) -> Related:
        other: Any = relation.source_noun
        quantifier = given.get(f"o.{key}", SOME)
        group = Group() if fresh else self._read_group(other, given, key, below, depth)
        return Related(relation, quantifier if quantifier in QUANTIFIERS else SOME, group)

    def _do(self, what: str) -> None:
        """Applies a button: ``add:0``, ``group:0``, ``drop:0.2``."""
        verb, _colon, key = what.partition(":")
        *way, last = key.split(".")
        with suppress(ValueError, IndexError):
            if verb in ("add", "group"):
                place = self._at([*way, last])
                blank = Condition()
                place.append(blank if verb == "add" else Group(ANY, [blank]))
            elif verb == "drop" and way:
                self._at(way).pop(int(last))

    def _at(self, way: Sequence[str]) -> list[Part]:
        """Returns the parts of the group with this key. Raises ValueError or IndexError."""
        parts = self.group.parts
        for number in way[1:]:
            match parts[int(number)]:
                case Group(parts=parts) | Related(group=Group(parts=parts)):
                    pass
                case _:
                    raise IndexError
        return parts

    # -- what is wrong ----------------------------------------------------------------------------

    def _check(self, noun: type[Noun], part: Part) -> None:
        """Sets the problem of every row that has one."""
        match part:
            case Group(parts=parts):
                if len(parts) > MOST_ROWS:
                    part.problem = _("A group has at most %d conditions here.") % MOST_ROWS
                for each in parts:
                    self._check(noun, each)
            case Related(relation=relation, group=group):
                other: Any = relation.source_noun
                self._check(other, group)
                if not _has_problem(group):
                    _note_problem(noun, part)
            case Condition() | Written() if not part.problem and not says_nothing(part):
                _note_problem(noun, part)

    # -- drawn ------------------------------------------------------------------------------------

    def _row(self, noun: type[Noun], part: Part, key: str) -> Row:
        row = Row(key, "group", problem=part.problem)
        match part:
            case Group(match=match):
                row.match = _options(offered.MATCHES, match)
                row.rows = self._rows(noun, part, key)
                row.may_nest = key.count(".") < DEEPEST - 2
                return row
            case Related(relation=relation, quantifier=quantifier, group=group):
                row.kind, row.chosen = "related", RELATION + relation.wire
                row.problem = row.problem or group.problem
                row.operators = _options(offered.QUANTIFIERS, quantifier)
                other: Any = relation.source_noun
                row.match = _options(offered.MATCHES, group.match)
                row.rows = self._rows(other, group, key)
                row.may_nest = key.count(".") < DEEPEST - 2
            case Written(filter=filter):
                row.kind, row.chosen, row.input = "condition", WRITTEN, "written"
                row.texts = [filter if isinstance(filter, str) else _json(filter)]
            case Condition(path=path, operator=operator, values=values):
                row.kind, row.chosen = "condition", path
                self._fill(row, noun, path, operator, values)
        row.choices = [
            (title, [(value, label, value == row.chosen) for value, label in group])
            for title, group in offered.choices_with(noun, self.choices_of(noun), row.chosen)
        ]
        row.label = next((label for _t, group in row.choices for _v, label, on in group if on), "")
        return row

    def _rows(self, noun: type[Noun], group: Group, key: str) -> list[Row]:
        return [self._row(noun, each, f"{key}.{n}") for n, each in enumerate(group.parts)]

    def _fill(
        self, row: Row, noun: type[Noun], path: str, operator: str, values: list[Any]
    ) -> None:
        if not path:
            return
        declared = None if path == WORDS else _field_at(noun, path)
        if declared is None and path != WORDS:
            return
        row.input = inputs.input_kind(declared, operator)
        row.texts = inputs.show_texts(declared, values)
        if declared is None:
            row.operators = _options((("text", _("has the words")),), operator)
            return
        row.operators = _options(offered.operators_of(declared), operator)
        row.is_number = declared.type in offered.NUMBERS
        if row.input == inputs.BOXES:
            row.boxes = inputs.boxes_of(declared, values)
        elif row.input == inputs.RECORDS:
            attrs = {"aria-label": offered.path_label(noun, path)}
            widget = inputs.RecordsSelect(declared, self.site, attrs)
            row.widget = widget.render(f"v.{row.key}", row.texts, {"id": f"v-{row.key}"})
        elif row.input == inputs.WHEN:
            when, text = inputs.show_when(operator, values)
            row.when, row.texts = _options(tuple(offered.WHEN.items()), when), [text]
            row.counts = when in offered.AGO
            row.named = when in offered.NAMED_WHEN


@dataclass
class Row:
    """One row as the template draws it."""

    key: str
    kind: str  #: ``group``, ``related`` or ``condition``
    problem: str = ""
    chosen: str = ""  #: its field or relation
    label: str = ""
    choices: list[Any] = field(default_factory=list)
    operators: list[Any] = field(default_factory=list)
    match: list[Any] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    input: str = ""
    texts: list[str] = field(default_factory=list)
    boxes: list[Any] = field(default_factory=list)
    widget: SafeString | str = ""
    when: list[Any] = field(default_factory=list)
    counts: bool = False  #: whether the day is a number of units from now
    named: bool = False  #: whether the day has a name, such as today
    is_number: bool = False
    may_nest: bool = False

    @property
    def lines(self) -> str:
        return "\n".join(self.texts)

    @property
    def text(self) -> str:
        return self.texts[0] if self.texts else ""


def _fit(group: Group, depth: int) -> Group:
    """Returns the group; parts of it that exceed the limits of the rows become JSON."""
    if len(group.parts) > MOST_ROWS:
        return Group(ALL, [Written(write_filter(group))])
    group.parts = [_fit_part(each, depth + 1) for each in group.parts]
    return group


def _fit_part(part: Part, depth: int) -> Part:
    match part:
        case Group() as inner:
            pass
        case Related(group=inner):
            pass
        case _:
            return part
    if inner.parts and (depth >= DEEPEST or len(inner.parts) > MOST_ROWS):
        return Written(write_filter(part))
    _fit(inner, depth)
    return part


def _options(choices: Sequence[tuple[str, Any]], chosen: str) -> list[tuple[str, Any, bool]]:
    return [(value, label, value == chosen) for value, label in choices]


def _children(given: QueryDict) -> dict[str, list[str]]:
    """Returns the keys of the rows that were sent, by the key of their group, in their order."""
    keys = {name[2:] for name in given if name.startswith(("f.", "m."))} - {ROOT}
    found: dict[str, list[str]] = {}
    for key in keys:
        parent, _dot, number = key.rpartition(".")
        if parent and number.isdecimal() and len(number) < 4:
            found.setdefault(parent, []).append(key)
    for below in found.values():
        below.sort(key=lambda each: int(each.rpartition(".")[2]))
    return found


def _field_at(noun: type[Noun], path: str) -> Field | None:
    try:
        found = querystring.field_at_path(noun, path)
    except InvalidFilter:
        return None
    return None if found.computed is not None else found


def _read_written(text: str) -> Written:
    if not text.strip():
        return Written({})
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        problem = _("This is not JSON: put texts in double quotes, and check commas and brackets.")
        return Written(text, problem)
    if not isinstance(found, dict):
        return Written(text, _('Write a filter, such as {"status": "New"}.'))
    try:
        check_nesting(found)
    except InvalidFilter as problem:
        return Written(text, problem.message)
    return Written(found)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""


def _note_problem(noun: type[Noun], part: Condition | Related | Written) -> None:
    try:
        filters.compile_filter(noun, write_filter(part))
    except InvalidFilter as problem:
        path = getattr(part, "path", "")
        part.problem = problem.message.removeprefix(f"{path}: ")


def _unfinished(part: Part) -> Iterator[Condition]:
    match part:
        case Group(parts=parts) | Related(group=Group(parts=parts)):
            for each in parts:
                yield from _unfinished(each)
        case Condition(path=path) if path and says_nothing(part):
            yield part


def _has_problem(part: Part) -> bool:
    match part:
        case Group(parts=parts):
            return bool(part.problem) or any(map(_has_problem, parts))
        case Related(group=group):
            return bool(part.problem) or _has_problem(group)
    return bool(part.problem)
