"""What a migration adds to a table is what Django would know of it, though no model is drawn anew."""

from django.db import migrations, models
from django.db.migrations.state import ModelState, ProjectState

from headlessly.database.migration_states import adding_to_drawn_models

OPERATIONS = [
    migrations.AddIndex("shelf", models.Index(fields=["room"], name="shelf_by_room")),
    migrations.AddConstraint(
        "shelf", models.UniqueConstraint(fields=["room"], name="shelf_one_to_a_room")
    ),
]


def shelves(*, drawn: bool) -> ProjectState:
    """A state with a shelf that names its room; ``drawn``: its models are there before anything is added."""
    state = ProjectState()
    state.add_model(ModelState("house", "Room", [("id", models.AutoField(primary_key=True))]))
    room = models.ForeignKey("house.Room", models.CASCADE)
    shelf = [("id", models.AutoField(primary_key=True)), ("room", room)]
    options = {"indexes": [], "constraints": []}
    state.add_model(ModelState("house", "Shelf", shelf, options))
    if drawn:
        assert state.apps
    return state


def told(state: ProjectState) -> list[object]:
    """What the state and its model know of indexes and constraints."""
    known = state.models["house", "shelf"].options
    drawn = state.apps.get_model("house", "shelf")._meta
    return [known["indexes"], known["constraints"], drawn.indexes, drawn.constraints]


def test_an_index_and_a_constraint_are_added_to_the_model_that_is_drawn():
    djangos, ours = shelves(drawn=True), shelves(drawn=True)
    model = ours.apps.get_model("house", "shelf")
    for operation in OPERATIONS:
        operation.state_forwards("house", djangos)
        with adding_to_drawn_models():
            operation.state_forwards("house", ours)
    assert told(ours) == told(djangos)
    assert [len(each) for each in told(ours)] == [1, 1, 1, 1]
    assert ours.apps.get_model("house", "shelf") is model
    assert djangos.apps.get_model("house", "shelf") is not model


def test_what_is_added_before_anything_is_drawn_is_drawn_with_it():
    state = shelves(drawn=False)
    with adding_to_drawn_models():
        for operation in OPERATIONS:
            operation.state_forwards("house", state)
    assert "apps" not in vars(state)
    assert [len(each) for each in told(state)] == [1, 1, 1, 1]


def test_django_is_itself_again_afterwards():
    before = ProjectState.add_index
    with adding_to_drawn_models():
        assert ProjectState.add_index is not before
    assert ProjectState.add_index is before
