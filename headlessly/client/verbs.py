"""Verbs and other operations as calls of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headlessly.client.calls import Call
from headlessly.client.declarations import (
    BY_METHOD,
    Declarations,
    NounDeclaration,
    UnknownInput,
)
from headlessly.client.wire import (
    id_of,
    moment_text,
    path_segment,
    path_segment_of,
    query_pairs,
    wire_name,
)

if TYPE_CHECKING:
    from headlessly.client.sessions import Session

#: How many seconds an operation by POST may take in addition to the timeout.
LONGEST_ANSWER = 60


def verb_call(
    declared: Declarations,
    noun: str,
    verb: str,
    target: Any,
    inputs: Mapping[str, Any],
    *,
    dry_run: bool = False,
    if_match: int | None = None,
) -> Call:
    """Returns the call that executes a verb. Raises UnknownName, UnknownInput or TypeError."""
    found = declared.noun(noun)
    if found.is_operation(verb):
        taken = {**inputs, **({"dryRun": True} if dry_run else {})}
        if if_match is not None:
            raise TypeError(f"{noun}.{verb} changes no record: there is no version to match.")
        return operation_call(found, verb, target, taken)
    wire, declaration = found.verb(verb)
    makes = bool(declaration.get("creates"))
    if makes and target is not None:
        raise TypeError(f"{noun}.{wire} makes a record: it takes its fields by name, and no id.")
    if not makes and target is None:
        raise TypeError(f"{noun}.{wire} needs a record or its id.")
    if makes and if_match is not None:
        raise TypeError(f"{noun}.{wire} makes a record: there is no version to match.")
    body = found.verb_body(wire, inputs)
    parts = [found.plural]
    if not makes:
        parts.append(path_segment_of(target))
    if wire not in BY_METHOD:
        parts.append(wire)
    method = BY_METHOD.get(wire, "POST")
    return Call(
        method,
        "/" + "/".join(parts),
        query_pairs(dryRun=dry_run),
        None if method == "DELETE" else body,
        if_match=if_match,
    )


def operation_call(
    found: NounDeclaration, name: str, target: Any, inputs: Mapping[str, Any]
) -> Call:
    """Returns the call of an operation that is not a verb. Raises UnknownInput or TypeError."""
    wire, declaration = found.word(name)
    said = f"{found.name}.{wire}"
    if target is None:
        raise TypeError(f"{said} needs a record or its id.")
    takes, path, given = declaration["takes"], declaration["path"], {}
    for key, value in inputs.items():
        named = wire_name(key.rstrip("_"))
        if named not in takes:
            raise UnknownInput(f"{said} takes no {key}.", key, takes)
        given[named] = moment_text(value)
    for named, field in takes.items():
        if not field.get("required"):
            continue
        if given.get(named) is None:
            raise TypeError(f"{said} needs {named}.")
        path = path.replace(f"{{{named}}}", path_segment(str(given.pop(named))))
    return Call(
        declaration["method"],
        f"/{found.plural}/{path_segment_of(target)}/{path}",
        query_pairs(**given),
        # Trying something on past data takes a while.
        wait=0 if declaration["method"] == "GET" else LONGEST_ANSWER,
    )


def upsert_call(
    declared: Declarations,
    noun: str,
    name: str,
    value: Any,
    inputs: Mapping[str, Any],
    *,
    dry_run: bool = False,
    if_match: int | None = None,
) -> Call:
    """Returns the call that changes the record with this unique value, or creates it. Raises UnknownName
    or UnknownInput."""
    found = declared.noun(noun)
    body = found.verb_body("update" if "update" in found.verbs else "create", inputs)
    field = found.field(name) or name
    path = f"/{found.plural}/by/{path_segment(field)}/{path_segment(str(value))}"
    return Call("PUT", path, query_pairs(dryRun=dry_run), body, if_match=if_match)


class Verb:
    """A verb that can be called: ``acme.Lead.convert`` or ``lead.convert``."""

    def __init__(self, session: Session, noun: str, name: str, record: Any = None) -> None:
        self._session, self._noun, self._name, self._record = session, noun, name, record
        declared = session.declared.nouns.get(noun) if session.declared else None
        self.__name__ = name
        self.__doc__ = declared.word(name)[1].get("description") if declared else None

    def __call__(
        self,
        target: Any = None,
        /,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        **inputs: Any,
    ) -> Any:
        """Executes the verb. On a noun the first argument is the record or its id; verbs that create take
        none.

        ``dry_run`` returns a :class:`~headlessly.client.DryRun` and changes nothing; ``if_match`` raises
        Stale if the record has another version.
        """
        return self._session.run(
            self._session.execute(
                self._noun,
                self._name,
                target if self._record is None else self._record,
                inputs,
                dry_run=dry_run,
                if_match=if_match,
                record=self._record,
            )
        )

    def __repr__(self) -> str:
        return f"<{self._noun}.{self._name}>"


class ByActor:
    """``acme.Lead.lost_by("user_...")``: the events of a verb by this actor, newest first.

    It reads the log from its beginning. For a long one, follow it with ``events(name=, actor=)`` instead.
    """

    def __init__(self, session: Session, noun: str, past: str) -> None:
        self._session, self._noun, self._past = session, noun, past

    def __call__(self, actor: Any) -> Any:
        return self._session.run(self._session.by_actor(self._noun, self._past, id_of(actor)))
