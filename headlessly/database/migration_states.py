"""States of migrations that are not drawn anew for what no drawn model is made of.

Django keeps the models of a migration's moment as classes, and for every index and constraint that is added
it makes those of the table and of all its neighbours again, columns and all. Such a class has them in a list
of its ``_meta`` and nowhere else: told of one more, it is what Django would have made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partialmethod
from typing import Any

from django.db.migrations.state import ProjectState

#: Django's methods, and the option of a model that each of them adds to.
ADDING = {"add_index": "indexes", "add_constraint": "constraints"}


@contextmanager
def adding_to_drawn_models() -> Iterator[None]:
    """Within it, indexes and constraints are added to the models that are there already."""
    djangos = {method: getattr(ProjectState, method) for method in ADDING}
    for method, option in ADDING.items():
        setattr(ProjectState, method, partialmethod(_add_to_option, option))
    try:
        yield
    finally:
        for method, function in djangos.items():
            setattr(ProjectState, method, function)


def _add_to_option(
    state: ProjectState, option: str, app_label: str, model_name: str, added: Any
) -> None:
    options = state.models[app_label, model_name].options
    options[option] = [*options[option], added]
    if "apps" in vars(state):  # else they are drawn when they are first asked for
        drawn = state.apps.get_model(app_label, model_name)._meta
        setattr(drawn, option, [*getattr(drawn, option), added])
