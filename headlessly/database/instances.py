"""Model instances created by copying a template. Django's constructor, which accepts any arguments, costs
more than all checks of a verb's input."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, models
from django.db.models.base import ModelState

M = TypeVar("M", bound=models.Model)


def new_instance(model: type[M], **values: Any) -> M:
    """Equals ``model(**values)``, for values by the names of columns."""
    template, made = _template(model)
    new = model.__new__(model)
    new.__dict__ = {**template, **values, "_state": ModelState()}
    for field in made:
        if field.attname not in values:
            new.__dict__[field.attname] = field.get_default()
    return new


def loaded_instance(model: type[M], names: Sequence[str], row: Sequence[Any]) -> M:
    """Equals ``model.from_db(...)``, for a whole row: the values of all columns, by their names."""
    new = model.__new__(model)
    state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    new.__dict__.update(zip(names, row, strict=True), _state=state)
    return new


@cache
def _template(model: type[models.Model]) -> tuple[dict[str, Any], list[models.Field]]:
    """Returns the attributes that all new instances share, and the fields whose default is made for each."""
    template = {k: v for k, v in model().__dict__.items() if k != "_state"}
    fields = [
        f
        for f in model._meta.concrete_fields
        if f.has_default() and (f.default is models.NOT_PROVIDED or callable(f.default))
    ]
    return template, fields
