"""References that are given by a name, in a filter or to a verb: ``{"owner": "Bob Stone"}`` where exactly one
is called so.

For those who know what people call a record and not its id, in conditions on other records too
(``{"activities": {"$some": {"assignee": "Bob Stone"}}}``). A name is that of the record's first column,
without case and accents, or the value of a unique field, such as an e-mail address. Only what the actor sees
is looked at, as it is now. What is no name is left as it is, for the filter language to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.access.models import Membership
from headlessly.declaration import values
from headlessly.declaration.folding import fold_words
from headlessly.declaration.registry import registry
from headlessly.declaration.surface import WORKERS
from headlessly.errors import InvalidFilter, did_you_mean
from headlessly.log.unique_lookups import find_holder
from headlessly.query import ranking
from headlessly.query.conditions import MAX_DEPTH, change_conditions

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field
    from headlessly.declaration.verbs import Verb

#: How many names a filter may have: each is looked for by itself.
MAX_NAMES = 20
#: Up to how many of a name are counted, and how many are told.
MOST_COUNTED, MOST_TOLD = 10, 3
#: Up to how many are told where none is near.
FEW = 20
MAX_LENGTH = 200
#: By how many of its words a name that nothing has is looked for.
WORDS = 3

#: Whoever asks, where they are linked to a record: as lists and reports say it in the browser.
ME = "me"
OPERATORS = ("$eq", "$ne", "$in", "$nin")


def resolve_name(field: Field, name: str) -> str:
    """The id that a reference is given by: itself, or of the one record that is called so. Raises
    InvalidFilter."""
    return str(_Names().id(field, field.wire, name))


def resolve_names(noun: type[Record], filter: Any) -> Any:
    """``filter`` with the ids of what its references name. Raises InvalidFilter for none or several."""
    return change_conditions(noun, filter, _Names().condition)


def resolve_input(verb: Verb, given: Any) -> Any:
    """What a verb is given, with the ids of what its references name. A name that is not one record's stays,
    with what is wrong with it: the executor says so when it comes to it, after all that goes before."""
    if not isinstance(given, Mapping):
        return given
    found = _Names()
    return {
        name: found.input(field, value)
        if isinstance(value, str) and (field := _reference_input(verb, name)) is not None
        else value
        for name, value in given.items()
    }


def _reference_input(verb: Verb, name: Any) -> Field | None:
    field = verb.inputs.get(name)
    return field if field is not None and field.type == "reference" else None


class _Names:
    def __init__(self) -> None:
        self.ids: dict[tuple[str, str], str] = {}

    def condition(self, noun: type[Record], path: Any, value: Any) -> Any:
        """What a filter says of one field, with ids."""
        field = _reference_at(noun, path)
        return value if field is None else self.operators(field, path, value, 0)

    def operators(self, field: Field, path: str, value: Any, depth: int) -> Any:
        """What is said of a reference: a value, or operators with theirs."""
        if isinstance(value, str):
            return self.id(field, path, value)
        if not isinstance(value, Mapping) or "$id" in value or depth > MAX_DEPTH:
            return value
        resolved: dict[Any, Any] = {}
        for operator, operand in value.items():
            if operator == "$not":
                operand = self.operators(field, path, operand, depth + 1)
            elif operator in OPERATORS and isinstance(operand, list | tuple):
                operand = [self.id(field, path, each) for each in operand]
            elif operator in OPERATORS:
                operand = self.id(field, path, operand)
            resolved[operator] = operand
        return resolved

    def id(self, field: Field, path: str, name: Any) -> Any:
        if not isinstance(name, str) or not _may_be_name(name):
            return name
        if field.name in WORKERS and name.strip().lower() == ME:
            return own_contact(path)
        noun = field.target_noun
        key = (noun.__name__, name)
        if key not in self.ids:
            if len(self.ids) >= MAX_NAMES:
                raise InvalidFilter(
                    f"{path}: a filter may have {MAX_NAMES} names at the most. Give ids.",
                    field=path,
                )
            self.ids[key] = _find_by_name(field, path, name)
        return self.ids[key]

    def input(self, field: Field, name: str) -> str:
        """The id of what an input names; the name itself where it is not one record's."""
        try:
            return str(self.id(field, field.wire, name))
        except InvalidFilter as problem:
            return values.UnknownName(name, problem.message.removeprefix(f"{field.wire}: "))


def _reference_at(noun: type[Record], path: Any) -> Field | None:
    """The reference at the end of a path, or None where something else is there."""
    field = None
    for step in path.split(".") if isinstance(path, str) else ():
        field = noun.schema.field(step)
        if field is None and step in noun.schema.joins:
            field = noun.schema.joins[step].field
        if field is None or field.type != "reference":
            return None
        noun = field.target_noun
    return field


def _may_be_name(text: str) -> bool:
    if not text.strip() or len(text) > MAX_LENGTH or not values.is_storable(text):
        return False
    return not any(text.startswith(f"{noun.prefix}_") for noun in registry.values())


def own_contact(path: str) -> str:
    """Who ``me`` is at the end of ``path``. Raises InvalidFilter for whoever is nobody's."""
    if (person := actors.current().contact_id) is None:
        raise InvalidFilter(
            _("%(field)s: you are not linked to a contact here, so nothing is yours.")
            % {"field": path},
            field=path,
        )
    return person


def _find_by_name(reference: Field, path: str, name: str) -> str:
    """The id of the one record that is called so. Raises InvalidFilter."""
    noun = reference.target_noun
    unique = (f for f in noun.schema.stored if f.unique and f.type in values.TEXT_TYPES)
    for field in unique:
        if (id := find_holder(noun, field, name)) is not None:
            return id
    called = noun.objects.filter(**{f"{noun.schema.name_field.name}__folded": fold_words(name)})
    ids = list(called.order_by("pk").values_list("pk", flat=True)[: MOST_COUNTED + 1])
    if len(ids) == 1:
        return str(ids[0])
    if ids:
        count = str(len(ids))
        if len(ids) > MOST_COUNTED:
            count = _("More than %d") % MOST_COUNTED
        said = _(
            "%(path)s: %(count)s %(nouns)s are called %(name)r. Give the id of one, such as %(ids)s."
        ) % {
            "path": path,
            "count": count,
            "nouns": noun.schema.plural,
            "name": name,
            "ids": ", ".join(ids[:MOST_TOLD]),
        }
        raise InvalidFilter(said, field=path)
    said = _("%(path)s: no %(noun)s is called %(name)r.%(near)s An id is like %(id)s.") % {
        "path": path,
        "noun": noun.__name__,
        "name": name,
        "near": _near_names(noun, name) or _few_names(reference),
        "id": f"{noun.prefix}_fX9bL5nRdK2a",
    }
    raise InvalidFilter(said, field=path)


def _near_names(noun: type[Record], name: str) -> str:
    """A sentence about the names that are near, if there are any."""
    near: dict[str, None] = {}
    for word in [name, *name.split()[:WORDS]]:
        try:
            keys = [match.key for match in ranking.best_matches([noun], word)[:MOST_COUNTED]]
        except InvalidFilter:  # a sign alone, as in "Smith & Sons"
            continue
        near |= dict.fromkeys(map(str, noun.objects.filter(pk__in=keys)))
    told = ", ".join(repr(each) for each in sorted(near)[:MOST_TOLD])
    return did_you_mean(name, near) or (told and " " + _("There is %s.") % told)


def _few_names(reference: Field) -> str:
    """A sentence with all names that may be meant, where they are few: of those who work here, where it says
    whose something is. What a limited rep sees of others would be looked for among all, and is not told."""
    noun = reference.target_noun
    found = noun.objects.all()
    if reference.name in WORKERS:
        found = found.filter(pk__in=Membership.of_contacts().values("contact"))
    elif noun.schema.is_limited and visibility.visible_owner() is not None:
        return ""
    told = list(map(str, found.order_by("pk")[: FEW + 1]))
    return (
        " " + _("There is %s.") % ", ".join(map(repr, sorted(told))) if 0 < len(told) <= FEW else ""
    )


__all__ = ["own_contact", "resolve_input", "resolve_name", "resolve_names"]
