"""What a migration adds to a state is what Django would know of it, though no model is drawn anew."""

from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ModelState, ProjectState

from headlessly.database.migration_states import ADDING, adding_to_drawn_models

KEY = ("id", models.AutoField(primary_key=True))
OPERATIONS = [
    migrations.AddIndex("shelf", models.Index(fields=["room"], name="shelf_by_room")),
    migrations.AddConstraint(
        "shelf", models.UniqueConstraint(fields=["room"], name="shelf_one_to_a_room")
    ),
    migrations.AddField("shelf", "width", models.IntegerField(default=3), preserve_default=False),
    migrations.CreateModel(
        "Book", [KEY, ("shelf", models.ForeignKey("house.Shelf", models.CASCADE))]
    ),
    migrations.AddField("room", "best", models.ForeignKey("house.Book", models.CASCADE, null=True)),
    migrations.AddField("room", "beside", models.ForeignKey("house.Room", models.CASCADE)),
]


def shelves(*, drawn: bool) -> ProjectState:
    """A state with a shelf that names its room; ``drawn``: its models are there before anything is added."""
    state = ProjectState()
    state.add_model(ModelState("house", "Room", [KEY]))
    room = models.ForeignKey("house.Room", models.CASCADE)
    options: dict[str, Any] = {"indexes": [], "constraints": []}
    state.add_model(ModelState("house", "Shelf", [KEY, ("room", room)], options))
    if drawn:
        assert state.apps
    return state


def told(state: ProjectState) -> dict[str, object]:
    """What the state and its models know of fields, relations, indexes and constraints."""
    found: dict[str, object] = {}
    for (_, name), known in sorted(state.models.items()):
        drawn = state.apps.get_model("house", name)
        columns = {
            f.name: (f.column, f.default, f.related_model and f.related_model._meta.label)
            for f in drawn._meta.local_fields
        }
        relations = sorted(
            (r.name, r.related_model._meta.label) for r in drawn._meta.related_objects
        )
        found[name] = (
            [known.options["indexes"], known.options["constraints"], list(known.fields)],
            [drawn._meta.indexes, drawn._meta.constraints, columns, relations],
        )
    return found


def test_what_is_added_is_added_to_the_model_that_is_drawn():
    djangos, ours = shelves(drawn=True), shelves(drawn=True)
    model = ours.apps.get_model("house", "shelf")
    for operation in OPERATIONS:
        operation.state_forwards("house", djangos)
        with adding_to_drawn_models():
            operation.state_forwards("house", ours)
        assert told(ours) == told(djangos), operation.describe()
    assert ours.apps.get_model("house", "shelf") is model
    assert djangos.apps.get_model("house", "shelf") is not model


def test_a_reference_that_is_added_leads_to_the_models_that_are_drawn():
    state = shelves(drawn=True)
    with adding_to_drawn_models():
        for operation in OPERATIONS:
            operation.state_forwards("house", state)
    room, shelf, book = (state.apps.get_model("house", name) for name in ("room", "shelf", "book"))
    assert room._meta.get_field("best").related_model is book
    assert book(shelf=shelf(room=room())).shelf.width is None


def test_what_is_added_before_anything_is_drawn_is_drawn_with_it():
    state, djangos = shelves(drawn=False), shelves(drawn=True)
    with adding_to_drawn_models():
        for operation in OPERATIONS:
            operation.state_forwards("house", state)
    assert "apps" not in vars(state)
    for operation in OPERATIONS:
        operation.state_forwards("house", djangos)
    assert told(state) == told(djangos)


def test_what_takes_migrations_back_draws_its_states_anew(monkeypatch):
    djangos, meanwhile = ProjectState.add_field, []
    monkeypatch.setattr(
        MigrationExecutor,
        "_migrate_all_backwards",
        lambda *_: meanwhile.append(ProjectState.add_field),
    )
    with adding_to_drawn_models():
        MigrationExecutor._migrate_all_backwards(None, [], [], False)
        assert ProjectState.add_field is not djangos
    assert meanwhile == [djangos]


@pytest.mark.parametrize("method", ADDING)
def test_django_is_itself_again_afterwards(method):
    before = getattr(ProjectState, method)
    with adding_to_drawn_models():
        assert getattr(ProjectState, method) is not before
    assert getattr(ProjectState, method) is before
