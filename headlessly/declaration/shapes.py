"""A tenant's shape: what it adds to the declared nouns, and the schemas that result.

``Lead.schema`` is the schema for the active tenant. For a tenant with a shape it is a copy of the declared
schema, changed by every function that :func:`composes_schemas` registered: each sets what differs for the
tenant (fields, the machine, the values of fields) before anybody reads it. A tenant without a shape gets the
declared schema itself, at no cost.

The version of a shape is its stamp, a column of the tenant that is read on every request and differs after
each change. So every process sees a change with the next request, and never uses what was computed for an
older stamp.
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

#: How many shapes a process keeps: the most recently used ones.
MOST_KEPT = 128


class Shape:
    """What one tenant adds to the nouns, in one version; loaded lazily."""

    def __init__(self, tenant_id: int, stamp: int) -> None:
        self.tenant_id, self.stamp = tenant_id, stamp
        self._schemas: dict[str, Schema] = {}
        self._caches: dict[Callable[..., Any], Callable[..., Any]] = {}

    def schema_of(self, declared: Schema) -> Schema:
        """Returns the declared schema with what the tenant adds."""
        if (found := self._schemas.get(declared.name)) is None:
            found = declared.begin_copy()
            for compose in composers:
                compose(found, self)
            found = self._schemas.setdefault(declared.name, found)
        return found

    def remember(self, function: Callable[..., Any], most: int | None) -> Callable[..., Any]:
        """Returns ``function`` with a cache for this shape."""
        if (found := self._caches.get(function)) is None:
            found = self._caches.setdefault(function, lru_cache(most)(function))
        return found


#: The functions that change the schema of a tenant: see :func:`composes_schemas`.
composers: list[Callable[[Schema, Shape], None]] = []


def composes_schemas(function: Callable[[Schema, Shape], None]) -> Callable[[Schema, Shape], None]:
    """Call ``function`` with every schema that is composed for a tenant, and the tenant's shape.

    The schema is a copy with the declared fields. What is set in it (``schema.set_fields(...)``,
    ``schema.machine = ...``) replaces what would be derived from the noun's class. The function reads the
    tenant's rows through a function that is :func:`cached_by_shape`, so that they are read once for all
    nouns. It must not use a noun's ``schema``, which is not complete yet. Functions run in the order of
    registration.
    """
    composers.append(function)
    return function


_shape: ContextVar[Shape | None] = ContextVar("shape", default=None)
_kept: OrderedDict[tuple[int, int], Shape] = OrderedDict()
_lock = Lock()


def current_shape() -> Shape | None:
    """Returns the shape of the active tenant, or None if it has none."""
    return _shape.get()


def shape_of(tenant_id: int, stamp: int) -> Shape | None:
    """Returns a tenant's shape in the version ``stamp``; None for 0, which means no shape."""
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
    """Use the schemas of ``shape`` inside the block."""
    token = _shape.set(shape)
    try:
        yield
    finally:
        _shape.reset(token)


def enter_shape(shape: Shape | None) -> None:
    """Use the schemas of ``shape`` until the active tenant is left."""
    _shape.set(shape)


def cached_by_shape(
    function: Callable[P, R] | None = None, *, most: int | None = None
) -> Callable[..., Any]:
    """Cache what a function returns, separately for each shape: for functions that depend on schemas.

    The cache of a shape is dropped with it. ``most`` limits the number of cached results for each shape.
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
