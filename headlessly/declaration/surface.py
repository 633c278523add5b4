"""How a noun appears on every surface, and the fields that are computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, Self, TypeVar, overload

from django.utils.text import slugify

from headlessly.declaration.engagements import Engagements
from headlessly.declaration.files import Files

T = TypeVar("T")
#: The area of nouns that are set up once, and not worked on.
SETUP = "setup"
#: The references that say who works on a record, not whom it is about.
WORKERS = ("owner", "assignee", "member")


@dataclass(frozen=True)
class Computed(Generic[T]):
    """A field that is computed from others and never stored."""

    function: Callable[[Any], T]
    type: str
    needs: tuple[str, ...]
    name: str = ""

    def __set_name__(self, owner: Any, name: str) -> None:
        object.__setattr__(self, "name", name)

    @overload
    def __get__(self, record: None, noun: Any) -> Self: ...
    @overload
    def __get__(self, record: object, noun: Any) -> T: ...
    def __get__(self, record: Any, noun: Any) -> Any:
        return self if record is None else self.function(record)


def computed(type: str, *needs: str) -> Callable[[Callable[[Any], T]], Computed[T]]:
    """Declare a computed field of JSON ``type`` that reads the columns ``needs``."""
    return lambda function: Computed(function, type, needs)


@dataclass(frozen=True)
class Kinds:
    """A noun's ``Surface.kinds``: a choice divides its records into kinds, and some fields belong to some
    kinds only. A record keeps its kind."""

    choice: str  #: the choice with the kind of a record
    #: The fields of each kind. Fields that are listed nowhere belong to all kinds.
    fields: Mapping[str, tuple[str, ...]]
    settings: Mapping[str, str] = field(default_factory=dict)  #: what each kind decides, in short
    #: By kind: the nouns that its filters may be of, where not every noun will do.
    about: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of_others(self, kind: str) -> frozenset[str]:
        """Returns the fields that records of ``kind`` do not have."""
        named = {name for names in self.fields.values() for name in names}
        return frozenset(named - {*self.fields.get(kind, ())})

    def with_field(self, name: str) -> tuple[str, ...]:
        """Returns the kinds that have a field; empty if all have it."""
        return tuple(kind for kind, names in self.fields.items() if name in names)


class Surface:
    """How a noun appears on every surface. A noun overrides what is different for it."""

    area = "sales"  #: which row of the permission table applies
    icon: str = "circle"  #: of Material Symbols, beside the noun's name
    rank: int = 100  #: where menus list it, lowest first
    is_in_menu: bool = True  #: false if its records appear only on pages of other records
    setting: str = ""  #: what it decides, in a few words, for the page of settings
    kinds: Kinds | None = None  #: the kinds of its records, each with its own fields
    #: The states when all goes well; empty for the machine's longest way.
    path: tuple[str, ...] = ()
    columns: tuple[str, ...] = ("name",)
    facets: tuple[str, ...] = ()
    #: The fields that a list can be filtered by from and to; None for its columns that are amounts or dates.
    ranges: tuple[str, ...] | None = None
    #: Conditions under a name, in the filter language: {"Large": {"value": {"$gte": 10_000}}}.
    presets: Mapping[str, Mapping[str, Any]] = {}
    #: Lists under a name, in the language of addresses: {"Due": "dueAt__lt=tomorrow&o=dueAt"}; {open} is
    #: the states in which its records are open.
    views: Mapping[str, str] = {}
    #: The fields that are edited in the list itself; None for the status and the owner.
    inline: tuple[str, ...] | None = None
    #: Numbers whose mean says nothing, because each record counts something else.
    no_mean: tuple[str, ...] = ()
    #: Numbers that count something: of several records they are added up, as amounts are.
    counts: tuple[str, ...] = ()
    #: The texts in which words are looked for: anywhere in short ones, where a word begins in long ones.
    search: tuple[str, ...] = ("name",)
    ordering: tuple[str, ...] = ("-created_at",)
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: The reference to the owner of a record; ``owner`` if the noun has such a field.
    owner: str | None = None
    #: The references whose records decide who sees a record without an owner.
    about: tuple[str, ...] = ()
    due: str | None = None  #: when an open record has to be done
    reminds: str | None = None  #: when the owner of an open record is reminded
    #: Further moments at which owners are told of open records, by the kind of notification.
    tells: Mapping[str, str] = {}
    #: References whose name and card the owner of the record sees, even if they belong to somebody else.
    introduces: tuple[str, ...] = ()
    #: For a noun that joins records of two nouns: the references to both. Those of the
    #: first can then be filtered by the second, under its name: ("member", "team") makes ``owner.team``.
    joins: tuple[str, str] | None = None
    board: Board | None = None  #: how it stands on a board, for a noun with a machine
    calendar: CalendarView | None = None  #: on which days its records stand
    card: tuple[str, ...] = ()  #: its fields on pages of other records, such as phone and email
    #: Which of its records stand on somebody's day, and why.
    agenda: tuple[Reason, ...] = ()
    #: The field that says since when somebody waits for an answer. Lists and cards show it, and the owner's
    #: day says who waits.
    waits: str = ""
    #: The field that says in words what comes next: pages show it beside what is planned.
    intends: str = ""
    #: For a noun whose records are notes, calls or tasks about others.
    engagements: Engagements | None = None
    #: The fields by which two records are taken for the same if one is equal: whoever creates the second is
    #: warned.
    alike: tuple[str, ...] = ("name",)
    #: The verbs, and the fields as columns of lists, that pages offer only where a tenant's shape says so
    #: (``Schema.not_offered``).
    not_offered: tuple[str, ...] = ()
    #: The fields of the quick form, in its order; "contact.email" is a field of the contact that a new record
    #: refers to, which is found or created with it (``files.described``). Empty for a noun without such a
    #: form. If the noun is in no menu, the form opens on the pages of the records that it refers to.
    quick: tuple[str, ...] = ()
    files: Files = Files()  #: how people and other programs write it in files

    @classmethod
    def preset(cls, slug: str) -> Mapping[str, Any]:
        """Returns the preset that addresses call so: ``is=nothing-planned``. Raises KeyError."""
        return {slugify(name): condition for name, condition in cls.presets.items()}[slug]


@dataclass(frozen=True)
class Reason:
    """Why records stand on somebody's day (``Surface.agenda``): a list, and how urgent it is."""

    name: str
    #: In the language of addresses, as in ``Surface.views``. ``{person}`` is the person of the day; the
    #: conditions with it are dropped on everybody's day.
    query: str
    rank: int  #: among the reasons of all nouns, lowest first
    moment: str  #: the field that says since when, or until when
    late: bool = False  #: whether it means that something is wrong
    #: The column that it filters by, if only the lists of some tenants have it.
    column: str = ""
    done: str = ""  #: the verb that does it, for records that are no engagements


@dataclass(frozen=True)
class Board:
    """A noun's ``Surface.board``: a column per state, a card per record, moved through the machine.

    A board reads the first cards of each column, however many records there are: an index has to have
    ``(tenant, state, order, id)`` for the open states and ``(tenant, state, -end_field, -id)`` for
    those in which a record has ended, of which a board shows the latest.
    """

    order: str = "-created_at"  #: most urgent first within a column
    measure: str | None = None  #: the amount of a card; a column shows their sum
    shows: tuple[str, ...] = ()  #: what else a card shows
    age_field: str = "updated_at"  #: a card shows the age of this moment
    #: The moment at which a record ended. With ``updated_at`` every update writes in every index.
    end_field: str = "updated_at"

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that is named, for the check of declarations."""
        measure = (self.measure,) if self.measure else ()
        return (self.order.lstrip("-"), *measure, *self.shows, self.age_field, self.end_field)


@dataclass(frozen=True)
class CalendarView:
    """A noun's ``Surface.calendar``: a record stands on the days from ``start`` to ``end``; without a start
    on the day when it is due (``Surface.due``).

    A calendar reads the records of the days that it shows: an index has to have the tenant and the moment by
    which they stand there (:func:`headlessly.query.calendar_days.moment_of`).
    """

    start: str = ""
    end: str = ""
    #: Records that last longer than this do not stand on their later days.
    longest: timedelta = timedelta(days=31)
    is_fed: bool = False  #: whether people may have their own in another calendar program

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that is named, for the check of declarations."""
        return tuple(filter(None, (self.start, self.end)))
