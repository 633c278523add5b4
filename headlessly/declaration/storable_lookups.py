"""Lookups that find nothing for text that no column can hold (:func:`.values.is_storable`). PostgreSQL would
refuse the whole statement."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import CharField, TextField
from django.db.models.lookups import Exact, In

from headlessly.declaration.values import is_storable


@CharField.register_lookup
@TextField.register_lookup
class ExactText(Exact):
    def process_rhs(self, compiler: Any, connection: Any) -> Any:
        if not is_storable(self.rhs):
            raise EmptyResultSet
        return super().process_rhs(compiler, connection)


@CharField.register_lookup
@TextField.register_lookup
class InTexts(In):
    def get_prep_lookup(self) -> Any:
        found = super().get_prep_lookup()
        if hasattr(found, "resolve_expression"):
            return found
        return [value for value in found if is_storable(value)]
