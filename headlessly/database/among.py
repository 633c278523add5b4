"""A lookup for a column that is one of many values, which are one parameter."""

from __future__ import annotations

from typing import Any

from django.db.models import Lookup


class Among(Lookup):
    """``column = ANY (array)``, which can use an index on the column."""

    lookup_name = "among"

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, first = self.process_lhs(compiler, connection)
        array, second = self.process_rhs(compiler, connection)
        return f"{column} = ANY ({array})", (*first, *second)
