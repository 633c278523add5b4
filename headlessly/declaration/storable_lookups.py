"""No row has text that no column can hold (:data:`.values.UNSTORABLE`). Whoever looks for it finds nothing:
PostgreSQL, which would refuse the whole statement, is not even asked."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import CharField, TextField
from django.db.models.lookups import Exact, In

from headlessly.declaration.values import UNSTORABLE


def _is_unstorable(value: Any) -> bool:
    return isinstance(value, str) and UNSTORABLE.search(value) is not None


@CharField.register_lookup
@TextField.register_lookup
class ExactText(Exact):
    def process_rhs(self, compiler: Any, connection: Any) -> Any:
        if _is_unstorable(self.rhs):
            raise EmptyResultSet
        return super().process_rhs(compiler, connection)


@CharField.register_lookup
@TextField.register_lookup
class InTexts(In):
    def get_prep_lookup(self) -> Any:
        found = super().get_prep_lookup()
        if hasattr(found, "resolve_expression"):
            return found
        return [value for value in found if not _is_unstorable(value)]
