"""Adds a hint to the interpreter's error messages, if the right way is known.

The mistakes are those of people and models who know other clients, other ORMs or JavaScript. The hint says
what to write instead, so that the next attempt succeeds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from headlessly.declaration.near_fields import near_fields
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import wire_name
from headlessly.errors import did_you_mean
from headlessly.nouns import Noun
from headlessly.scripts import prelude
from headlessly.scripts.host import asked_elsewhere, methods_sentence

MISSING_ATTRIBUTE = re.compile(
    r"(?P<type>type object )?'(?P<owner>[\w.]+)'(?: object)? has no attribute '(?P<wanted>\w+)'"
)
#: The interpreter's message for an exception whose argument is not text.
NO_TEXT = "exceptions can only be called"
WITHOUT_RECORD = re.compile(
    r"(?:(?:\w+\.)?(?P<verb>\w+)\(\) .*)?required positional argument: 'self'"
)
UNDEFINED = re.compile(r"name '(\w+)' is not defined")
#: Names in other languages, and those in Python.
IN_PYTHON = {
    "null": "None",
    "undefined": "None",
    "true": "True",
    "false": "False",
    "console": "print(...)",
}
JAVASCRIPT = re.compile(
    r"^\s*(?:const|let|var|function|export)\s|=>|===|!==|&&|\|\||\?\.|\bnew [A-Z]|[;{]\s*$"
)
#: For methods that lists of records have elsewhere.
LIST_HINT = "find answers a list: found.first(), found[0], found[:5], len(found), a loop or a comprehension."
MOMENT_HINT = (
    "Moments and days of records are text, as in JSON: datetime.fromisoformat(lead.createdAt) makes one to "
    "reckon with, and datetime.now(timezone.utc) is now."
)


def explain_error(inner: BaseException, text: str, source: str = "") -> str:
    """Returns the message for an error of the interpreter that occurred in this line of the script."""
    kind = type(inner).__name__
    message = f"{kind}: {text}" if text else kind
    if isinstance(inner, NotImplementedError) and "synchronous context" in text:
        return (
            "A noun cannot be asked from within a key=, map or filter function. "
            "Use a loop or a comprehension."
        )
    if isinstance(inner, NotImplementedError) and "syntax parser" in text:
        return f"{message.replace('The monty syntax parser does', 'Scripts do')}."
    if isinstance(inner, SyntaxError) and JAVASCRIPT.search(source):
        return f"{message}. Scripts are Python, not JavaScript."
    if found := WITHOUT_RECORD.search(text):
        return f"Give a record or its id first, as in {found['verb'] or 'update'}(id, ...)."
    if NO_TEXT in text:
        return "An exception takes one text, as in raise ValueError(str(lead))."
    if "can't be awaited" in text:
        return f"{message}. Nouns are called without await."
    if found := UNDEFINED.match(text):
        return _undefined_hint(found[1], source)
    if found := MISSING_ATTRIBUTE.match(text):
        return _missing_attribute_hint(found) or message
    advice = next(_value_hints(text), None)
    return f"{message}. {advice}" if advice else message


def explain_unreadable(problem: Exception) -> str:
    """Returns the message for a value that cannot leave the sandbox, from the exception while reading it."""
    if isinstance(problem, TypeError) and "unhashable" in str(problem):
        return "a set, or the keys of an object, cannot be records. Use a list, or their ids."
    if isinstance(problem, RecursionError):
        return "lists and objects lie too deep in each other."
    return f"{type(problem).__name__}: {str(problem)[:200]}"


def _undefined_hint(name: str, source: str) -> str:
    near = ""
    if name in IN_PYTHON:
        near = f" In Python it is {IN_PYTHON[name]}."
    elif name[:1].isupper():
        near = f"{did_you_mean(name, registry)} Nouns: {', '.join([*registry, prelude.EVENT])}."
    elif re.search(rf"[{{,]\s*{name}\s*:", source):
        near = f' A name in an object is text: {{"{name}": ...}}, or {name}=... in a call.'
    return f"There is no {name} here.{near}"


def _missing_attribute_hint(found: re.Match[str]) -> str | None:
    owner, wanted = found["owner"], found["wanted"]
    if owner == "_Nouns":
        return f"There is no noun {wanted}. Nouns: {', '.join([*registry, prelude.EVENT])}."
    if owner in registry:
        return _missing_on_noun_hint(registry[owner], wanted, is_record=not found["type"])
    message = f"'{owner}' has no {wanted}."
    match owner:
        case prelude.EVENT:
            return (
                f"Event has no {wanted}. It has create(name, properties); the log of a record is "
                "history(id) of its noun, as in Lead.history(id)."
            )
        case "list":
            return f"A list has no {wanted}: {LIST_HINT}"
        case "dict":
            return f'{message} Values of an object are read by name: ["{wanted}"].'
        case "str" if _is_record_attribute(wanted):
            return (
                f"This is text, perhaps the id of a record, and has no {wanted}: get the record by it, or "
                'have it included, as in find(..., include=["contact"]).'
            )
        case "NoneType":
            return f"What stands before .{wanted} is None: a field without a value is None."
        case "datetime.datetime" if wanted in ("utcnow", "utcfromtimestamp"):
            return f"{message} Use datetime.now(timezone.utc)."
    return None


def _missing_on_noun_hint(noun: type[Noun], wanted: str, *, is_record: bool) -> str:
    name, schema = noun.__name__, noun.schema
    if is_record and (wanted in schema.fields or wanted in schema.by_name):
        return f"{wanted} of this {name} was not read: name it in fields, or leave fields out."
    if is_record and (other := wire_name(wanted)) in schema.relations:
        how = f'{name}.get(id, include=["{other}"])'
        return f"{wanted} of this {name} were not read: include them, as in {how}."
    if elsewhere := asked_elsewhere(noun, wanted):
        return elsewhere
    forms = {
        form for v in noun.verbs.values() for form in (v.conjugation.before, v.conjugation.after)
    }
    if not is_record and wanted in forms:
        return (
            f"{name} has no {wanted} here: a script executes verbs, and what has to happen before and after "
            f"them is part of the product. {methods_sentence(noun)}"
        )
    fields = f" Fields: {', '.join(schema.fields)}." if is_record else ""
    near = near_fields(wanted, schema.fields if is_record else {}, [*prelude.READS, *noun.verbs])
    return f"{name} has no {wanted}.{near} {methods_sentence(noun)}{fields}"


def _is_record_attribute(name: str) -> bool:
    return any(
        name in noun.schema.fields or name in noun.schema.by_name or name in noun.verbs
        for noun in registry.values()
    )


def _value_hints(text: str) -> Iterator[str]:
    """Yields hints for two types of values that do not go together."""
    kinds = set(re.findall(r"'([\w.]+)'", text))
    if {"datetime.datetime", "str"} <= kinds or {"datetime.date", "str"} <= kinds:
        yield MOMENT_HINT
    if "offset-naive" in text or ("unsupported operand" in text and kinds == {"datetime.datetime"}):
        yield "One of them has a time zone and the other has none: datetime.now(timezone.utc) is now."
    if "NoneType" in kinds and ("not supported between" in text or "unsupported operand" in text):
        yield "A field without a value is None: (lead.score or 0)."
    if text.startswith("list.count()"):
        yield LIST_HINT
    for noun in registry:
        if noun in kinds and ("not iterable" in text or "not a mapping" in text):
            yield f"{noun}.to_dict() is its values by name."
        if text == f"Object of type {noun} is not JSON serializable":
            yield "Its to_dict() is; and a script may answer records as they are."
