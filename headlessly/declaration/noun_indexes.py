"""The indexes that every noun gets for its unique fields, its search and its tenants' own fields."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F

from headlessly.declaration.custom_values import COLUMN, OwnTexts
from headlessly.declaration.fields import Choice, Others
from headlessly.declaration.folding import Digits, Folded, Numbers, WholeText, Words, small_letters
from headlessly.declaration.indexes import LIVE
from headlessly.declaration.record import Record
from headlessly.declaration.refusals import unique_index_name


def add_unique_constraints(noun: type[Record]) -> None:
    """Add a unique index for each unique field: within the tenant, ignoring case and deleted records."""
    noun.unique_fields = tuple(
        f.name for f in noun._meta.concrete_fields if getattr(f, "unique_in_tenant", False)
    )
    for name in noun.unique_fields:
        column = noun._meta.get_field(name)
        constraint = models.UniqueConstraint(
            F("tenant"),
            small_letters(column)
            if isinstance(column, models.CharField | models.TextField)
            else F(name),
            condition=models.Q(deleted_at=None),
            name=unique_index_name(noun, name),
        )
        if isinstance(column, models.CharField) and any(v.merges for v in noun.verbs.values()):
            merged = models.Index(
                F("tenant"),
                small_letters(column),
                condition=models.Q(successor__isnull=False),
                name=f"{noun._meta.model_name}_merged_{name}",
            )
            noun._meta.indexes = [*noun._meta.indexes, merged]
        noun._meta.constraints = [*noun._meta.constraints, constraint]
    if noun.unique_fields:
        noun._meta.original_attrs["constraints"] = noun._meta.constraints


def add_search_indexes(noun: type[Record]) -> None:
    """Add the indexes for searching, for lists by name, for further values and for tags.

    The first has the noun's own searchable columns: trigrams of short texts, words of long ones. It begins
    with the tenant; otherwise it would find records of all tenants, and to keep those of one would take
    longer than the search. The second has the names in order, for lists by name and for names that begin with
    what is typed. A noun that is found only by its references, or whose records have a choice for a name,
    does without.
    """
    searched = [name for name in noun.Surface.search if "__" not in name]
    texts = [Words(name) for name in searched if name in noun.schema.long_texts]
    own = [Folded(name) for name in searched if name not in noun.schema.long_texts]
    phones = [Digits(name) for name in noun.schema.phones]
    indexes: list[models.Index] = []
    if own or phones or texts:
        words = GinIndex(
            F("tenant"),
            *(OpClass(column, "gin_trgm_ops") for column in (*own, *phones)),
            *texts,
            name=f"{noun._meta.model_name}_search",
        )
        indexes.append(words)
    if not isinstance(noun._meta.get_field(name := noun.schema.columns[0]), Choice):
        names = models.Index(
            F("tenant"),
            Folded(name),
            F("id"),
            name=f"{noun._meta.model_name}_sorted_by_name",
            condition=LIVE,
        )
        indexes.append(names)
    columns = noun._meta.concrete_fields
    indexes += [_index_of_others(noun, each) for each in columns if isinstance(each, Others)]
    # Records without tags are not in it and cost nothing.
    tagged = GinIndex(
        fields=["tenant", "tags"],
        name=f"{noun._meta.model_name}_by_tags",
        condition=LIVE & models.Q(tags__isnull=False),
    )
    noun._meta.indexes = [*noun._meta.indexes, *indexes, tagged]
    noun._meta.original_attrs["indexes"] = noun._meta.indexes


def _index_of_others(noun: type[Record], field: Others) -> models.Index:
    """Returns an index for a field with further values: by a whole value, by a part of one, and by the digits
    of a telephone number. Records without any are not in it."""
    whole = OpClass(Folded(WholeText(field.name)), "gin_trgm_ops")
    digits = OpClass(Numbers(field.name), "gin_trgm_ops")
    is_phone = field.beside[0] in noun.schema.phones
    return GinIndex(
        F("tenant"),
        F(field.name),
        whole,
        *((digits,) if is_phone else ()),
        name=f"{noun._meta.model_name}_{field.name}",
        condition=models.Q(**{f"{field.name}__isnull": False}),
    )


def add_index_of_own_fields(noun: type[Record]) -> None:
    """Add one index for all fields of all tenants: it finds records by a value, and by words in texts.
    Records without such values are not in it."""
    own = GinIndex(
        F("tenant"),
        OpClass(F(COLUMN), "jsonb_path_ops"),
        OpClass(Folded(OwnTexts(COLUMN)), "gin_trgm_ops"),
        condition=models.Q(**{f"{COLUMN}__isnull": False}),
        name=f"{noun._meta.model_name}_custom",
    )
    noun._meta.indexes = [*noun._meta.indexes, own]
    noun._meta.original_attrs["indexes"] = noun._meta.indexes
