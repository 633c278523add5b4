"""What a migration adds to a table is what Django would know of it, though no model is drawn anew."""

from typing import Any

import pytest
from django.db import connection, migrations, models
from django.db.migrations.migration import Migration
from django.db.migrations.state import ModelState, ProjectState

from headlessly.database.migration_states import adding_to_drawn_models

OPERATIONS = [
    migrations.AddIndex("shelf", models.Index(fields=["room"], name="shelf_by_room")),
    migrations.AddConstraint(
        "shelf", models.UniqueConstraint(fields=["room"], name="shelf_one_to_a_room")
    ),
]


#: A book stands on a shelf, and the shelf has a favourite of its books; tags are a table between two.
ADDED = [
    migrations.CreateModel(
        "Book",
        [
            ("id", models.AutoField(primary_key=True)),
            ("shelf", models.ForeignKey("house.Shelf", models.CASCADE, related_name="books")),
        ],
    ),
    migrations.AddField(
        "book", "title", models.CharField(max_length=40, default="", db_index=True)
    ),
    migrations.AddField(
        "shelf", "favourite", models.ForeignKey("house.Book", models.SET_NULL, null=True)
    ),
    migrations.AddField("book", "pages", models.IntegerField(default=1), preserve_default=False),
    migrations.AddField("book", "next", models.ForeignKey("self", models.CASCADE, null=True)),
    migrations.AddField("book", "rooms", models.ManyToManyField("house.Room")),
    migrations.CreateModel("Atlas", [], bases=("house.book",), options={"proxy": True}),
    migrations.AlterField("shelf", "room", models.ForeignKey("house.Room", models.PROTECT)),
    migrations.AddField("room", "colour", models.TextField(null=True)),
    migrations.RemoveField("book", "title"),
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


def applied(state: ProjectState, operation: Any) -> list[str]:
    """Apply a migration with this; answers what it would send to the database."""
    migration = Migration("0002", "house")
    migration.operations = [operation]
    with connection.schema_editor(collect_sql=True) as editor:
        migration.apply(state, editor, collect_sql=True)
    return editor.collected_sql


def drawn(state: ProjectState) -> dict[str, Any]:
    """Each model: its columns in order, whom it refers to and who refers to it, which are all of this state,
    and what it is asked by."""
    models_of_it = {
        model._meta.label: model for model in state.apps.get_models(include_auto_created=True)
    }
    for model in models_of_it.values():
        for field in model._meta.get_fields(include_hidden=True):
            if field.is_relation:
                assert models_of_it[field.related_model._meta.label] is field.related_model
    return {
        label: (
            [(f.name, f.deconstruct()[1:]) for f in model._meta.concrete_fields],
            sorted(
                (f.name, f.related_model._meta.label, f.auto_created and f.hidden)
                for f in model._meta.get_fields(include_hidden=True)
                if f.is_relation
            ),
            sorted(name for name in vars(model) if not name.startswith("_")),
        )
        for label, model in models_of_it.items()
    }


@pytest.mark.django_db
def test_models_and_fields_are_what_django_would_have_made():
    """From a copy of what is drawn, as `migrate` begins where some are applied already."""
    djangos, ours = shelves(drawn=True).clone(), shelves(drawn=True).clone()
    for operation in ADDED:
        sent = applied(djangos, operation)
        with adding_to_drawn_models():
            assert applied(ours, operation) == sent
        djangos.clear_delayed_apps_cache()  # of those that Django has not drawn anew so far
        assert drawn(ours) == drawn(djangos), operation


@pytest.mark.django_db
def test_one_more_field_makes_no_class():
    state = shelves(drawn=True)
    before = set(state.apps.get_models())
    with adding_to_drawn_models():
        applied(state, migrations.AddField("shelf", "label", models.TextField(null=True)))
    assert set(state.apps.get_models()) == before
    assert state.apps.get_model("house", "shelf")._meta.get_field("label")


@pytest.mark.django_db
def test_on_the_way_back_each_state_has_classes_of_its_own():
    state = shelves(drawn=True)
    model = state.apps.get_model("house", "shelf")
    migration = Migration("0002", "house")
    migration.operations = [
        migrations.RunPython(migrations.RunPython.noop, lambda apps, _: seen.append(apps)),
        migrations.AddField("shelf", "label", models.TextField(null=True)),
    ]
    seen: list[Any] = []
    with adding_to_drawn_models(), connection.schema_editor() as editor:
        editor.remove_field = lambda *_: None  # of a table that is not there
        migration.unapply(state, editor)
    fields = [f.name for f in seen[0].get_model("house", "shelf")._meta.get_fields()]
    assert "label" not in fields
    assert "label" not in [f.name for f in model._meta.get_fields()]


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
