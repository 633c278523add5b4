"""The columns of a noun: Django's own, with the product's limits and a missing value that is NULL.

A missing value is one thing on every surface (``null``), in every filter (``$exists``) and in every
sort (last); so text columns hold NULL, never "".
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
    """What people read (texts, choices, checks) is the code's; migrations see plain Django columns."""

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
    """``required=True`` or nothing at all: null, blank and their defaults in one word.

    ``unique=True`` means unique within the tenant, whatever the case.
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
    """One line of at most 255 characters; ``suggests`` is what people usually write there, and a tenant may
    have a list of its own instead. ``list_of`` is the field whose list that is, where several have one:
    ``Lead.source``. ``example`` is what programs may send that try it out, where not any text will do.
    ``offers`` makes what a form has to choose from: pairs of a value and a label, or of a title and such
    pairs. ``told`` says that it may be a sentence of the product, which people read in their language
    (:mod:`headlessly.language.sayings`); ``for_programs`` that it says nothing to people: pages leave it
    out."""

    #: The one spelling in which its values are stored and compared (see :mod:`.normalization`), if any.
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
    """An address, in small letters."""

    normalize = staticmethod(normalization.normalize_email)


class Domain(String):
    """The domain of a company, like ``acme.com``: no scheme, no ``www.``, no path."""

    normalize = staticmethod(normalization.normalize_domain)


class Slug(String):
    """A name in addresses: small letters, digits and single hyphens."""

    normalize = staticmethod(normalization.normalize_slug)


class Phone(String):
    """A number of a telephone as people write it, without what files put before it; found by its digits."""

    normalize = staticmethod(normalization.normalize_phone)


class Url(_Optional, models.URLField):
    """An absolute http or https address of at most 2,000 characters."""

    def __init__(self, help_text: str = "", *, max_length: int = 2000, **kwargs: Any) -> None:
        super().__init__(help_text, max_length=max_length, **kwargs)


class _Bounded(_Optional):
    """A number between ``minimum`` and ``maximum``, both included; None is no bound.

    ``unit`` is what it is counted in, as it stands behind the number: ``min``, ``%``.
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
    """An amount with two decimals, never negative. 15 digits: every value is exact as a JSON number.

    ``per`` names the choice of the noun that says in which interval it comes again: amounts of other
    intervals are not added up, nor compared.
    """

    def __init__(self, help_text: str = "", *, per: str = "", **kwargs: Any) -> None:
        self.per = per
        kwargs.setdefault("minimum", 0)
        super().__init__(help_text, **{"max_digits": 15, "decimal_places": 2, **kwargs})


class Currency(String):
    """The currency of a record's amounts, by its code of ISO 4217; the tenant's where nobody says another.

    A noun has one at the most; amounts of one that has none are in the tenant's currency. ``fixed_on`` are
    the days or moments that end what the amounts are about: from the first of them that is set on, they are
    converted at that day's rate for ever; before, at today's.
    """

    def __init__(self, help_text: str = "", *, fixed_on: Iterable[str] = (), **kwargs: Any) -> None:
        self.fixed_on = tuple(fixed_on)
        given: dict[str, Any] = {"max_length": 3, "validators": [currencies.validate_currency]}
        if not kwargs.get("required"):
            given |= {
                "null": False,
                "blank": True,
            }  # it may be left out, and is there when it is written
        given["suggests"] = currencies.COMMON
        super().__init__(help_text or "ISO 4217; the tenant's unless said", **given | kwargs)


class Date(_Optional, models.DateField):
    """A day, without a time zone."""


class DateTime(_Optional, models.DateTimeField):
    """A moment; UTC on every wire.

    ``day_if`` names a flag of the noun: where it is set, the moment stands for its whole day
    (:mod:`headlessly.declaration.days`). One with ``done_at`` is a deadline, which pages show as what is left
    of it: until the moment of that name, and as near from the one that ``near_at`` names.
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
    """True or false, false unless said."""

    def __init__(self, help_text: str = "", **kwargs: Any) -> None:
        if kwargs.get("unique"):
            raise TypeError("A flag cannot be unique: a tenant would have two records at the most.")
        kwargs.setdefault("default", False)
        super().__init__(help_text=help_text, **kwargs)


class Pairs(str):
    """The kind of a key of JSON whose value is an object, a line for each of its keys: ``names`` makes the
    pairs of a key and what people call it."""

    names: Callable[[], Iterable[tuple[str, Any]]]

    def __new__(cls, names: Callable[[], Iterable[tuple[str, Any]]]) -> Pairs:
        made = super().__new__(cls, "pairs")
        made.names = names
        return made


class ListWhere(str):
    """The kind of a key of JSON whose value is a list of texts, which an object has where its key ``beside``
    is ``value``."""

    beside: str
    value: str

    def __new__(cls, beside: str, value: str) -> ListWhere:
        made = super().__new__(cls, "list")
        made.beside, made.value = beside, value
        return made


class Json(_Optional, models.JSONField):
    """Any JSON value; a noun checks its shape in ``validate``.

    ``keys`` are what its objects have. With ``kinds`` it is a list of such objects, which people fill in
    row by row: ``number``, ``flag``, ``list`` (of texts; :class:`ListWhere` where only some have one),
    ``pairs`` (an object, a line for each of its keys; :class:`Pairs` where these have words), ``date``,
    ``order`` (their place in it), ``hidden`` (kept as it is), ``filter:Lead`` (a filter of that noun or of
    one that refers to it, which one is in the key ``type``), the choices there are, whose ``offers`` say
    what people call them, or what makes the pairs of a value and a label that are suggested, behind which
    may stand what the row has beside it then; what has no kind is text. One that ``filters`` has a noun's
    name as ``type`` and a ``filter`` of it, which people put together row by row. ``example`` is a value
    that a noun accepts. ``form_help`` is what a form says of it, where ``help_text`` says how programs
    write it, and ``form_value`` makes the value of what people typed there.
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
    """What a record is called in other systems; see :mod:`.external_ids`. Every noun has one."""

    normalize = staticmethod(external_ids.normalize_external_ids)
    change = staticmethod(external_ids.change_external_ids)
    unite = staticmethod(external_ids.unite_external_ids)

    def __init__(self, help_text: str = "", **kwargs: Any) -> None:
        super().__init__(help_text, **{"keys": ("system", "id"), "kinds": {}} | kwargs)


class Choices(_Optional, models.JSONField):
    """Several short texts, each once, in the order in which they were given; NULL where there is none.

    ``of`` is the list of values that they are taken from and that remembers new ones; texts that differ in
    case and accents alone are one. ``offers`` makes what a form suggests for each: pairs of a value and a
    label. ``form_help`` is what a form says of it, where ``help_text`` says how programs write it.
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
    """What a record has more than one of: values beside those of its columns ``beside``, which are the first.

    Each is what the first of these columns takes. Where that is unique it is so together with them: no two
    records of a tenant share one of all these values. See :mod:`.others`.
    """

    unite = staticmethod(others.unite_others)

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
    """A column that a record keeps for itself: in no answer, no form and no input."""


class HiddenText(Hidden, models.CharField):
    """A short text that a record keeps for itself."""

    def __init__(self, **kwargs: Any) -> None:
        given: dict[str, Any] = {"max_length": 64, "null": True, "editable": False}
        given["db_collation"] = "C"
        super().__init__(**given | kwargs)


class HiddenMoment(Hidden, models.DateTimeField):
    """A moment that a record keeps for itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"null": True, "editable": False} | kwargs)


class Choice(String):
    """One of a closed list, written as its values are.

    One that no machine, rule or report of the noun goes by may be ``listed``: a tenant has a list of its own
    instead; several fields have one where they say of which it is the list (``list_of``).

    ``follows`` is the name of another field, and what follows from each of its values (or what says so of
    a record): until somebody states a value of this one, and again as soon as it is emptied. What is stored
    is what counts.
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
    """Whether somebody stated the value of a field that otherwise follows another. Kept by the record."""

    SUFFIX = "_is_stated"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"default": False, "editable": False} | kwargs)


class VisibleReference(ForwardManyToOneDescriptor):
    """What a reference leads to, as far as the actor sees it: None where it is hidden, also behind a
    reference that is required."""

    def __get__(self, instance: Any, cls: type[models.Model] | None = None) -> Any:
        try:
            return super().__get__(instance, cls)
        except ObjectDoesNotExist:
            if getattr(instance, self.field.attname) is None:
                raise
            self.field.set_cached_value(instance, None)
            return None


class Reference(_Plain, TenantForeignKey):
    """A link to another noun of the same tenant. A record that is referred to is not deleted, unless the
    reference says ``on_delete=models.CASCADE``: then its record is deleted too, and comes back with it."""

    forward_related_accessor_class = VisibleReference

    def __init__(
        self, to: str, related_name: str = "+", help_text: str = "", **kwargs: Any
    ) -> None:
        required = kwargs.pop("required", False)
        self.unique_in_tenant = kwargs.pop("unique", False)
        kwargs.setdefault("null", not required)
        kwargs.setdefault("blank", not required)
        kwargs.setdefault("on_delete", models.PROTECT)
        # The indexes of a noun start with its tenant; one on the reference alone would help nobody.
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

    Empty as long as its state says it: for every record that only went ahead. Kept by the executor.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 32, "null": True, "editable": False} | kwargs)


class StatusField(_Plain, FSMField):
    """Where a record stands in its state machine.

    ``moves`` are the steps that updating the field may take: ``{from: to}`` or ``{from: (to, to)}``.
    All other steps belong to verbs. ``entry`` are the states in which a record may be created
    (default: any); ``closed`` maps a final state to the fields that no longer change in it.

    ``path_from`` names the reference that gives a record its states (:mod:`.paths`). The choices are the
    usual ones then, ``kinds`` says of which kind each is that is not open, and verbs declare their steps by
    kinds.
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
        """The machine's own makes an object each time, which reads a value that was left out; mostly there is
        one."""
        held = instance.__dict__
        return held[self.name] if self.name in held else super().get_state(instance)

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False
    ) -> None:
        """Give the noun one django-fsm transition per target that updating may reach."""
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
