"""Records and events of the server, with names and values of Python."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from headlessly.client.declarations import NounDeclaration, did_you_mean
from headlessly.client.wire import META, python_name, wire_name

if TYPE_CHECKING:
    from headlessly.client.sessions import Session

PARSERS = {"datetime": datetime.fromisoformat, "date": date.fromisoformat}


def _parse_text(kind: str | None, text: str) -> Any:
    try:
        return PARSERS[kind](text) if kind in PARSERS else text
    except ValueError:
        return text  # only its name looks like that of a moment


class Record:
    """A record: ``lead.lost_reason`` or ``lead["lostReason"]``, ``lead.id``, ``lead.version``.

    Moments and days are objects of :mod:`datetime`. A reference is the id of the other record, or the
    record itself if it was included; ``lead.contact_id`` is the id in both cases. ``lead.convert()``
    executes a verb (to be awaited with the asynchronous client), after which the object has the record's
    new values.
    """

    __slots__ = ("_data", "_session")

    def __init__(self, data: Mapping[str, Any], session: Session | None = None) -> None:
        object.__setattr__(self, "_data", dict(data))
        object.__setattr__(self, "_session", session)

    # -- values -----------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        wire = name if name in self._data else wire_name(name)
        if wire not in self._data:
            raise KeyError(self._missing_text(name))
        return self._value(wire)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        wire = wire_name(name)
        if wire in self._data:
            return self._value(wire)
        if name in META and META[name] in self._data:
            return self._value(META[name])
        noun = self._noun
        if noun is not None:
            if name.endswith("_id") and (short := noun.field(name)) in self._data:
                value = self._data[short]
                return value.get("$id") if isinstance(value, Mapping) else value
            if wire in (*noun.verbs, *noun.operations) and self._session is not None:
                return self._session.verb(noun.name, wire, self)
        raise AttributeError(self._missing_text(name))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"A record is changed by its verbs: update({name}=...).")

    def _value(self, wire: str) -> Any:
        value = self._data[wire]
        if value is None:
            return None
        kind = self._kind(wire)
        if isinstance(value, str):
            return _parse_text(kind, value)
        if kind == "json":
            return value
        if isinstance(value, dict) and "$type" in value:
            return record_of(value, self._session)
        if isinstance(value, list) and value and all("$type" in v for v in value if v):
            return [record_of(each, self._session) for each in value]
        return value

    def _kind(self, wire: str) -> str | None:
        """Returns the type of a value."""
        if (noun := self._noun) is not None and wire in noun.fields:
            return noun.fields[wire]["type"]
        if wire in ("data", "previous", "errors"):
            return "json"
        return "datetime" if wire == "timestamp" or wire.endswith("At") else None

    @property
    def _noun(self) -> NounDeclaration | None:
        declared = self._session.declared if self._session is not None else None
        return declared.nouns.get(self._data.get("$type", "")) if declared else None

    def _missing_text(self, name: str) -> str:
        kind, noun = self._data.get("$type", "This"), self._noun
        wire = wire_name(name)
        if noun is not None and wire in noun.fields:
            return f"{name} was not read: ask for it in fields."
        names = [python_name(n) for n in (noun.fields if noun else self._data) if n[0] != "$"]
        verbs = f" Verbs: {', '.join(map(python_name, noun.verbs))}." if noun else ""
        hint = did_you_mean(name, names)
        return " ".join(
            filter(None, (f"{kind} has no {name}.", hint, f"Fields: {', '.join(names)}.{verbs}"))
        )

    # -- as a whole -------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Returns the JSON of the server as a dict."""
        return dict(self._data)

    def as_wire(self) -> Any:
        """Returns the id, which stands for the record in an input or a filter."""
        return self._data.get("$id")

    def history(self) -> Any:
        """Returns its events, newest first."""
        return self._session.noun(self._data["$type"]).history(self)

    def keys(self) -> list[str]:
        return list(self._data)

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __contains__(self, name: object) -> bool:
        return name in self._data or (isinstance(name, str) and wire_name(name) in self._data)

    def __dir__(self) -> list[str]:
        noun = self._noun
        names = [python_name(n) for n in self._data if not n.startswith("$")]
        return [*META, *names, *(noun.verbs if noun else ()), "to_dict", "history"]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or self._data.get("$id") is None:
            return self is other
        return self._data["$id"] == other._data.get("$id")

    def __hash__(self) -> int:
        return hash(self._data.get("$id"))

    def __repr__(self) -> str:
        kind, id = self._data.get("$type", "Record"), self._data.get("$id", "")
        name = self._data.get("name") or self._data.get("subject")
        return f"<{kind} {id}{f' {name!r}' if isinstance(name, str) else ''}>"

    def replace_data(self, other: Record) -> None:
        """Takes over the values of ``other``, which is the same record after a verb."""
        object.__setattr__(self, "_data", other._data)

    def __copy__(self) -> Record:
        return type(self)(self._data, self._session)

    def __deepcopy__(self, memo: dict[int, Any]) -> Record:
        """Copies the data but keeps the session. Pickling leaves the session behind."""
        return type(self)(copy.deepcopy(self._data, memo), self._session)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._data,)


class Event(Record):
    """An entry of the log: ``name``, ``target``, ``actor``, ``timestamp``, ``data``, ``previous``, ..."""

    __slots__ = ()


class Import(Record):
    """An import, running or finished: ``status``, ``total``, ``created``, ``errors``, ..."""

    __slots__ = ()

    @property
    def is_finished(self) -> bool:
        return self._data["status"] not in ("queued", "running")


KINDS: dict[str, type[Record]] = {"Event": Event, "Import": Import}


def record_of(data: Mapping[str, Any], session: Session | None) -> Any:
    """Returns the object for the JSON of a record, an event or an import."""
    return KINDS.get(data.get("$type", ""), Record)(data, session)


@dataclass(frozen=True)
class DryRun:
    """What a verb would do: the record as it would be, and the events that would be logged."""

    record: Record
    events: list[Event]


def result_of_write(data: Any, session: Session | None) -> Record | DryRun | None:
    """Returns the result of a write: a record, a DryRun, or None if no record is left."""
    if data is None:
        return None
    if isinstance(data, Mapping) and data.keys() == {"record", "events"}:
        return DryRun(
            record_of(data["record"], session), [Event(each, session) for each in data["events"]]
        )
    return record_of(data, session)
