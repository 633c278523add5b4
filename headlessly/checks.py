"""System checks for mistakes in declarations that would otherwise show much later, as odd behaviour of
some surface.

Django runs these before every command; ``manage.py check`` runs only them.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, register

from headlessly.accounts.breached_passwords import problem_of_file
from headlessly.declaration.quick import quick_verb
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import SYSTEM_COLUMNS
from headlessly.declaration.surface import Surface
from headlessly.declaration.verbs import Verb
from headlessly.nouns import Noun


@register(Tags.security)
def check_breached_passwords(**_: Any) -> list[Error]:
    """Checks the file of ``BREACHED_PASSWORDS``, if one is set: no process starts without it."""
    path = settings.BREACHED_PASSWORDS
    problem = None if path is None else problem_of_file(path)
    return (
        [] if problem is None else [Error(f"BREACHED_PASSWORDS: {problem}", id="headlessly.E010")]
    )


@register("nouns")
def check_nouns(**_: Any) -> list[Error]:
    """Checks all nouns."""
    return [
        Error(message, obj=noun, id=f"headlessly.{code}")
        for noun in registry.values()
        for check, code in (
            (names_that_shadow, "E001"),
            (words_that_are_missing, "E002"),
            (surfaces_that_name_nothing, "E003"),
            (read_only_fields_that_nobody_sets, "E004"),
            (inputs_that_nobody_can_give, "E005"),
            (public_verbs_that_say_too_much, "E006"),
        )
        for message in check(noun)
    ]


def names_that_shadow(noun: type[Noun]) -> Iterator[str]:
    """Yields verbs, hooks and look-ups whose names are those of fields or of methods of every noun."""
    fields = {field.name for field in noun._meta.get_fields()} | {
        c.name for c in noun.computed_fields
    }
    fields |= {field.attname for field in noun._meta.concrete_fields}
    for missing in sorted(SYSTEM_COLUMNS - fields):
        yield f"Something in {noun.__name__} is called {missing}, which every record has already."
    own = {name for name in dir(Noun) if not isinstance(Noun.__dict__.get(name), Verb)}
    words: dict[str, str] = {}
    for verb in noun.verbs.values():
        spoken = verb.conjugation
        for word in (spoken.verb, spoken.before, spoken.after, spoken.by):
            # Every record has created_by, but Lead.created_by(user) is a method of the class.
            if word in fields - {"created_by"}:
                yield f"{noun.__name__}.{verb.name}: {word} is the name of a field as well."
            if word in words:
                other = words[word]
                yield f"{noun.__name__}.{verb.name}: {word} belongs to the verb {other} as well."
            if word in own - {"created_by"}:
                yield f"{noun.__name__}.{verb.name}: {word} is a word of every noun already."
            words[word] = verb.name


def words_that_are_missing(noun: type[Noun]) -> Iterator[str]:
    """Yields nouns and verbs without a docstring, which is their text on screens, in OpenAPI and in tools."""
    # Without a docstring Django generates one, the signature.
    if not noun.__doc__ or noun.__doc__.startswith(f"{noun.__name__}("):
        yield f"{noun.__name__} needs a docstring: it is its description everywhere."
    for verb in noun.verbs.values():
        if not verb.__doc__:
            yield f"{noun.__name__}.{verb.name} needs a docstring: it is its text everywhere."


def surfaces_that_name_nothing(noun: type[Noun]) -> Iterator[str]:
    """Yields names in ``Surface`` that are not fields."""
    schema = noun.schema
    named = {
        "columns": schema.columns,
        "facets": schema.facets,
        "ranges": schema.ranges,
        "inline": schema.inline,
        "introduces": noun.Surface.introduces,
        "no_mean": noun.Surface.no_mean,
        "amounts' per": [field.per for field in schema.stored if field.per],
        "counts": noun.Surface.counts,
        "ordering": [name.lstrip("-") for name in schema.ordering],
        "groups": [name for _, names in schema.groups for name in names],
        "board": board.fields if (board := noun.Surface.board) else (),
        "calendar": calendar.fields if (calendar := noun.Surface.calendar) else (),
        "quick": [
            first
            for name in noun.Surface.quick
            if (first := name.partition(".")[0]) not in quick_verb(noun).python_inputs
        ],
        "alike": noun.Surface.alike if noun.Surface.alike is not Surface.alike else (),
        "files": noun.Surface.files.fields,
        "agenda": [reason.moment for reason in noun.Surface.agenda],
        "intends": [noun.Surface.intends] if noun.Surface.intends else (),
        "waits": [noun.Surface.waits] if noun.Surface.waits else (),
        "verbs' needs": [verb.needs for verb in noun.verbs.values() if verb.needs],
        "verbs' unless": [verb.unless for verb in noun.verbs.values() if verb.unless],
    }
    if kinds := noun.Surface.kinds:
        named["kinds"] = [
            kinds.choice,
            *(name for names in kinds.fields.values() for name in names),
        ]
    for reason in noun.Surface.agenda:
        if reason.done and reason.done not in noun.verbs:
            yield f"{noun.__name__}.Surface.agenda: there is no verb {reason.done}."
    if board and schema.machine is None:
        yield f"{noun.__name__}.Surface.board: there is no StatusField whose states are its columns."
    if calendar and not (calendar.start or noun.Surface.due):
        yield f"{noun.__name__}.Surface.calendar: name its start, or when it is due."
    known = {*schema.by_name, "id", "version", "created_at", "created_by", "updated_at"}
    for where, names in named.items():
        for name in names:
            if name not in known:
                yield f"{noun.__name__}.Surface.{where}: there is no field {name}."
    for path in schema.search:
        reference, _, name = path.rpartition("__")
        found = schema if not reference else _schema_behind(noun, reference)
        if found is None or name not in found.by_name:
            yield f"{noun.__name__}.Surface.search: there is no field {path}."
    if missing := [
        f.name for f in schema.stored if schema.groups and f.name not in named["groups"]
    ]:
        yield f"{noun.__name__}.Surface.groups: {', '.join(missing)} would not be on the page."


def _schema_behind(noun: type[Noun], reference: str) -> Any:
    field = noun.schema.references.get(reference)
    return field.target_noun.schema if field else None


def read_only_fields_that_nobody_sets(noun: type[Noun]) -> Iterator[str]:
    """Yields read-only fields that no verb sets."""
    schema = noun.schema
    for field in schema.stored:
        if field.read_only and not field.set_by:
            yield f"{noun.__name__}.{field.name} is read-only, and no verb says that it sets it."
    for name, verbs in schema.set_by.items():
        if name not in schema.by_name:
            yield f"{noun.__name__}.{verbs[0]} sets {name}, which is no field."


def inputs_that_nobody_can_give(noun: type[Noun]) -> Iterator[str]:
    """Yields arguments of verbs that are not keyword-only, or whose annotation is not understood."""
    for verb in noun.verbs.values():
        name = f"{noun.__name__}.{verb.name}"
        try:
            parameters = list(inspect.signature(verb.body, eval_str=True).parameters.values())[1:]
            for parameter in parameters:
                if parameter.kind not in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD):
                    yield f"{name}: put a * before {parameter.name}; input is given by name."
            for parameter in parameters:
                if parameter.kind is parameter.KEYWORD_ONLY:
                    verb.input_of(parameter, noun)
        except (NameError, TypeError) as problem:
            yield f"{name}: {problem}"


def public_verbs_that_say_too_much(noun: type[Noun]) -> Iterator[str]:
    """Yields options of verbs that name nothing, and public verbs that give strangers too much."""
    for verb in noun.verbs.values():
        name = f"{noun.__name__}.{verb.name}"
        if verb.asks and not callable(getattr(noun, verb.asks, None)):
            yield f"{name} asks {verb.asks}, which is no method of {noun.__name__}."
        if verb.public is None:
            continue
        for shown in verb.public:
            if shown not in noun.schema.by_name:
                yield f"{name} shows strangers {shown}, which is no field."
        if verb.name in ("create", "update", "delete", "rollback", "restore"):
            yield f"{name} cannot be public: everybody could change everything."
