"""Migration states that add to their existing models instead of rendering them again.

Django keeps the models of each moment of the migrations as classes. For every model, field, index and
constraint that is added it renders these classes again, for the table and all its neighbours. Here every
table refers to the tenant, so that is all classes, a thousand times, and nearly all of the time it takes to
migrate an empty database. Instead, additions are applied to the existing classes, which become what Django
would have rendered.

Models and fields are added so only on the way forward, when nobody needs a state again once the next one
exists. On the way back all states are made first, and each needs classes of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations.migration import Migration
from django.db.migrations.state import ModelState, ProjectState, StateApps

#: The attribute of a state to which a migration is being applied.
FORWARD = "_goes_forward"


@contextmanager
def adding_to_drawn_models() -> Iterator[None]:
    """Add to the existing models inside the block."""
    ours: dict[tuple[type[Any], str], Callable[..., Any]] = {
        (ProjectState, "add_index"): _added_option("indexes", ProjectState.add_index),
        (ProjectState, "add_constraint"): _added_option("constraints", ProjectState.add_constraint),
        (ProjectState, "add_field"): _added_field(ProjectState.add_field),
        (ProjectState, "add_model"): _added_model(ProjectState.add_model),
        (Migration, "apply"): _applied(Migration.apply),
    }
    djangos = {(owner, name): getattr(owner, name) for owner, name in ours}
    for (owner, name), function in ours.items():
        setattr(owner, name, function)
    try:
        yield
    finally:
        for (owner, name), function in djangos.items():
            setattr(owner, name, function)


def _applied(djangos: Callable[..., Any]) -> Callable[..., Any]:
    def apply(migration: Any, project_state: ProjectState, *more: Any, **options: Any) -> Any:
        setattr(project_state, FORWARD, True)
        try:
            return djangos(migration, project_state, *more, **options)
        finally:
            delattr(project_state, FORWARD)

    return apply


def _added_option(option: str, djangos: Callable[..., None]) -> Callable[..., None]:
    def add(state: ProjectState, app_label: str, model_name: str, added: Any) -> None:
        with _drawing_nothing(state):
            djangos(state, app_label, model_name, added)
        if "apps" in vars(state):  # otherwise they are rendered when they are first used
            drawn = state.apps.get_model(app_label, model_name)._meta
            setattr(drawn, option, [*getattr(drawn, option), added])

    return add


def _added_field(djangos: Callable[..., None]) -> Callable[..., None]:
    def add_field(
        state: ProjectState, app_label: str, model_name: str, name: str, field: Any, *more: Any
    ) -> None:
        if not _takes(state) or field.many_to_many:  # a many-to-many field is a table of its own
            return djangos(state, app_label, model_name, name, field, *more)
        with _drawing_nothing(state):
            djangos(state, app_label, model_name, name, field, *more)
        apps = _made_one(state)
        kept = state.models[app_label, model_name].fields[name]
        drawn: Any = apps.get_model(app_label, model_name)
        drawn.add_to_class(name, kept.clone())
        apps.clear_cache()  # neighbours cache who refers to them
        return None

    return add_field


def _added_model(djangos: Callable[..., None]) -> Callable[..., None]:
    def add_model(state: ProjectState, model_state: ModelState) -> None:
        inherits = any(isinstance(base, str) for base in model_state.bases)
        if not _takes(state) or inherits:
            return djangos(state, model_state)
        with _drawing_nothing(state):
            djangos(state, model_state)
        _made_one(state).render_multiple([model_state])
        return None

    return add_model


def _takes(state: ProjectState) -> bool:
    return hasattr(state, FORWARD) and "apps" in vars(state)


@contextmanager
def _drawing_nothing(state: ProjectState) -> Iterator[None]:
    """Let Django's method change the state without rendering models."""
    state.reload_model = lambda *_, **__: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        del state.reload_model


def _made_one(state: ProjectState) -> StateApps:
    """Returns the models of the state, which then all resolve relations in this state. Models rendered for an
    earlier state would not find later additions."""
    for model in state.apps.get_models(include_auto_created=True, include_swapped=True):
        model._meta.apps = state.apps
    return state.apps
