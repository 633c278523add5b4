"""Text that no column can hold is looked for in vain, wherever it comes from."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Lead


@pytest.mark.parametrize("text", ["lead_\x00", "\ud800"])
def test_it_is_in_no_row_and_the_database_is_not_asked(
    lead: Any, text: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert not Lead.objects.filter(pk=text).exists()
        assert not Lead.objects.filter(name=text).exists()
        assert not Lead.objects.filter(name__folded=text).exists()
        assert not Lead.objects.filter(pk__in=[text]).exists()


@pytest.mark.parametrize("text", ["lead_\x00", "\ud800"])
def test_it_hides_nothing_that_is_looked_for_beside_it(lead: Any, text: str) -> None:
    assert list(Lead.objects.filter(pk__in=[text, lead.pk])) == [lead]
    assert list(Lead.objects.exclude(pk=text)) == list(Lead.objects.exclude(pk__in=[text]))
    assert list(Lead.objects.exclude(name=text)) == [lead]
