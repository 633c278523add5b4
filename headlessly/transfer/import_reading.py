"""Reads the file of an import: once completely to find its notations, and then row by row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from contextlib import closing
from functools import partial
from itertools import islice

from headlessly.declaration.values import as_storable
from headlessly.transfer import formats
from headlessly.transfer import stored_file as content
from headlessly.transfer.headings import Headings, column_number, find_meaning, read_headings
from headlessly.transfer.import_rows import Taker
from headlessly.transfer.models import Import
from headlessly.transfer.notations import Evidence
from headlessly.transfer.objects import named_values
from headlessly.transfer.options import Options
from headlessly.transfer.row_readers import (
    MOST_NAMES,
    ObjectReader,
    TableReader,
    column_kinds,
    entry_finder,
    entry_kinds,
    percent_columns,
)
from headlessly.transfer.rows import Layout, Row, is_blank
from headlessly.transfer.samples import SHOWN, WordCounter, sample_rows

#: The types of fields with several notations in files.
NUMBERS, DAYS = ("number", "integer", "money"), ("date", "datetime")
#: How much of a line below the table is remembered, in characters.
LINE = 200


class FileReading:
    """How to read the file of one import."""

    def __init__(self, source: Import) -> None:
        self.source = source
        self.options = Options(**source.options)
        self.layout = Layout(**source.layout)

    def rows(self, below: list[str] | None = None) -> Generator[Row]:
        with content.open_file(self.source) as file:
            yield from formats.read_rows(file, self.source.format, self.layout, below)

    @property
    def _is_table(self) -> bool:
        return self.source.format in formats.TABLES

    def _headings(self) -> Headings:
        return read_headings(
            self.source.noun,
            self.source.columns,
            mapping=self.options.field_mapping,
            strict=self.options.strict,
            asks=self.options.asks,
        )

    def taker(self) -> Taker:
        """Returns the taker of rows, according to the file's header and all of its cells."""
        source, noun, strict = self.source, self.source.noun, self.options.strict
        mapping = self.options.field_mapping
        if self._is_table:
            headings = self._headings()
            lenient = headings.foreign and not strict
            reader: TableReader | ObjectReader = TableReader(
                headings, source.notations(), mapping.values, lenient=lenient
            )
            return Taker(source, reader, foreign=headings.foreign)
        text = source.format == formats.VCF or (self.layout.single and not self.layout.within)
        known = filter(None, (find_meaning(noun, name, mapping) for name in source.columns))
        foreign = text or any(not meaning.own for meaning in known)
        reader = ObjectReader(
            noun,
            mapping,
            source.notations(),
            text=text,
            lenient=foreign and not strict,
            strict=strict,
        )
        return Taker(source, reader, foreign=foreign)

    def take_samples(self, taker: Taker) -> None:
        """Save the first rows as they will be imported."""
        with closing(self.rows()) as rows:
            self.source.samples = sample_rows(taker.lookup, islice(rows, SHOWN))

    def look_through(self) -> None:
        """Count the rows, and find how they write numbers and days, and what is no field."""
        source = self.source
        names: dict[str, None] = {}
        below: list[str] = []
        words = None
        find = entry_finder(source.noun, self.options.field_mapping)
        if not self._is_table:
            kinds = partial(entry_kinds, source.noun, self.options.field_mapping)
            evidence = Evidence(kinds(*NUMBERS), kinds(*DAYS))
        else:
            headings = self._headings()
            evidence = Evidence(
                column_kinds(headings, *NUMBERS),
                column_kinds(headings, *DAYS),
                percent_columns(headings) if headings.foreign else {},
            )
            words = WordCounter(headings) if source.dry_run else None
        #: Non-empty columns to the right of the last one with a name.
        nameless: set[int] = set()
        width, total = len(source.columns), 0
        for row in self.rows(below):
            total += 1
            if row.problem is not None:
                continue
            if self._is_table:
                evidence.add(row.content)
                if words is not None:
                    words.add(row.content)
                if len(row.content) > width:
                    nameless.update(
                        n for n, cell in enumerate(row.content[width:], width) if not is_blank(cell)
                    )
                continue
            if len(names) < MOST_NAMES:
                names.update(dict.fromkeys(islice(row.content, MOST_NAMES)))
            said = named_values(row.content, find)
            texts = {known.path: value for _name, value, known in said if known is not None}
            evidence.add(defaultdict(str, texts))
        source.total, source.seen = total, evidence.found()
        source.columns = source.columns or [as_storable(n) for n in names]
        source.unknown += [column_number(n) for n in sorted(nameless)[:MOST_NAMES]]
        source.words = words.found() if words is not None else {}
        source.below = [as_storable(line[:LINE]) for line in below]
