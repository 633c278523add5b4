"""Rows of a file are written together: as many statements for hundreds as for some."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Contact, Deal, Lead, Organization
from headlessly.nouns import Noun
from marketing import Campaign

HEADERS = {
    Lead: "name,source,score,budget",
    Contact: "name,title,email",
    Organization: "name,industry",
    Deal: "name,value",
    Campaign: "name,type",
}
FEW, MANY = 5, 200


def file_of(noun: type[Noun], word: str, count: int) -> str:
    values = {"source": "website", "score": "7", "budget": "100", "value": "100", "type": "Email",
              "industry": "Health", "title": "CTO"}  # fmt: skip
    lines = [HEADERS[noun]]
    for n in range(count):
        given = values | {"name": f"{word} {n}", "email": f"{word}{n}@b.example"}
        lines.append(",".join(given[name] for name in HEADERS[noun].split(",")))
    return "\n".join(lines)


@pytest.mark.parametrize("noun", HEADERS, ids=[noun.__name__ for noun in HEADERS])
def test_it_asks_the_database_no_more_for_many_rows_than_for_few(
    acme: Any, imported: Any, noun: type[Noun]
) -> None:
    told = imported(noun.plural, file_of(noun, "first", FEW))
    assert told["created"] == FEW, told
    asked = []
    for word, count in (("few", FEW), ("many", MANY)):
        with CaptureQueriesContext(connection) as statements:
            told = imported(noun.plural, file_of(noun, word, count))
        assert told["created"] == count, told
        asked.append(len(statements))
    assert asked[1] <= asked[0] + 10, asked
