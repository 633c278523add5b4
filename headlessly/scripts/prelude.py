"""The code that runs before a script, in the sandbox's own Python: a class for every noun.

A record in a script is an object of the sandbox. Its fields are plain attributes, which are read without
calling the host; a verb calls the host (:mod:`headlessly.scripts.host`) and updates the attributes. A record
equals its id, because references are ids. A record that is read over a reference
(:mod:`headlessly.scripts.paths`) is kept until a verb may have changed it, and has the moment of the record
before it. This is no protection of anything: whatever a script does to these classes, the host checks its
calls.
"""

from __future__ import annotations

from headlessly.declaration.registry import registry
from headlessly.declaration.schema import META, snake_name, wire_name
from headlessly.declaration.shapes import cached_by_shape
from headlessly.query.record_operations import record_operations
from headlessly.scripts import own_fields
from headlessly.scripts.paths import FIND_FIRST, FIRST, READ_REFERENCE, reference_names
from headlessly.scripts.source import DOLLAR

#: The only function that leads out of the sandbox.
ASK = "_ask"
#: The methods of nouns and records beside verbs.
READS = ("find", "get", "count", "aggregate", "history")
#: Changes the record with a name, or creates it.
UPSERT = "upsert"
#: Records tracked events.
EVENT = "Event"
#: Undoes a request.
REQUEST = "Request"
#: Manages the tenant's own fields.
SCHEMA = "Schema"

COMMON = f"""
from datetime import date, datetime, timedelta, timezone
import json
import math

class _Nouns:
    pass

_put = setattr
_nobody = _Nouns()

{DOLLAR} = _Nouns()
_snake = {{}}
_by_prefix = {{}}
_loaded = {{}}

def _begin(record, noun, data):
    if not isinstance(data, dict) or "$id" not in data:
        raise TypeError("Make a record with " + noun + ".create(...).")
    _fill(record, (noun, data, {{}}, None))

def _fill(record, packed):
    noun, data, others, moment = packed
    _put(record, "_data", data)
    _put(record, "_as_of", moment)
    for name in data:
        if name[0] != "$":
            _put(record, name, data[name])
    for name in _snake[noun]:
        if name in data:
            _put(record, _snake[noun][name], data[name])
    for name in others:
        other = others[name]
        _put(record, name, _record(other) if isinstance(other, tuple) else [_record(o) for o in other])
    return record

def _record(packed):
    record = getattr({DOLLAR}, packed[0])(packed[1])
    return _fill(record, packed) if packed[2] or packed[3] else record

def {READ_REFERENCE}(record, number, as_item):
    name = _references[number]
    reference = record[name] if as_item else getattr(record, name)
    noun = _by_prefix.get(reference.split("_")[0]) if isinstance(reference, str) else None
    if noun is None:
        return reference
    moment = getattr(record, "_as_of", None)
    if (reference, moment) not in _loaded:
        _loaded[(reference, moment)] = noun.get(reference, asOf=moment)
    return _loaded[(reference, moment)]

def {FIRST}(found):
    if not isinstance(found, list):
        return found.first()
    return found[0] if found else None

def {FIND_FIRST}(noun, *a, **k):
    if noun in _by_prefix.values() and len(a) < 3 and "limit" not in k:
        k["limit"] = 1
    return {FIRST}(noun.find(*a, **k))

def _make(noun, verb, given, named):
    _loaded.clear()
    return _record({ASK}(noun, verb, given, named))

def _whom(record, call, named):
    if record is _nobody and "id" in named:
        return named.pop("id")
    if record is _nobody:
        raise TypeError(call + "() missing 1 required positional argument: 'self'")
    return record

def _do(noun, name, verb, record, rest, named):
    _loaded.clear()
    record = _whom(record, verb, named)
    if not isinstance(record, noun):
        return _record({ASK}(name, verb, (record, *rest), named))
    packed = {ASK}(name, verb, (record.id, *rest), named)
    return _fill(record, packed) if packed[1]["$id"] == record.id else _record(packed)
"""

NOUN = """
class {noun}:
    def __init__(self, data=None, *rest, **named):
        _begin(self, "{noun}", data)

    def __repr__(self):
        name = self._data.get("name") or self._data.get("subject")
        return "<{noun} " + self.id + (" " + repr(name) if name else "") + ">"

    def __eq__(self, other):
        return self.id == (other.id if isinstance(other, {noun}) else other)

    def __hash__(self):
        return hash(self.id)

    def __getitem__(self, name):
        return self._data[name] if name in self._data else getattr(self, name)

    def __setitem__(self, name, value):
        raise TypeError("This would save nothing. Use update(" + str(name) + "=...).")

    def __contains__(self, name):
        return name in self._data

    def to_dict(self):
        return dict(self._data)
"""


#: Restricts assignments to the script's own objects.
ASSIGNING = """
def setattr(thing, name, value):
    if isinstance(thing, tuple(_by_prefix.values())):
        raise TypeError("This would save nothing. Use update(" + str(name) + "=...).")
    _put(thing, name, value)
"""


@cached_by_shape
def prelude_code() -> str:
    """Returns the whole prelude, which is the same for every script of a tenant."""
    parts = [
        COMMON,
        f"_references = {reference_names()!r}\n",
        _event_class(),
        _request_class(),
        _schema_class(),
    ]
    for name, noun in registry.items():
        lines = [NOUN.format(noun=name)]
        lines.append(_method("find", f'[_record(p) for p in {ASK}("{name}", "find", a, k)]'))
        # A record's get reads a field, like dict.get; the noun's own get takes an id.
        lines.append(
            "    def get(*a, **k):\n"
            f"        if len(a) > 1 and isinstance(a[0], {name}) and isinstance(a[1], str):\n"
            "            return a[0][a[1]] if len(a) < 3 or a[1] in a[0] else a[2]\n"
            f'        return _record({ASK}("{name}", "get", a, k))'
        )
        lines.append(_method("count", f'{ASK}("{name}", "count", a, k)'))
        lines.append(_method("aggregate", f'{ASK}("{name}", "aggregate", a, k)'))
        lines.append(
            "    def history(self=_nobody, *a, **k):\n"
            '        self = _whom(self, "history", k)\n'
            f"        record = self.id if isinstance(self, {name}) else self\n"
            f'        return [_record(p) for p in {ASK}("{name}", "history", (record, *a), k)]'
        )
        lines.append(_method(UPSERT, f'_make("{name}", "{UPSERT}", a, k)'))
        for verb in noun.verbs.values():
            for spelling in dict.fromkeys((verb.name, wire_name(verb.name))):
                if verb.creates:
                    lines.append(_method(spelling, f'_make("{name}", "{verb.name}", a, k)'))
                else:
                    lines.append(
                        f"    def {spelling}(self=_nobody, *a, **k):\n"
                        f'        return _do({name}, "{name}", "{verb.name}", self, a, k)'
                    )
        lines += [
            f"    def {spelling}(self=_nobody, *a, **k):\n"
            f'        self = _whom(self, "{each.name}", k)\n'
            f"        record = self.id if isinstance(self, {name}) else self\n"
            f'        return {ASK}("{name}", "{each.name}", (record, *a), k)'
            for each in record_operations(noun)
            for spelling in dict.fromkeys((snake_name(each.name), each.name))
            if each.writes
        ]
        snake = {f.wire: f.name for f in noun.schema.fields.values() if f.wire != f.name}
        parts.append("\n".join(lines))
        parts.append(
            f'_put({DOLLAR}, "{name}", {name})\n_snake["{name}"] = {_meta() | snake!r}\n'
            f'_by_prefix["{noun.prefix}"] = {name}\n'
        )
    return "\n".join([*parts, ASSIGNING])


def _method(name: str, answer: str) -> str:
    return f"    def {name}(*a, **k):\n        return {answer}"


def _meta() -> dict[str, str]:
    """Returns the attribute names of ``$id`` and the other meta-fields."""
    return {name: name[1:] for name in META if name not in ("$type", "$context")}


def _event_class() -> str:
    return "\n".join(
        [
            NOUN.format(noun=EVENT),
            _method("create", f'_record({ASK}("{EVENT}", "create", a, k))'),
            f'_put({DOLLAR}, "{EVENT}", {EVENT})\n_snake["{EVENT}"] = {{"$id": "id"}}\n',
        ]
    )


def _schema_class() -> str:
    methods = (_method(name, f'{ASK}("{SCHEMA}", "{name}", a, k)') for name in own_fields.CALLS)
    return f"class {SCHEMA}:\n" + "\n".join(methods) + f'\n_put({DOLLAR}, "{SCHEMA}", {SCHEMA})\n'


def _request_class() -> str:
    return (
        f"class {REQUEST}:\n"
        + _method("undo", f'{ASK}("{REQUEST}", "undo", a, k)')
        + f'\n_put({DOLLAR}, "{REQUEST}", {REQUEST})\n'
    )
