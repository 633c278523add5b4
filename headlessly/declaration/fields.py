"""The columns of a noun: Django's own with the product's limits, and NULL for a missing value.

A missing value is the same on every surface (``null``), in every filter (``$exists``) and in every sort
(last). So text columns hold NULL, never "".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor
from django.utils.module_loading import import_string
from django_fsm import FSMField, transition

from headlessly.database.tenant_joins import TenantForeignKey
from headlessly.declaration import (
    choices,
    currencies,
    external_ids,
    folding,
    normalization,
    others,
    storable_lookups,  # noqa: F401  (registers them)
)
from headlessly.declaration.paths import OPEN, Path, State
from headlessly.ids import public_id


class _Plain:
    """Migrations see plain Django columns: texts, choices and validators are not in the database."""

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()  # type: ignore[misc]  # a mixin of Django's columns
        for word in ("verbose_name", "help_text", "choices", "validators", "editable"):
            kwargs.pop(word, None)
        base = next(b for b in type(self).__mro__ if b.__module__.startswith("django.db"))
        return name, f"django.db.models.{base.__name__}", args, kwargs

    def clone(self) -> Any:
        _, path, args, kwargs = self.deconstruct()
        return import_string(path)(*args, **kwargs)


class _Optional(_Plain):
    """A column that needs a value with ``required=True``, and otherwise may be null and blank.

    ``unique=True`` means unique within the tenant, ignoring case.
    """

    def __init__(
        self, help_text: str = "", *, required: bool = False, unique: bool = False, **kwargs: Any
    ) -> None:
        self.unique_in_tenant = unique
        if "default" not in kwargs:
            kwargs.setdefault("null", not required)
            kwargs.setdefault("blank", not required)
        super().__init__(help_text=help_text, **kwargs)  # type: ignore[call-arg]


class String(_Optional, models.CharField):
    """One line of at most 255 characters.

    ``suggests`` are values that people usually write; a tenant may have its own list instead. ``list_of`` is
    the field whose list this is, if several share one: ``Lead.source``. ``example`` is a value for programs
    that try the field out, if not any text will do. ``offers`` returns the choices of a form: pairs of a
    value and a label, or of a title and such pairs. ``told`` means that the value may be a sentence of the
    product, which people read in their language (:mod:`headlessly.language.sayings`), ``for_programs`` that
    it says nothing to people, so that pages leave it out.
    """

    #: Returns the one spelling in which values are stored and compared (see :mod:`.normalization`), if any.
    normalize: Callable[[str], str] | None = None

    def __init__(
        self,
        help_text: str = "",
        *,
        max_length: int = 255,
        suggests: Iterable[str] = (),
        list_of: str = "",
        example: str | None = None,
        offers: Callable[[], Iterable[tuple[str, Any]]] | None = None,
        told: bool = False,
        for_programs: bool = False,
        **kwargs: Any,
    ) -> None:
        self.for_programs = for_programs
        self.suggests, self.list_of = tuple(suggests), list_of
        self.example, self.offers, self.told = example, offers, told
        super().__init__(help_text, max_length=max_length, **kwargs)


class Text(_Optional, models.TextField):
    """At most 10,000 characters, with line breaks."""

    MAX_LENGTH = 10_000


class Email(String):
    """An email address, in small letters."""

    normalize = staticmethod(normalization.normalize_email)


class Domain(String):
    """The domain of a company, like ``acme.com``: no scheme, no ``www.``, no path."""

    normalize = staticmethod(normalization.normalize_domain)


class Slug(String):
    """A name in addresses: small letters, digits and single hyphens."""

    normalize = staticmethod(normalization.normalize_slug)


class Phone(String):
    """A telephone number as people write it, without prefixes like ``tel:``; it is found by its digits."""

    normalize = staticmethod(normalization.normalize_phone)


class Url(_Optional, models.URLField):
    """An absolute http or https address of at most 2,000 characters."""

    def __init__(self, help_text: str = "", *, max_length: int = 2000, **kwargs: Any) -> None:
        super().__init__(help_text, max_length=max_length, **kwargs)


class _Bounded(_Optional):
    """A number between ``minimum`` and ``maximum``, both included; None means no bound.

    ``unit`` is shown after the number: ``min``, ``%``.
    """

    def __init__(
        self,
        help_text: str = "",
        *,
        minimum: float | None = None,
        maximum: float | None = None,
        unit: str = "",
        validators: Iterable[Callable[[Any], None]] = (),
        **kwargs: Any,
    ) -> None:
        self.minimum, self.maximum, self.unit = minimum, maximum, unit
        low = () if minimum is None else (MinValueValidator(minimum),)
        high = () if maximum is None else (MaxValueValidator(maximum),)
        super().__init__(help_text, validators=[*low, *high, *validators], **kwargs)


class Number(_Bounded, models.FloatField):
    """A JSON number."""


class Integer(_Bounded, models.IntegerField):
    """A whole number that fits 32 bits."""


class Money(_Bounded, models.DecimalField):
    """An amount with two decimals, not negative unless ``minimum`` says otherwise. With 15 digits every value
    is exact as a JSON number.

    ``per`` names the noun's choice of the interval in which the amount recurs: amounts of different intervals
    are neither added up nor compared.
    """

    def __init__(self, help_text: str = "", *, per: str = "", **kwargs: Any) -> None:
        self.per = per
        kwargs.setdefault("minimum", 0)
        super().__init__(help_text, **{"max_digits": 15, "decimal_places": 2, **kwargs})


class Currency(String):
    """The currency of a record's amounts as a code of ISO 4217; the tenant's if nothing else is given.

    A noun has at most one; amounts of a noun without one are in the tenant's currency. ``fixed_on`` are the
    days or moments that end what the amounts are about: from the first of them that is set, amounts are
    converted at that day's rate for ever, and before at today's.
    """

    def __init__(self, help_text: str = "", *, fixed_on: Iterable[str] = (), **kwargs: Any) -> None:
        self.fixed_on = tuple(fixed_on)
        given: dict[str, Any] = {"max_length": 3, "validators": [currencies.validate_currency]}
        if not kwargs.get("required"):
            given |= {
                "null": False,
                "blank": True,
            }  # optional, but never NULL: the tenant's is filled in on write
        given["suggests"] = currencies.COMMON
        super().__init__(help_text or "ISO 4217; the tenant's unless said", **given | kwargs)


class Date(_Optional, models.DateField):
    """A day, without a time zone."""


class DateTime(_Optional, models.DateTimeField):
    """A moment; UTC on every wire.

    ``day_if`` names a flag of the noun: where it is set, the moment stands for its whole day
    (:mod:`headlessly.declaration.days`). A moment with ``done_at`` is a deadline, which pages show with the
    time left: it is met at the moment of that name, and near from the moment that ``near_at`` names.
    """

    def __init__(
        self,
        help_text: str = "",
        *,
        day_if: str | None = None,
        done_at: str | None = None,
        near_at: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.day_if, self.done_at, self.near_at = day_if, done_at, near_at
        super().__init__(help_text, **kwargs)


class Flag(_Plain, models.BooleanField):
    """True or false; false by default."""

    def __init__(self, help_text: str = "", **kwargs: Any) -> None:
        if kwargs.get("unique"):
            raise TypeError("A flag cannot be unique: a tenant would have two records at the most.")
        kwargs.setdefault("default", False)
        super().__init__(help_text=help_text, **kwargs)


class Pairs(str):
    """The kind of a JSON key whose value is an object, filled in with a line for each of its keys. ``names``
    returns pairs of a key and its label."""

    names: Callable[[], Iterable[tuple[str, Any]]]

    def __new__(cls, names: Callable[[], Iterable[tuple[str, Any]]]) -> Pairs:
        made = super().__new__(cls, "pairs")
        made.names = names
        return made


class ListWhere(str):
    """The kind of a JSON key whose value is a list of texts. Only objects have it whose key ``beside`` is
    ``value``."""

    beside: str
    value: str

    def __new__(cls, beside: str, value: str) -> ListWhere:
        made = super().__new__(cls, "list")
        made.beside, made.value = beside, value
        return made


class Json(_Optional, models.JSONField):
    """Any JSON value; a noun checks its shape in ``validate``.

    ``keys`` are the keys of its objects. With ``kinds`` it is a list of such objects, which people fill in
    row by row. The kind of a key is one of:

    - ``number``, ``flag``, ``date``
    - ``list``: texts; :class:`ListWhere` if only some objects have it
    - ``pairs``: an object, with a line for each of its keys; :class:`Pairs` if these have labels
    - ``order``: the object's place in the list
    - ``hidden``: kept as it is
    - ``filter:Lead``: a filter of that noun, or of one that refers to it, which the key ``type`` names
    - choices, whose ``offers`` return their labels
    - a function that returns suggestions: pairs of a value and a label, optionally followed by other values
      of the row that go with it

    A key without a kind is text. With ``filters`` the value has a noun's name as ``type`` and a ``filter`` of
    it, which people put together row by row. ``example`` is a value that a noun accepts. ``form_help``
    replaces ``help_text`` in forms, where that says how programs write the value. ``form_value`` returns the
    value for what people typed there.
    """

    def __init__(
        self,
        help_text: str = "",
        *,
        keys: Iterable[str] = (),
        kinds: Mapping[str, str | Iterable[str] | Callable[[], Iterable[tuple[Any, ...]]]]
        | None = None,
        filters: bool | tuple[str, ...] = False,
        example: Any = None,
        form_help: str = "",
        form_value: Callable[[Any], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.form_help, self.form_value = form_help, form_value
        self.keys, self.kinds, self.filters = tuple(keys), kinds, filters
        self.example = example
        super().__init__(help_text, **kwargs)


class ExternalIds(Json):
    """The ids of a record in other systems; see :mod:`.external_ids`. Every noun has one."""

    normalize = staticmethod(external_ids.normalize_external_ids)
    change = staticmethod(external_ids.change_external_ids)
    unite = staticmethod(external_ids.unite_external_ids)

    def __init__(self, help_text: str = "", **kwargs: Any) -> None:
        super().__init__(help_text, **{"keys": ("system", "id"), "kinds": {}} | kwargs)


class Choices(_Optional, models.JSONField):
    """Several short texts, each once, in the order in which they were given; NULL if there are none.

    ``of`` is the list from which they are taken, and which remembers new ones; texts that differ only in case
    and accents are the same. ``offers`` returns suggestions of a form: pairs of a value and a label.
    ``form_help`` replaces ``help_text`` in forms, where that says how programs write the value.
    """

    change = staticmethod(choices.change_choices)
    unite = staticmethod(choices.unite_choices)

    def __init__(
        self,
        help_text: str = "",
        *,
        most: int = choices.MOST,
        of: str = "",
        offers: Callable[[], Iterable[tuple[str, Any]]] | None = None,
        form_help: str = "",
        **kwargs: Any,
    ) -> None:
        self.form_help = form_help
        self.most, self.list_name, self.offers = most, of, offers
        self.length = choices.LENGTH
        super().__init__(help_text, **kwargs)


class Others(Choices):
    """Further values of a record, beside the first ones in the columns ``beside``: ``otherEmails``.

    Each value is what the first of these columns accepts. If that column is unique, all values are unique
    together: no two records of a tenant share any of them. See :mod:`.others`.
    """

    def __init__(
        self,
        help_text: str = "",
        *,
        beside: str | Iterable[str],
        example: Any = None,
        **kwargs: Any,
    ) -> None:
        self.example = example
        self.beside = (beside,) if isinstance(beside, str) else tuple(beside)
        super().__init__(help_text, **{"most": others.MOST} | kwargs)
        self.length = others.LENGTH
        self.change = others.changing_others(example)  # type: ignore[method-assign,assignment]

    def get_transform(self, name: str) -> Any:
        found = {"whole": folding.WholeText, "numbers": folding.Numbers}.get(name)
        return found or super().get_transform(name)


class Hidden(_Plain):
    """A column for internal use: in no answer, no form and no input."""


class HiddenText(Hidden, models.CharField):
    """A short text for internal use."""

    def __init__(self, **kwargs: Any) -> None:
        given: dict[str, Any] = {"max_length": 64, "null": True, "editable": False}
        given["db_collation"] = "C"
        super().__init__(**given | kwargs)


class HiddenMoment(Hidden, models.DateTimeField):
    """A moment for internal use."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"null": True, "editable": False} | kwargs)


class Choice(String):
    """One value of a closed list, spelled exactly as declared.

    A choice that no machine, rule or report depends on may be ``listed``: then a tenant may have its own list
    instead. Fields share a list if they name the same field as ``list_of``.

    ``follows`` names another field, and a mapping from its values to values of this one (or a function of the
    record). The value follows that field until somebody sets it, and again when it is emptied. The resulting
    value is stored.
    """

    def __init__(
        self,
        choices: type[models.TextChoices],
        help_text: str = "",
        *,
        listed: bool = False,
        follows: tuple[str, Callable[[Any], str | None] | Mapping[str, str]] | None = None,
        **kwargs: Any,
    ) -> None:
        self.values, self.listed = tuple(choices.values), listed
        self.follows = follows
        super().__init__(help_text, choices=choices.choices, **{"max_length": 32, **kwargs})

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False
    ) -> None:
        super().contribute_to_class(cls, name, private_only=private_only)
        if self.follows is not None:
            Stated().contribute_to_class(cls, f"{name}{Stated.SUFFIX}")


class Stated(Hidden, models.BooleanField):
    """Whether somebody set the value of a field that otherwise follows another. Maintained by the record."""

    SUFFIX = "_is_stated"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"default": False, "editable": False} | kwargs)


class VisibleReference(ForwardManyToOneDescriptor):
    """The record that a reference leads to, if the actor sees it: None if it is hidden, even for a required
    reference."""

    def __get__(self, instance: Any, cls: type[models.Model] | None = None) -> Any:
        try:
            return super().__get__(instance, cls)
        except ObjectDoesNotExist:
            if getattr(instance, self.field.attname) is None:
                raise
            self.field.set_cached_value(instance, None)
            return None


class Reference(_Plain, TenantForeignKey):
    """A link to another noun of the same tenant. A record that is referred to cannot be deleted, unless the
    reference has ``on_delete=models.CASCADE``: then the referring record is deleted and restored with it."""

    forward_related_accessor_class = VisibleReference

    def __init__(
        self, to: str, related_name: str = "+", help_text: str = "", **kwargs: Any
    ) -> None:
        required = kwargs.pop("required", False)
        self.unique_in_tenant = kwargs.pop("unique", False)
        kwargs.setdefault("null", not required)
        kwargs.setdefault("blank", not required)
        kwargs.setdefault("on_delete", models.PROTECT)
        # Indexes of a noun begin with the tenant; one on the reference alone would be of no use.
        kwargs.setdefault("db_index", False)
        super().__init__(to, related_name=related_name, help_text=help_text, **kwargs)


class PublicId(_Plain, models.CharField):
    """The primary key: ``prefix_`` and twelve random characters, compared byte by byte."""

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        self.prefix = prefix
        kwargs |= {"primary_key": True, "editable": False, "max_length": 32, "db_collation": "C"}
        super().__init__(**kwargs)

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False
    ) -> None:
        self.prefix = getattr(cls, "prefix", "") or self.prefix
        super().contribute_to_class(cls, name, private_only=private_only)

    def has_default(self) -> bool:
        return True

    def get_default(self) -> str:
        return public_id(self.prefix)


class Reached(Hidden, models.CharField):
    """The furthest state of its path that a record had reached before it stepped back or left the path.

    Empty if the current state is the furthest. Maintained by the executor.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 32, "null": True, "editable": False} | kwargs)


class StatusField(_Plain, FSMField):
    """The state of a record in its state machine.

    ``moves`` are the steps that an update may take: ``{from: to}`` or ``{from: (to, to)}``. All other steps
    belong to verbs. ``entry`` are the states in which a record may be created (default: any); ``closed`` maps
    a final state to the fields that no longer change in it.

    ``path_from`` names the reference that gives a record its states (:mod:`.paths`). The choices are then the
    usual states, ``kinds`` has the kind of each that is not open, and verbs declare their steps by kinds.
    """

    def __init__(
        self,
        choices: type[models.TextChoices] | None = None,
        help_text: str = "",
        *,
        moves: Mapping[str, str | Iterable[str]] | None = None,
        entry: Iterable[str] | None = None,
        closed: Mapping[str, Iterable[str]] | None = None,
        path_from: str | None = None,
        kinds: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.states = tuple(choices.values if choices else ())
        self.path_from, kinds = path_from, kinds or {}
        self.usual_path = Path(
            tuple(State(str(each), str(each), kinds.get(each, OPEN)) for each in self.states)
        )
        self.moves = {
            source: (target,) if isinstance(target, str) else tuple(target)
            for source, target in (moves or {}).items()
        }
        self.entry = tuple(entry) if entry else self.states
        self.closed = {state: frozenset(fields) for state, fields in (closed or {}).items()}
        if choices:
            kwargs |= {"choices": choices.choices}
            kwargs.setdefault("default", choices.values[0])
        kwargs.setdefault("max_length", 32)
        super().__init__(help_text=help_text, **kwargs)

    def get_state(self, instance: Any) -> Any:
        """Returns the state without the descriptor of django-fsm, which creates an object on every access and
        is only needed for a deferred value."""
        held = instance.__dict__
        return held[self.name] if self.name in held else super().get_state(instance)

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False
    ) -> None:
        """Add a django-fsm transition for each target that an update may reach."""
        super().contribute_to_class(cls, name, private_only=private_only)
        Reached().contribute_to_class(cls, "reached")
        for target in sorted({t for targets in self.moves.values() for t in targets}):
            sources = [source for source, targets in self.moves.items() if target in targets]
            move = transition(field=name, source=sources, target=target)(_move_to(target))
            setattr(cls, f"_move_to_{target.lower()}", move)


def _move_to(target: str) -> Callable[[models.Model], None]:
    def move(record: models.Model) -> None:
        """Reached by updating the field."""

    move.__name__ = f"move_to_{target.lower()}"
    return move
