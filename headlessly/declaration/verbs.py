"""What can be done to a noun.

``@verb`` turns a method into a verb: called on the class or on a record, from any surface, it goes
through :mod:`headlessly.execution.executor`. Its keyword-only arguments are its input everywhere: the body of
the REST call, the fields of the dialog, the parameters of the tool. Its docstring is their text.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property
from types import NoneType
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    Self,
    TypedDict,
    TypeVar,
    Unpack,
    get_args,
    overload,
)

from django_fsm import GET_STATE, transition

from headlessly.declaration.conjugation import conjugate
from headlessly.declaration.fields import StatusField
from headlessly.declaration.hooks import Hook
from headlessly.declaration.merging import Kept
from headlessly.declaration.schema import Field, field_as_input, wire_name
from headlessly.declaration.shapes import cached_by_shape

if TYPE_CHECKING:
    from headlessly.declaration.record import Record


N = TypeVar("N", bound="Record")
P = ParamSpec("P")
#: What a verb answers: the record after it.
R = TypeVar("R", covariant=True)
#: The noun on which a verb is called, a subclass of the one that declares it.
M = TypeVar("M", bound="Record")


class ClassCall(Protocol[N, P]):
    """``Lead.convert``: called with the record or its id (with none by a verb that creates) and the input.

    Beside the input every call takes ``dry_run`` and ``if_match``.
    """

    def __call__(
        self, target: N | str | None = None, /, *args: P.args, **inputs: P.kwargs
    ) -> N: ...


class RecordCall(Protocol[R, P]):
    """``lead.convert``: called with the input."""

    def __call__(self, *args: P.args, **inputs: P.kwargs) -> R: ...


class Options(TypedDict, total=False):
    """What :func:`verb` may be told; it says what each means."""

    source: str | Iterable[str]
    target: str
    moves: Mapping[str, str]
    event: str
    sets: Iterable[str]
    creates: bool
    finds: str
    without: Iterable[str]
    deletes: bool
    restores: bool
    merges: bool
    corrects: bool
    public: Iterable[str]
    receives: str
    chooses: str
    needs: str
    unless: str
    quiet: bool
    title: str
    aside: bool


class Existing:
    """A verb's input that is another record: ``into: Annotated[Contact, Existing("Contact")]``."""

    new = False

    def __init__(self, to: str) -> None:
        self.to = to


#: Annotations of inputs that are neither a field of the noun nor a record.
PLAIN: dict[Any, str] = {
    datetime: "datetime",
    date: "date",
    str: "string",
    int: "integer",
    float: "number",
    bool: "bool",
    bytes: "file",
}
#: What is said of an input that is a file.
FILE = "text in base64, or its name and content"
#: The longest text that is such an input.
MAX_TEXT = 255


class Example:
    """A value of a plain input for programs that try it out: ``stage: Annotated[str, Example("Lost")]``."""

    def __init__(self, value: Any) -> None:
        self.value = value


class NewOrExisting(Existing):
    """An input that is an existing record, or the fields of one that the verb makes."""

    new = True


class Verb(Generic[N, P]):
    """One verb of one noun: its steps in the machine, its input, its hooks and its event."""

    def __init__(
        self,
        body: Callable[Concatenate[N, P], Any],
        *,
        source: str | Iterable[str] = (),
        target: str | None = None,
        moves: Mapping[str, str] | None = None,
        event: str | None = None,
        sets: Iterable[str] = (),
        creates: bool = False,
        finds: str | None = None,
        without: Iterable[str] = (),
        deletes: bool = False,
        restores: bool = False,
        merges: bool = False,
        corrects: bool = False,
        asks: str | None = None,
        public: Iterable[str] | None = None,
        receives: str | None = None,
        chooses: str | None = None,
        needs: str | None = None,
        unless: str | None = None,
        quiet: bool = False,
        title: str = "",
        aside: bool = False,
    ) -> None:
        self.body: Callable[..., Any] = body
        self.name = body.__name__
        #: As declared; by kinds of states where records get theirs from others (:mod:`.paths`).
        self.declared_steps = dict(moves or {})
        for state in (source,) if isinstance(source, str) else source:
            self.declared_steps[state] = target or state
        self.chooses, self.quiet, self.title = chooses, quiet, title
        self.needs, self.unless, self.aside = needs, unless, aside
        self.sets = frozenset(sets)
        self.creates = creates
        self.finds = finds
        self.without = frozenset(without)
        self.deletes = deletes
        self.restores = restores
        self.merges = merges
        self.corrects = corrects
        self.asks, self.receives = asks, receives
        self.public = None if public is None else tuple(public)
        self.conjugation = conjugate(self.name, event)
        self.description = self.__doc__ = inspect.getdoc(body) or ""
        self.noun: type[N]
        self.before: Hook[N]
        self.after: Hook[N]

    def bind(self, noun: type[N]) -> Verb[N, P]:
        """A copy of this verb for ``noun``, with hooks, look-up and django-fsm transition in place."""
        bound: Verb[N, P] = Verb.__new__(Verb)
        bound.__dict__ = self.__dict__ | {"noun": noun}
        words = self.conjugation
        bound.before, bound.after = (Hook(noun.__name__, w) for w in (words.before, words.after))
        setattr(noun, words.before, bound.before)
        setattr(noun, words.after, bound.after)
        setattr(noun, words.by, noun._by_actor(bound))
        setattr(noun, self.name, bound)
        if self.declared_steps:
            setattr(noun, self.transition, self._fsm(noun))
        return bound

    def _fsm(self, noun: type[Record]) -> Callable[..., Any]:
        def method(record: Record, **inputs: Any) -> Any:
            return self.body(record, **inputs)

        method.__name__, method.__doc__ = self.name, self.__doc__
        field = noun.status_field()
        column = noun._meta.get_field(field)
        if isinstance(column, StatusField) and column.path_from:
            there = GET_STATE(lambda record, **inputs: record.step_target(self, inputs))
            return transition(field=field, source="*", target=there)(method)
        for source, target in self.declared_steps.items():
            method = transition(field=field, source=source, target=target)(method)
        return method

    @property
    def steps(self) -> dict[str, str]:
        """Where it leads from each state in which it is possible; where it may be told, first of all."""
        if not self.declared_steps:
            return {}
        targets = self.noun.schema.require_machine().targets[self.name]
        return {source: targets[0] for source, targets in targets.items()}

    @property
    def transition(self) -> str:
        """The attribute that holds the django-fsm transition; only the executor calls it."""
        return f"_fsm_{self.name}"

    @property
    def event(self) -> str:
        """The name of the event this verb leaves: ``Lead.Converted``."""
        return f"{self.noun.__name__}.{self.conjugation.event}"

    @property
    def changes_fields(self) -> bool:
        """Whether it gives a record other values than it has: what an immutable noun has no verb for."""
        return self.name in ("update", "rollback")

    @property
    def restores_values(self) -> bool:
        """Whether it gives a record values that it had, also where no step of the machine leads."""
        return self.corrects or self.name == "rollback"

    @property
    def label(self) -> str:
        return self.title or self.name.replace("_", " ").capitalize()

    @property
    def summary(self) -> str:
        """The first paragraph of the docstring."""
        return " ".join(self.description.split("\n\n")[0].split())

    @cached_property
    def takes_fields(self) -> bool:
        """Whether the input is the noun's own fields."""
        kinds = (p.kind for p in inspect.signature(self.body).parameters.values())
        return inspect.Parameter.VAR_KEYWORD in kinds

    @cached_property
    def takes_file(self) -> bool:
        """Whether an input of its own is a file."""
        return not self.asks and any(self.input_of(p).type == "file" for p in self._parameters())

    @property
    @cached_by_shape
    def inputs(self) -> dict[str, Field]:
        """The input by wire name; for a verb that takes fields, the writable fields of the noun."""
        schema = self.noun.schema
        inputs = {f.wire: f for f in map(self.input_of, self._parameters())}
        if self.takes_fields:
            described = self.noun.Surface.files.described if self.name == "create" else ()
            writable = {
                f.wire: replace(f, new=True)
                if f.name in described
                else f
                if self.name == "create" or (self.creates and f.name != self.finds)
                else field_as_input(f, required=f.name == self.finds)
                for f in schema.inputs()
                if f.name not in self.without
            }
            inputs |= writable
        return inputs

    def inputs_of(self, record: Record, *, wire: bool = True) -> Mapping[str, Field]:
        """What the verb takes on ``record``: the same on every one, unless each asks for its own."""
        if self.asks:
            return getattr(record, self.asks)()
        return self.inputs if wire else self.python_inputs

    @property
    @cached_by_shape
    def python_inputs(self) -> dict[str, Field]:
        """The input by the names that Python callers use, a reference's column included."""
        fields = self.inputs.values()
        return {f.column: f for f in fields} | {f.name: f for f in fields}

    def _parameters(self) -> list[inspect.Parameter]:
        return [
            p
            for p in inspect.signature(self.body, eval_str=True).parameters.values()
            if p.kind is inspect.Parameter.KEYWORD_ONLY
        ]

    def input_of(self, parameter: inspect.Parameter, noun: type[Record] | None = None) -> Field:
        """The input that an argument declares. Raises TypeError for one that says nothing."""
        noun = noun or self.noun
        required = parameter.default is inspect.Parameter.empty
        hint = parameter.annotation
        mark = next(iter(getattr(hint, "__metadata__", ())), None)
        if isinstance(mark, Existing):
            return Field(
                name=parameter.name,
                wire=wire_name(parameter.name),
                column=parameter.name,
                type="reference",
                required=required,
                to=mark.to,
                prefix=noun.registry[mark.to].prefix,
                record=True,
                new=mark.new,
                label=parameter.name.replace("_", " ").capitalize(),
            )
        if parameter.name in noun.schema.by_name:
            field = field_as_input(noun.schema.by_name[parameter.name], required=required)
            if parameter.name == self.chooses:
                entry = noun.schema.require_machine().entry
                # Who need not say it leaves it empty: what a new record begins with is no answer here.
                field = replace(
                    field,
                    choices=tuple(map(field.to_json, entry)),
                    clearable=not required,
                    default=None,
                )
            return replace(field, new=field.name in noun.Surface.files.described)
        if isinstance(mark, Kept):
            return mark.as_input(parameter.name, noun, required=required)
        hint = get_args(hint)[0] if mark is not None else hint
        plain = next((each for each in get_args(hint) if each is not NoneType), hint)
        if plain in PLAIN:
            return Field(
                name=parameter.name,
                wire=wire_name(parameter.name),
                column=parameter.name,
                type=PLAIN[plain],
                relative=plain is datetime,
                max_length=MAX_TEXT if PLAIN[plain] == "string" else None,
                required=required,
                example=mark.value if isinstance(mark, Example) else None,
                description=FILE if PLAIN[plain] == "file" else "",
                label=parameter.name.replace("_", " ").capitalize(),
            )
        raise TypeError(f"{self.name}: {parameter.name} is no field, no record and no plain type.")

    @overload
    def __get__(self, record: None, noun: type[M]) -> ClassCall[M, P]: ...
    @overload
    def __get__(self, record: M, noun: type[M]) -> RecordCall[M, P]: ...
    @overload  # kept by a page, say, it is the verb itself
    def __get__(self, record: object, noun: type) -> Self: ...
    def __get__(self, record: Any, noun: Any) -> Any:
        return noun._call(self, record)

    def __repr__(self) -> str:
        return f"<Verb {self.name}>"


@overload
def verb(body: Callable[Concatenate[N, P], Any], /) -> Verb[N, P]: ...
@overload
def verb(
    *, asks: str, **options: Unpack[Options]
) -> Callable[[Callable[[N], Any]], Verb[N, ...]]: ...
@overload
def verb(
    **options: Unpack[Options],
) -> Callable[[Callable[Concatenate[N, P], Any]], Verb[N, P]]: ...
def verb(body: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Declare a verb.

    ``source`` and ``target`` (or ``moves``, a mapping) are its steps in the noun's machine, a ``source``
    alone the states in which it is possible and which it leaves as they are; ``sets`` the read-only fields
    that it writes; ``creates`` that it makes the record; ``finds`` the unique field by which it first looks
    for an existing one; ``without`` the fields it does not take; ``deletes`` that the record is gone
    afterwards, so that nobody may begin to refer to it meanwhile; ``restores`` that it is for deleted
    records, which other verbs do not find; ``merges`` that it lives on in another, its ``successor``, which
    the body answers: that one is found by what this one was found by, is referred to instead of it, and has
    the values that ``keep`` says (:mod:`.merging`); ``corrects`` that it only takes back what other verbs
    did: no surface has it, and it goes where the machine does not; ``event`` the name of its event where the
    conjugation would be another; ``chooses`` the input that says to which of several states it leads;
    ``needs`` the field without a value of which there is nothing to do, so that pages do not offer it,
    ``unless`` the one with a value of which there is nothing;
    ``quiet`` that who follows the record is not told of it; ``title`` what its button says where its name
    alone would say too little, ``aside`` that it is rare, and stands in the menu of a page.

    ``asks`` names a method that answers the verb's input by name where each record has its own: the
    hooks find it in ``ctx.input``, the body has no arguments. ``public`` lets anybody execute it, without
    a key; it names the fields of the record that a stranger is answered, and no others.

    ``receives`` names a method that is handed what was sent before anything is checked. It answers what is
    to be checked and what is only kept (the hooks find it in ``ctx.extras``), or None when there is nothing
    to do, such as for what was sent twice: then the record is answered as it is, without an event. Text
    counts as it does from a browser's form then.
    """
    if body is not None:
        return Verb(body, **options)
    return lambda body: Verb(body, **options)
