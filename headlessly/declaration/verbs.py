"""Verbs: what can be done with the records of a noun.

``@verb`` turns a method into a verb: called on the class or on a record, from any surface, it goes through
:mod:`headlessly.execution.executor`. Its keyword-only arguments are its input everywhere: the body of the
REST call, the fields of the dialog, the parameters of the tool. Its docstring is their text.
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
#: The return value of a verb: the record after it.
R = TypeVar("R", covariant=True)
#: The noun on which a verb is called, a subclass of the one that declares it.
M = TypeVar("M", bound="Record")


class ClassCall(Protocol[N, P]):
    """``Lead.convert``: called with the record or its id (neither, if the verb creates) and the input.

    Every call also takes ``dry_run`` and ``if_match``.
    """

    def __call__(
        self, target: N | str | None = None, /, *args: P.args, **inputs: P.kwargs
    ) -> N: ...


class RecordCall(Protocol[R, P]):
    """``lead.convert``: called with the input."""

    def __call__(self, *args: P.args, **inputs: P.kwargs) -> R: ...


class Options(TypedDict, total=False):
    """The options of :func:`verb`, which documents them."""

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


#: Annotations of inputs that are neither a field of the noun nor a record, and the types of the inputs.
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
    """An input that is an existing record, or the fields of a record that the verb creates."""

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
        #: As declared; by kinds of states if records get their states from paths (:mod:`.paths`).
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
        """Returns a copy of this verb for ``noun``, and adds its hooks, look-up and django-fsm transition to
        the class."""
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
        """Where it leads from each state in which it is possible; the first target if there is a choice."""
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
        """The name of the event that this verb records: ``Lead.Converted``."""
        return f"{self.noun.__name__}.{self.conjugation.event}"

    @property
    def changes_fields(self) -> bool:
        """Whether it changes the values of a record: an immutable noun has no such verb."""
        return self.name in ("update", "rollback")

    @property
    def restores_values(self) -> bool:
        """Whether it sets former values of a record, even if the machine has no such step."""
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
        """Whether its input is the noun's own fields."""
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
        """Returns the input of the verb on ``record``, which is the same for all records unless the verb
        ``asks``."""
        if self.asks:
            return getattr(record, self.asks)()
        return self.inputs if wire else self.python_inputs

    @property
    @cached_by_shape
    def python_inputs(self) -> dict[str, Field]:
        """The input by the names that Python callers use, including the columns of references."""
        fields = self.inputs.values()
        return {f.column: f for f in fields} | {f.name: f for f in fields}

    def _parameters(self) -> list[inspect.Parameter]:
        return [
            p
            for p in inspect.signature(self.body, eval_str=True).parameters.values()
            if p.kind is inspect.Parameter.KEYWORD_ONLY
        ]

    def input_of(self, parameter: inspect.Parameter, noun: type[Record] | None = None) -> Field:
        """Returns the input that an argument declares. Raises TypeError if its annotation has no type of an
        input."""
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
                # Left out, it stays empty: the default of a new record is not meant here.
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
    @overload  # as an attribute of another class, such as a page
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

    Steps in the noun's machine:

    - ``source`` and ``target``, or ``moves``, a mapping: the steps that the verb takes. A ``source`` alone:
      the states in which it is possible, and which it does not change.
    - ``chooses``: the input that says to which of several states it leads.
    - ``corrects``: it only takes back what other verbs did; no surface has it, and it may go where the
      machine does not.

    What it does with records:

    - ``creates``: it makes the record; ``finds``: the unique field by which it first looks for an existing
      one.
    - ``deletes``: the record is gone afterwards, so that nobody may begin to refer to it meanwhile.
    - ``restores``: it is for deleted records, which other verbs do not find.
    - ``merges``: the record lives on in another, its ``successor``, which the body returns. That one is found
      by the values of this one, gets its references, and keeps the values that ``keep`` says
      (:mod:`.merging`).
    - ``sets``: the read-only fields that it writes; ``without``: the fields that it does not take.

    How it appears:

    - ``event``: the name of its event, if the conjugation would be another.
    - ``title``: the label of its button, if its name alone would say too little; ``aside``: it is rare, and
      in the menu of a page.
    - ``needs``: pages offer it only if this field has a value; ``unless``: only if this field has none.
    - ``quiet``: followers of the record are not notified.

    ``asks`` names a method that returns the verb's input by name, if each record has its own: hooks find it
    in ``ctx.input``, the body has no arguments. ``public`` lets anybody execute it, without a key; it names
    the fields of the record that such a caller is answered, and no others.

    ``receives`` names a method that is called with the raw input before anything is checked. It returns the
    input to check and extras that are only kept (hooks find them in ``ctx.extras``), or None if there is
    nothing to do, for example because the same was sent twice: then the record is returned as it is, without
    an event. Text is then treated as from a browser's form.
    """
    if body is not None:
        return Verb(body, **options)
    return lambda body: Verb(body, **options)
