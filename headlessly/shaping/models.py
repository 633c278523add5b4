"""The model of a tenant's own field, with its settings. Its values are stored with the records."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from headlessly.access.tenant_rows import TenantRow
from headlessly.declaration import custom_values
from headlessly.declaration.choices import change_choices, unite_choices
from headlessly.declaration.colors import tone_of
from headlessly.declaration.fields import PublicId, Text, Url
from headlessly.declaration.normalization import normalize_email, normalize_phone
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field, snake_name

#: The types of own fields, each with the type of the declaration that its values have.
TYPES: dict[str, str] = {
    "string": "string",
    "text": "text",
    "integer": "integer",
    "number": "number",
    "money": "money",
    "date": "date",
    "datetime": "datetime",
    "bool": "bool",
    "choice": "enum",
    "choices": "choices",
    "url": "url",
    "email": "email",
    "phone": "string",
    "reference": "reference",
}
LONGEST: dict[str, int | None] = {
    "string": 255,
    "text": Text.MAX_LENGTH,
    "email": 255,
    "phone": 255,
    "url": Url().max_length,
}
NORMALIZED = {"email": normalize_email, "phone": normalize_phone}
#: The types that may be unique. For others, equal values are no mistake, or hard to detect.
UNIQUE_TYPES = ("string", "integer", "number", "money", "date", "datetime", "url", "email", "phone")
#: The types that may have an index.
INDEXED_TYPES = (
    "string", "integer", "number", "money", "date", "datetime", "email", "phone", "choice"
)  # fmt: skip
#: Families of types that a field may change between: they store values in the same JSON, so nothing has to
#: be written, and past values can be read.
FAMILIES = (
    ("string", "text", "email", "url", "phone", "choice"),
    ("integer", "number", "money"),
)
#: The characters of a key; 36**9 combinations are enough for one tenant.
KEY_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def new_key() -> str:
    """Returns a new key: ``k3f9a7c2b1``."""
    return "k" + "".join(secrets.choice(KEY_LETTERS) for _ in range(9))


def types_that_keep_values(type: str) -> tuple[str, ...]:
    """Returns the types that a field of this type may become, including itself."""
    return next((family for family in FAMILIES if type in family), (type,))


class CustomField(TenantRow):
    """A field that a tenant added to a noun.

    Its values are found by its ``key``, and its options by their ``value``, because labels and names may
    change. An archived field is not part of the noun, but its values stay where they are.
    """

    prefix: ClassVar[str] = "field"

    id = PublicId()
    noun = models.CharField(max_length=64)
    name = models.CharField(max_length=40)  #: on the wire, in camel case
    #: Its previous names, the latest first: it is found by them, too.
    former_names = models.JSONField(default=list, editable=False)
    key = models.CharField(max_length=16, default=new_key, editable=False)
    type = models.CharField(max_length=16)
    label = models.CharField(max_length=80)
    help = models.CharField(max_length=255, blank=True, default="")
    #: The options of a choice, in order: objects with ``value``, ``label``, ``color`` and ``retired``.
    options = models.JSONField(default=list, blank=True)
    #: The noun that a reference leads to.
    to = models.CharField(max_length=64, blank=True, default="")
    required = models.BooleanField(default=False)
    unique = models.BooleanField(default=False, db_default=False)
    #: The key of its index (:mod:`headlessly.log.indexed_values`), if it has one.
    index_key = models.CharField(
        max_length=16, blank=True, default="", db_default="", editable=False
    )
    indexed_at = models.DateTimeField(null=True, editable=False)  #: since when it is complete
    default = models.JSONField(null=True, blank=True)
    minimum = models.FloatField(null=True, blank=True)
    maximum = models.FloatField(null=True, blank=True)
    group = models.CharField(max_length=80, blank=True, default="")
    order = models.IntegerField(default=0)
    archived_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "tenant", "noun", Lower("name"), name="custom_field_name_unique"
            ),
            models.UniqueConstraint(fields=["tenant", "key"], name="custom_field_key_unique"),
            models.CheckConstraint(
                condition=Q(type__in=list(TYPES)), name="custom_field_type_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.noun}.{self.name}"

    @property
    def column(self) -> str:
        """The column of its values: ``custom__integer_k3f9a7c2b1``."""
        return custom_values.column_of(TYPES[self.type], self.key)

    @property
    def indexed(self) -> bool:
        """Whether it has an index, or is about to."""
        return bool(self.index_key)

    def as_field(self) -> Field:
        made = self.as_field_without_default()
        return made if self.default is None else made.with_default(self.default)

    def as_field_without_default(self) -> Field:
        """Returns the field without its default, which is validated by it."""
        values = tuple(str(option["value"]) for option in self.options)
        other = registry.get(self.to)
        kind = TYPES[self.type]
        return Field(
            name=snake_name(self.name),
            wire=self.name,
            column=self.column,
            type=kind,
            required=self.required,
            unique=self.unique,
            indexed=self.indexed_at is not None,
            index_key=self.index_key if self.indexed_at is not None else "",
            choices=values,
            value_labels={str(o["value"]): str(o.get("label") or o["value"]) for o in self.options}
            if self.options
            else None,
            tones={str(o["value"]): tone_of(o["color"]) for o in self.options if o.get("color")},
            retired=tuple(str(o["value"]) for o in self.options if o.get("retired")),
            to=other.__name__ if other else None,
            prefix=other.prefix if other else None,
            minimum=self._bound(self.minimum),
            maximum=self._bound(self.maximum),
            max_length=LONGEST.get(self.type),
            description=self.help,
            label=self.label,
            normalize=NORMALIZED.get(self.type),
            group=self.group,
            change=change_choices if kind == "choices" else None,
            unite=unite_choices if kind == "choices" else None,
            former=tuple(self.former_names),
        )

    def _bound(self, value: float | None) -> Any:
        return int(value) if value is not None and value.is_integer() else value
