"""A tenant's own shape: what it adds to the declared nouns, and for which tenant a schema is asked for.

``Lead.schema`` answers the schema of the tenant at hand. Where that has a shape of its own, it is the
declared one, handed to every function that :func:`composes_schemas` registered: each sets what is different
for the tenant (fields, the machine, what fields may hold) before anybody reads it. A tenant without one gets
the declared schema itself, and pays nothing.

A shape is known by its stamp, a column of the tenant that is read with it on every request and is another
after each change. So every process has a change with the next request, and what was made for an older stamp
is never asked for again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from threading import Lock
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Schema

P = ParamSpec("P")
R = TypeVar("R")

#: How many shapes a process keeps: those that were asked for last.
MOST_KEPT = 128


class Shape:
    """What one tenant adds to the nouns, in one version; everything of it is loaded when it is asked for."""

    def __init__(self, tenant_id: int, stamp: int) -> None:
        self.tenant_id, self.stamp = tenant_id, stamp
        self._schemas: dict[str, Schema] = {}
        self._caches: dict[Callable[..., Any], Callable[..., Any]] = {}

    def schema_of(self, declared: Schema) -> Schema:
        """The declared schema with what the tenant adds."""
        if (found := self._schemas.get(declared.name)) is None:
            found = declared.begin_copy()
            for compose in composers:
                compose(found, self)
            found = self._schemas.setdefault(declared.name, found)
        return found

    def remember(self, function: Callable[..., Any], most: int | None) -> Callable[..., Any]:
        """``function`` with what it answered for this shape."""
        if (found := self._caches.get(function)) is None:
            found = self._caches.setdefault(function, lru_cache(most)(function))
        return found


#: What sets in a schema of a tenant's what is its own: see :func:`composes_schemas`.
composers: list[Callable[[Schema, Shape], None]] = []


def composes_schemas(function: Callable[[Schema, Shape], None]) -> Callable[[Schema, Shape], None]:
    """Have ``function`` called with every schema that is put together for a tenant, and its shape.

    The schema is new and has the declared fields. What is set in it (``schema.set_fields(...)``,
    ``schema.machine = ...``) holds instead of what would be derived from the noun's class. What it needs it
    reads from the active tenant's rows by a function that is :func:`cached_by_shape`, so that it reads once
    for all nouns; it must not ask a noun for its ``schema``, which is being put together. Those registered
    earlier have had their turn.
    """
    composers.append(function)
    return function


_shape: ContextVar[Shape | None] = ContextVar("shape", default=None)
_kept: OrderedDict[tuple[int, int], Shape] = OrderedDict()
_lock = Lock()


def current_shape() -> Shape | None:
    """The shape of the active tenant, or None where it has none of its own."""
    return _shape.get()


def shape_of(tenant_id: int, stamp: int) -> Shape | None:
    """A tenant's shape in the version of ``stamp``; None for 0, nothing of its own."""
    if not stamp:
        return None
    key = tenant_id, stamp
    with _lock:
        found = _kept.get(key)
        if found is None:
            found = _kept[key] = Shape(tenant_id, stamp)
            while len(_kept) > MOST_KEPT:
                _kept.popitem(last=False)
        else:
            _kept.move_to_end(key)
    return found


@contextmanager
def shaped_by(shape: Shape | None) -> Iterator[None]:
    """Let schemas be those of ``shape`` inside the block."""
    token = _shape.set(shape)
    try:
        yield
    finally:
        _shape.reset(token)


def enter_shape(shape: Shape | None) -> None:
    """The same from now on, until the active tenant is left."""
    _shape.set(shape)


def cached_by_shape(
    function: Callable[P, R] | None = None, *, most: int | None = None
) -> Callable[..., Any]:
    """Keep what a function answers for its arguments, for each shape apart: what is made of schemas.

    What is kept for a shape goes with it. ``most`` bounds how many answers are kept of each.
    """
    if function is None:
        return lambda function: cached_by_shape(function, most=most)
    declared: Callable[..., Any] = lru_cache(most)(function)

    @wraps(function)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        shape = _shape.get()
        kept = declared if shape is None else shape.remember(function, most)
        return kept(*args, **kwargs)

    return answer


class SchemaOfTenant:
    """``Lead.schema``: the declared schema, or the one of the active tenant."""

    def __init__(self, declared: Schema) -> None:
        self.declared = declared

    def __get__(self, record: Record | None, noun: type[Record]) -> Schema:
        shape = _shape.get()
        return self.declared if shape is None else shape.schema_of(self.declared)
