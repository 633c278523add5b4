"""docs/imports.md lists every heading that the declarations know.

After a new one: ``python -m tests.contract.test_imports_page`` writes the tables anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "imports.md"
#: The tables, from the first heading of a noun on.
TABLES = re.compile(r"(?<=<!-- tables -->\n).*\Z", re.S)


def nouns() -> list[Any]:
    from headlessly.declaration.registry import registry

    return [noun for noun in registry.values() if noun.Surface.files.headings]


def table(noun: Any) -> Iterator[str]:
    """What the page says of a noun: each field that files call otherwise, and how."""
    files = noun.Surface.files
    yield f"\n### {noun.__name__}\n"
    if files.described:
        told = (
            f"`{noun.schema.by_name[name].wire}` by its "
            + ", ".join(f"`{each}`" for each in fields)
            for name, fields in files.described.items()
        )
        yield f"A row also describes, under their own headings: {'; '.join(told)}.\n"
    yield "| field | also under |\n|---|---|"
    for name, headings in files.headings.items():
        wire = "$createdAt" if name == "created_at" else noun.schema.by_name[name].wire
        yield f"| `{wire}` | {', '.join(dict.fromkeys(h.replace('|', '/') for h in headings))} |"
    for name, words in files.words.items():
        for value, others in words.items():
            says = f"is `{value}`" if value else "says nothing"
            told = ", ".join(dict.fromkeys(others))
            yield f"| `{noun.schema.by_name[name].wire}` {says} | {told} |"


@pytest.mark.parametrize("name", ["Lead", "Contact", "Organization", "Deal"])
def test_it_lists_what_a_noun_is_called_in_files(name: str) -> None:
    text = PAGE.read_text()
    (noun,) = (each for each in nouns() if each.__name__ == name)
    for line in table(noun):
        assert line in text, "python -m tests.contract.test_imports_page"


def test_it_lists_no_heading_that_nobody_knows() -> None:
    told = TABLES.search(PAGE.read_text())
    assert told is not None
    assert told[0].strip() == "\n".join(line for noun in nouns() for line in table(noun)).strip()


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headlessly.settings")
    django.setup()
    tables = "\n".join(line for noun in nouns() for line in table(noun))
    PAGE.write_text(TABLES.sub(lambda _: tables.lstrip("\n") + "\n", PAGE.read_text()))
