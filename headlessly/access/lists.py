"""Lists of values that people have written into free text, such as tags.

A list remembers the spelling of each value. Texts that differ only in case and accents are the same value: if
the list has "VIP", "vip" becomes "VIP", so that reports do not split a value by its spelling.
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

#: The maximum length of a value, and of the name of a list (``Lead.source``).
MAX_VALUE, MAX_NAME = 255, 100
#: How many values a search for words finds in one list, at most.
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
    """Returns the list's spelling of these texts, by the text as it is compared, without unknown texts."""
    keys = sorted(set(map(choice_key, texts)))
    if not keys:
        return {}
    found = ListValue.objects.filter(list=list_name, key__in=keys)
    return dict(found.values_list("key", "value"))


def spell_by_list(list_name: str, texts: Collection[str]) -> list[str]:
    """Returns the texts in the list's spelling; unknown ones stay as they are."""
    known = list_spellings(list_name, texts)
    return unique_choices(known.get(choice_key(text), text) for text in texts)


def spell_and_remember(list_name: str, texts: Collection[str]) -> list[str]:
    """Returns the texts in the list's spelling, and adds unknown ones to the list.

    If two transactions add a new value at the same moment, the second waits for the first and takes its
    spelling.
    """
    known = list_spellings(list_name, texts)
    new = {key: text for text in texts if (key := choice_key(text)) not in known}
    if new:
        tenant = tenancy.require()
        ListValue.objects.bulk_create(
            # In one order, so that two transactions never wait for each other.
            [
                ListValue(tenant=tenant, list=list_name, key=key, value=new[key])
                for key in sorted(new)
            ],
            ignore_conflicts=True,
        )
        known |= list_spellings(list_name, list(new.values()))
    return unique_choices(known.get(choice_key(text), text) for text in texts)


def values_with_words(list_name: str, words: Iterable[str]) -> dict[str, list[str]]:
    """Returns for each of ``words``, which are folded, the values with a word that begins with it."""
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
    """Returns the values of a list in alphabetical order."""
    found = ListValue.objects.filter(list=list_name).order_by("key")
    return found.values_list("value", flat=True)[:limit]
