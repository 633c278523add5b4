"""States of migrations that are not drawn anew for what is added to them.

Django keeps the models of a migration's moment as classes. For every model, field, index and constraint that
is added it makes those of the table and of all its neighbours again, columns and all; and here every table is
a neighbour of the tenants'. A class that is told of one more is what Django would have made.

The state before an operation shares its classes with the state behind it. What adds a column or a table asks
of the state before no more than the table's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partialmethod
from typing import Any

from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import NOT_PROVIDED, Field


@contextmanager
def adding_to_drawn_models() -> Iterator[None]:
    """Within it, what is added is added to the models that are there already.

    What takes migrations back reads from the states before them, which then need classes of their own: it
    draws them as Django does.
    """
    djangos = {method: getattr(ProjectState, method) for method in ADDING}
    executor: Any = MigrationExecutor
    backwards = executor._migrate_all_backwards

    def drawn_anew(*arguments: Any, **options: Any) -> Any:
        with _methods(djangos):
            return backwards(*arguments, **options)

    executor._migrate_all_backwards = drawn_anew
    try:
        with _methods(ADDING):
            yield
    finally:
        executor._migrate_all_backwards = backwards


@contextmanager
def _methods(functions: dict[str, Any]) -> Iterator[None]:
    before = {method: getattr(ProjectState, method) for method in functions}
    for method, function in functions.items():
        setattr(ProjectState, method, function)
    try:
        yield
    finally:
        for method, function in before.items():
            setattr(ProjectState, method, function)


def _is_drawn(state: ProjectState) -> bool:
    """Else its models are drawn when they are first asked for."""
    return "apps" in vars(state)


def _add_to_option(
    state: ProjectState, option: str, app_label: str, model_name: str, added: Any
) -> None:
    options = state.models[app_label, model_name].options
    options[option] = [*options[option], added]
    if _is_drawn(state):
        drawn = state.apps.get_model(app_label, model_name)._meta
        setattr(drawn, option, [*getattr(drawn, option), added])


def _add_model(state: ProjectState, model: ModelState) -> None:
    key = model.app_label, model.name_lower
    state.models[key] = model
    if state._relations is not None:  # type: ignore[attr-defined]  # the stubs do not know of it
        state.resolve_model_relations(key)
    if _is_drawn(state):
        state.apps.render_multiple([model])


def _add_field(
    state: ProjectState,
    app_label: str,
    model_name: str,
    name: str,
    field: Field[Any, Any],
    preserve_default: bool,
) -> None:
    if not preserve_default:
        field = field.clone()
        field.default = NOT_PROVIDED
    key = app_label, model_name
    state.models[key].fields[name] = field
    if state._relations is not None:  # type: ignore[attr-defined]
        state.resolve_model_field_relations(key, name, field)
    if _is_drawn(state):
        with state.apps.bulk_update():
            field.clone().contribute_to_class(state.apps.get_model(app_label, model_name), name)


#: Django's methods, and what is done instead.
ADDING: dict[str, Any] = {
    "add_model": _add_model,
    "add_field": _add_field,
    "add_index": partialmethod(_add_to_option, "indexes"),
    "add_constraint": partialmethod(_add_to_option, "constraints"),
}
