"""References given by a name, in a filter or to a verb: ``{"owner": "Bob Stone"}``, if exactly one is called
so.

For callers who know a record's name and not its id; also in conditions on other records (``{"activities":
{"$some": {"assignee": "Bob Stone"}}}``). A name is the value of the record's first column, ignoring case and
accents, or of a unique field, such as an email address. Only records that the actor sees now are considered.
Values that cannot be a name are left to the filter language.
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

#: How many names a filter may have, because each needs a look-up.
MAX_NAMES = 20
#: Up to how many records with a name are counted, and how many of their ids are shown.
MOST_COUNTED, MOST_TOLD = 10, 3
#: Up to how many names are suggested if none is similar.
FEW = 20
MAX_LENGTH = 200
#: How many words of an unknown name are searched for.
WORDS = 3

#: The caller's own contact, as in lists and reports in the browser.
ME = "me"
OPERATORS = ("$eq", "$ne", "$in", "$nin")


def resolve_name(field: Field, name: str) -> str:
    """Returns the id for a reference: the given id, or that of the one record with this name. Raises
    InvalidFilter."""
    return str(_Names().id(field, field.wire, name))


def resolve_names(noun: type[Record], filter: Any) -> Any:
    """Returns ``filter`` with names of references replaced by ids. Raises InvalidFilter if none or several
    match."""
    return change_conditions(noun, filter, _Names().condition)


def resolve_input(verb: Verb, given: Any) -> Any:
    """Returns a verb's input with names of references replaced by ids. A name that does not identify one
    record stays, with its error: the executor raises it when it gets there, after earlier checks."""
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
        """Returns the value of a condition, with ids."""
        field = _reference_at(noun, path)
        return value if field is None else self.operators(field, path, value, 0)

    def operators(self, field: Field, path: str, value: Any, depth: int) -> Any:
        """Returns the condition on a reference, which may have operators, with ids."""
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
        """Returns the id for a name; the name with its error if it does not identify one record."""
        try:
            return str(self.id(field, field.wire, name))
        except InvalidFilter as problem:
            return values.UnknownName(name, problem.message.removeprefix(f"{field.wire}: "))


def _reference_at(noun: type[Record], path: Any) -> Field | None:
    """Returns the reference at the end of a path, or None if it is no reference."""
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
    """Returns the contact that ``me`` means at ``path``. Raises InvalidFilter if the caller has none."""
    if (person := actors.current().contact_id) is None:
        raise InvalidFilter(
            _("%(field)s: you are not linked to a contact here, so nothing is yours.")
            % {"field": path},
            field=path,
        )
    return person


def _find_by_name(reference: Field, path: str, name: str) -> str:
    """Returns the id of the one record with this name. Raises InvalidFilter."""
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
    """Returns a sentence with similar names, if there are any."""
    near: dict[str, None] = {}
    for word in [name, *name.split()[:WORDS]]:
        try:
            keys = [match.key for match in ranking.best_matches([noun], word)[:MOST_COUNTED]]
        except InvalidFilter:  # a symbol alone, as in "Smith & Sons"
            continue
        near |= dict.fromkeys(map(str, noun.objects.filter(pk__in=keys)))
    told = ", ".join(repr(each) for each in sorted(near)[:MOST_TOLD])
    return did_you_mean(name, near) or (told and " " + _("There is %s.") % told)


def _few_names(reference: Field) -> str:
    """Returns a sentence with all possible names, if these are few: for workers only the members. For a
    limited rep, who sees only some records, it would need a search among all of them, and is left out."""
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
