"""Lists of values: what people have written where a text is free, such as tags.

A list remembers how each value is spelled. Case and accents aside, a text is one value: whoever writes "vip"
where there is "VIP" means that, and so nobody's figures are split by spelling.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import ClassVar

from django.db import models

from headlessly.access import tenancy
from headlessly.access.prepared_queries import compiled_query
from headlessly.access.tenant_rows import TenantRow
from headlessly.database.prepared import execute_prepared
from headlessly.declaration.choices import choice_key, unique_choices

#: How long a value and the name of a list (``Lead.source``) may be.
MAX_VALUE, MAX_NAME = 255, 100
#: How many values a search for words looks for in one list.
MOST_WITH_WORDS = 50


class ListValue(TenantRow):
    """One value of one list of a tenant."""

    list = models.CharField(max_length=MAX_NAME, db_collation="C")
    #: The value as it is compared.
    key = models.CharField(max_length=MAX_VALUE * 2, db_collation="C")
    value = models.CharField(max_length=MAX_VALUE)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "list", "key"], name="one_spelling_of_a_value"
            )
        ]

    def __str__(self) -> str:
        return self.value


def list_spellings(list_name: str, texts: Collection[str]) -> dict[str, str]:
    """How the list spells these texts, by the text as it is compared; what it does not know is left out."""
    keys = sorted(set(map(choice_key, texts)))
    if not keys:
        return {}
    found = ListValue.objects.filter(list=list_name, key__in=keys)
    return dict(found.values_list("key", "value"))


def spell_by_list(list_name: str, texts: Collection[str]) -> list[str]:
    """The texts in the list's spelling; one that it does not know stays as it is."""
    known = list_spellings(list_name, texts)
    return unique_choices(known.get(choice_key(text), text) for text in texts)


def spell_and_remember(list_name: str, texts: Collection[str]) -> list[str]:
    """The same; what the list did not know, it knows from then on.

    Of two who write a new value at the same moment the second waits for the first, and takes its spelling.
    """
    known = list_spellings(list_name, texts)
    new = {key: text for text in texts if (key := choice_key(text)) not in known}
    if new:
        tenant = tenancy.require()
        ListValue.objects.bulk_create(
            # In one order, so that two never wait for each other.
            [
                ListValue(tenant=tenant, list=list_name, key=key, value=new[key])
                for key in sorted(new)
            ],
            ignore_conflicts=True,
        )
        known |= list_spellings(list_name, list(new.values()))
    return unique_choices(known.get(choice_key(text), text) for text in texts)


def values_with_words(list_name: str, words: Iterable[str]) -> dict[str, list[str]]:
    """The values in which a word begins with each of ``words``, which are folded."""
    found: dict[str, list[str]] = {word: [] for word in words}
    begins = models.Q()
    for word in found:
        begins |= models.Q(key__startswith=word) | models.Q(key__contains=f" {word}")
    statement = compiled_query(_values_that, [begins], list_name) if found else None
    for key, value in execute_prepared(*statement) if statement else ():
        for word, those in found.items():
            if f" {word}" in f" {key}":
                those.append(value)
    return found


def _values_that(condition: models.Q, list_name: str) -> models.QuerySet:
    values = ListValue.objects.filter(condition, list=list_name).order_by("key")
    return values.values_list("key", "value")[:MOST_WITH_WORDS]


def values_of_list(list_name: str, limit: int) -> Iterable[str]:
    """What a list offers, by its letters."""
    found = ListValue.objects.filter(list=list_name).order_by("key")
    return found.values_list("value", flat=True)[:limit]
