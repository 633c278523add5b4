"""The lines of a score rule, each a condition with points, and their validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.declaration.schema import Field, Relation
from headlessly.errors import InvalidFilter, did_you_mean
from headlessly.nouns import Noun, registry
from headlessly.query import filters
from headlessly.query.conditions import all_conditions, moves_with_time

FIT, ENGAGEMENT = "fit", "engagement"
#: The keys that a line may have, and those that every line needs.
KEYS = ("name", "about", "points", "type", "filter", "since", "halfLife", "within", "cap")
NEEDED = ("name", "points", "type", "filter")


class Moments:
    """The fields with the moment of what a lead did, from which a line may count."""

    def __iter__(self) -> Iterator[str]:
        return iter(
            dict.fromkeys(name for _noun, fields in self.offers()[1:] for name, _ in fields)
        )

    def offers(self) -> list[tuple[str, Any]]:
        """Returns the fields with their labels, by noun; the first choice is none, for when the record was
        created."""
        relations = registry["Lead"].schema.relations.values()
        found: list[tuple[str, Any]] = [("", "—")]
        for name in dict.fromkeys(relation.noun for relation in relations):
            noun = registry[name]
            moments = [f for f in noun.schema.fields.values() if f.type == "datetime"]
            named = [(f.wire, labels.field_label(f)) for f in moments]
            found.append((labels.plural_title(noun), named))
        return found


#: How the form asks for each key, row by row.
KINDS: dict[str, Any] = {
    "about": (FIT, ENGAGEMENT),
    "points": "number",
    "type": "hidden",
    "filter": "filter:Lead",
    "since": Moments(),
    "halfLife": "number",
    "within": "number",
    "cap": "number",
}
EXAMPLE = [
    {"name": "Asked us", "points": 20, "type": "Lead", "filter": {"source": "website"}},
    {
        "name": "Calls",
        "about": ENGAGEMENT,
        "points": 15,
        "type": "Activity",
        "filter": {"type": "Call", "status": "Completed"},
        "since": "completedAt",
        "halfLife": 30,
        "cap": 40,
    },
]
#: The most lines of a score, and the most events that a line counts, the latest first.
MOST_LINES, MOST_EVENTS = 50, 100
LONGEST_NAME, MOST_DAYS = 100, 3_650
#: Fields of a lead that a line may not ask for: they follow from the score, or from its being counted.
OWN = ("score", "scoredBy", "scoredAt", "$version", "$updatedAt")


@dataclass(frozen=True)
class Line:
    """One line of a score: points for leads that meet a condition, or for each event that does."""

    name: str
    about: str  #: ``fit`` or ``engagement``
    points: int
    type: str  #: the noun of the condition: the lead itself, or one whose records refer to it
    filter: Mapping[str, Any]
    since: str | None = None  #: the field with the moment of what is counted
    half_life: float | None = None  #: the days after which half of the points is left
    within: float | None = None  #: the days after which nothing counts any more
    cap: int | None = None  #: the most that the line adds or takes away

    @classmethod
    def read(cls, given: Mapping[str, Any], noun: str) -> Line:
        """Returns the line as it is stored, for a score of `noun`. It has been checked by
        :func:`problem_of_lines`."""
        of_others = given["type"] != noun
        return cls(
            name=given["name"],
            about=given.get("about") or (ENGAGEMENT if of_others else FIT),
            points=int(given["points"]),
            type=given["type"],
            filter=given["filter"],
            since=given.get("since") or ("$createdAt" if of_others else None),
            half_life=given.get("halfLife"),
            within=given.get("within"),
            cap=given.get("cap"),
        )


class Asked(NamedTuple):
    """One condition of a filter: what it asks of a field, and through which reference or relation."""

    noun: type[Record]
    field: Field | None  #: None for a search for words
    rest: str  #: what is asked behind a reference
    operand: Any
    relation: Relation | None


def conditions_of(
    noun: type[Record], filter: Mapping[str, Any], relation: Relation | None = None
) -> Iterator[Asked]:
    """Yields every condition of a filter that compiles."""
    for key, value in all_conditions(filter):
        if key == "$text":
            yield Asked(noun, None, "", value, relation)
        elif (found := noun.schema.relation(key)) is not None:
            for part in value.values():
                yield from conditions_of(found.source_noun, part, found)
        else:
            head, _dot, rest = key.partition(".")
            field = filters.find_condition_field(noun, head)
            yield Asked(noun, field, rest, value, relation)


def relation_between(noun: type[Noun], other: str) -> Relation | None:
    """Returns the relation from `noun` to the records of `other` that refer to it, or None."""
    found = noun.schema.relations.values()
    return next((relation for relation in found if relation.noun == other), None)


def problem_of_condition(noun: type[Noun], filter: Any) -> str | None:
    """Returns why a filter cannot be part of a score, or None.

    A score must follow from what happens to the record, not from when it is read.
    """
    if not isinstance(filter, Mapping):
        return _('filter: send an object, such as {"status": "New"}; {} is all of them.')
    try:
        filters.compile_filter(noun, filter)
        asked = list(conditions_of(noun, filter))
    except InvalidFilter as problem:
        return _("filter: %s") % problem.message
    for each in asked:
        if each.field is None:
            continue
        name = each.field.wire
        if each.noun is noun and each.relation is None and name in OWN:
            return _("filter: %s follows from the score itself.") % name
        if each.rest.count(".") > 0 or (each.relation is not None and each.rest):
            return _("filter: ask at most one reference away: %s is further.") % (
                f"{name}.{each.rest}"
            )
        behind = each.field
        asked_of = each.noun
        if each.rest and each.field.type == "reference":
            asked_of = each.field.target_noun
            behind = filters.find_condition_field(asked_of, each.rest)
        if behind.wire in asked_of.schema.joins:
            return _("filter: ask at most one reference away: %s is further.") % behind.wire
        if behind.type in ("date", "datetime") and moves_with_time(each.operand):
            said = _(
                "filter: %s is compared with a day that moves. Use within or halfLife instead."
            )
            return said % each.field.wire
    return None


def problem_of_lines(noun: type[Noun], lines: Any) -> str | None:
    """Returns what is wrong with the lines of a score, or None. The message names the line."""
    if not isinstance(lines, list) or not lines or len(lines) > MOST_LINES:
        return _("Send a list of 1 to %d lines.") % MOST_LINES
    names = set()
    for number, line in enumerate(lines, 1):
        if problem := _problem_of_line(noun, line):
            return _("Line %(number)d: %(problem)s") % {"number": number, "problem": problem}
        if line["name"] in names:
            return _("There are two lines %s.") % line["name"]
        names.add(line["name"])
    return None


def _problem_of_line(noun: type[Noun], line: Any) -> str | None:
    if not isinstance(line, dict):
        return _("send an object with %s.") % ", ".join(NEEDED)
    if unknown := [key for key in line if key not in KEYS]:
        close = did_you_mean(unknown[0], KEYS)
        return _("there is no %(key)s.%(close)s Use %(keys)s.") % {
            "key": unknown[0][:64], "close": close, "keys": ", ".join(KEYS)
        }  # fmt: skip
    if missing := [key for key in NEEDED if line.get(key) is None]:
        return _("%s is required.") % ", ".join(missing)
    name = line["name"]
    if not isinstance(name, str) or not 0 < len(name.strip()) <= LONGEST_NAME:
        return _("name: use a text of 1 to %d characters.") % LONGEST_NAME
    if line.get("about") not in (None, FIT, ENGAGEMENT):
        return _("about: use fit or engagement.")
    if not _is_whole(line["points"], -100, 100) or line["points"] == 0:
        return _("points: use a whole number from -100 to 100, and not 0.")
    if line.get("cap") is not None and not _is_whole(line["cap"], 1, 100):
        return _("cap: use a whole number from 1 to 100.")
    for key in ("halfLife", "within"):
        value = line.get(key)
        if value is not None and (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 < value <= MOST_DAYS
        ):
            return _("%(key)s: use days, at most %(most)d.") % {"key": key, "most": MOST_DAYS}
    return _problem_of_what_it_counts(noun, line)


def _problem_of_what_it_counts(noun: type[Noun], line: Mapping[str, Any]) -> str | None:
    kinds = [noun.__name__, *dict.fromkeys(r.noun for r in noun.schema.relations.values())]
    if line["type"] not in kinds:
        return _("type: use one of %s.") % ", ".join(kinds)
    counted = registry[line["type"]]
    if problem := problem_of_condition(counted, line["filter"]):
        return problem
    since = line.get("since")
    if since is None:
        if counted is noun and (line.get("halfLife") or line.get("within")):
            return _("since: say from which moment of the lead its days are counted.")
        return None
    try:
        field = filters.find_field(counted, since) if isinstance(since, str) else None
    except InvalidFilter as wrong:
        return _("since: %s") % wrong.message
    if field is None or field.type != "datetime" or field.is_custom or field.computed is not None:
        return _("since: name a field with a moment, such as $createdAt.")
    return None


def problem_of_thresholds(thresholds: Any) -> str | None:
    """Returns what is wrong with the thresholds of a score, or None."""
    if not isinstance(thresholds, list) or len(thresholds) > 10:
        return _("Send a list of at most 10 thresholds.")
    for each in thresholds:
        if not isinstance(each, dict) or set(each) != {"name", "from"}:
            return _('A threshold is like {"name": "Hot", "from": 80}.')
        if not isinstance(each["name"], str) or not 0 < len(each["name"].strip()) <= 40:
            return _("name: use a text of 1 to %d characters.") % 40
        if not _is_whole(each["from"], 1, 100):
            return _("from: use a whole number from 1 to 100.")
    if len({each["from"] for each in thresholds}) < len(thresholds):
        return _("Two thresholds begin at the same number.")
    return None


def _is_whole(value: Any, low: int, high: int) -> bool:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and low <= value <= high


def validate_score(
    noun: type[Noun], rule: Any, values: Mapping[str, Any], problems: dict[str, str]
) -> None:
    """Check the lines and thresholds of a score, and that its conditions follow from what happens."""
    lines = values.get("lines", rule.lines)
    if {"lines", "kind"} & values.keys() and (found := problem_of_lines(noun, lines)):
        problems.setdefault("lines", found)
    thresholds, condition = values.get("thresholds"), values.get("condition")
    if thresholds is not None and (found := problem_of_thresholds(thresholds)):
        problems.setdefault("thresholds", found)
    asks = condition.get("filter") if isinstance(condition, dict) else {}
    if found := problem_of_condition(noun, asks):
        problems.setdefault("condition", found)
