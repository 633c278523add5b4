"""The choices on the page of a trial import: what columns and words become, and how the file is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.admin import display, field_values
from headlessly.admin.event_facts import record_names
from headlessly.admin.import_reading import DEFAULT
from headlessly.admin.import_words import Option, word_choices
from headlessly.declaration import labels
from headlessly.declaration.schema import Field
from headlessly.nouns import Noun
from headlessly.transfer import formats, mapping
from headlessly.transfer.encodings import ENCODINGS
from headlessly.transfer.headings import ADDED, find_meaning, nameless_heading
from headlessly.transfer.models import Import, RefusedRow, RowWarning
from headlessly.transfer.options import Options, read_options

#: How many columns a page offers to change; the others stay as guessed.
MOST_COLUMNS = 300
#: The inputs about how the file is read.
READING = ("numbers", "days", "create", "encoding", "delimiter")


@dataclass
class Sample:
    """A cell of the file and the value that it becomes."""

    sent: str
    text: Any = ""  #: the value that it becomes, for reading
    problem: str = ""
    is_new: bool = False  #: whether it names a record that is created for the row

    @property
    def differs(self) -> bool:
        return bool(self.text) and str(self.text) != self.sent.strip()


@dataclass
class ColumnChoice:
    """A column of the file: its heading, the field that it becomes, and its first cells."""

    name: str  #: the name of its input
    heading: str
    key: str  #: its name in a mapping
    path: str  #: empty if it is left out
    guessed: bool  #: whether it was guessed by its values, not its heading
    samples: list[Sample] = field(default_factory=list)


class Choices:
    """The choices of a trial import."""

    def __init__(self, source: Import) -> None:
        self.source = source
        self.noun: type[Noun] = source.noun
        self.options = Options(**source.options)
        self.mapping = self.options.field_mapping
        self.fields = dict(mapping.mappable_fields(self.noun))
        if actors.current().role != actors.ADMIN:
            del self.fields["$createdAt"]  # only admins may set it
        self.told = self._told()

    # -- columns ------------------------------------------------------------------------------------

    def groups(self) -> list[tuple[str, list[Option]]]:
        """Returns what a column may become, by title: the noun's own fields, and those of records that a
        row describes."""
        groups: dict[str, list[Option]] = {}
        for path, (other, found) in self.fields.items():
            reference = path.rpartition(".")[0]
            own = self.noun.schema.fields[reference] if reference else None
            title = labels.field_label(own) if own else labels.noun_title(other)
            label = labels.field_label(found)
            # A closed select shows the label of its option without the title of the group.
            groups.setdefault(title, []).append((path, f"{title}: {label}" if own else label))
        return list(groups.items())

    def columns(self) -> list[ColumnChoice]:
        """Returns the columns in the order of the file, each with its samples. Files of objects have their
        entries as columns."""
        paths = {
            cell["heading"]: cell.get("path", "")
            for sample in self.source.samples
            for cell in sample["cells"]
        }
        found = [
            self._column(n, heading, key, "" if self._is_table else paths[heading])
            for n, heading, key in self._headings()
        ]
        names = self._names()
        for sample in self.source.samples:
            cells = dict(enumerate(sample["cells"]))
            if not self._is_table:
                by_heading = {cell["heading"]: cell for cell in sample["cells"]}
                cells = {n: by_heading.get(each.heading) for n, each in enumerate(found)}
            for each in found:
                cell = cells.get(int(each.name.removeprefix("column-")))
                each.samples.append(self._sample(cell or {"sent": ""}, sample, names))
        return found

    @property
    def _is_table(self) -> bool:
        return self.source.format in formats.TABLES

    def _headings(self) -> Iterator[tuple[int, str, str]]:
        """Yields the position of each column, its heading for reading, and its name in a mapping."""
        if self._is_table:
            headings = list(self.source.columns)
        else:
            seen = (c["heading"] for sample in self.source.samples for c in sample["cells"])
            headings = list(dict.fromkeys(seen))
        for n, heading in enumerate(headings[:MOST_COLUMNS]):
            if heading not in ADDED:
                key = heading.strip() or nameless_heading(n)
                yield n, heading.strip() or _("column %d") % (n + 1), key

    def _column(self, n: int, heading: str, key: str, known: str) -> ColumnChoice:
        """Returns the choice for a column. ``known`` is what an entry of an object was mapped to, as its
        name within another object says."""
        meaning = find_meaning(self.noun, key, self.mapping)
        usual = find_meaning(self.noun, key)
        path = known or (meaning.path if meaning is not None else "")
        if path not in self.fields:
            path = ""
        guessed = (
            self._is_table
            and bool(path)
            and usual is None
            and not (self.options.chosen or self.options.kept_from)
        )
        return ColumnChoice(f"column-{n}", heading, key, path, guessed)

    def _told(self) -> dict[tuple[int, str], str]:
        """Returns what the trial found wrong with the first rows, by row and path."""
        shown = [sample["row"] for sample in self.source.samples]
        every: list[RefusedRow | RowWarning] = [
            *self.source.rows.filter(row__in=shown),
            *self.source.warnings.filter(row__in=shown),
        ]
        return {
            (problem["row"], problem["field"] or ""): problem["message"]
            for each in every
            for problem in each.errors()
        }

    def _sample(
        self, cell: Mapping[str, Any], row: Mapping[str, Any], names: dict[str, str]
    ) -> Sample:
        path, new = cell.get("path", ""), row.get("new", ())
        told = self.told.get((row["row"], path))
        sample = Sample(cell["sent"], problem=cell.get("problem") or told or "")
        # A problem that only the trial found hides the value.
        if path and "value" in cell and ("problem" in cell or not told):
            sample.text = self._text(path, cell["value"], names)
            reference, _dot, wire = path.rpartition(".")
            if reference in new and wire == "name":
                sample.is_new = True
        return sample

    def _names(self) -> dict[str, str]:
        """Returns the names of the records that the samples refer to."""
        wanted: dict[str, set[str]] = {}
        for sample in self.source.samples:
            for cell in (*sample["cells"], *sample["also"]):
                found = self._field(cell.get("path", ""))
                if found is not None and found.to and isinstance(cell.get("value"), str):
                    wanted.setdefault(found.to, set()).add(cell["value"])
        return record_names(wanted)

    def _field(self, path: str) -> Field | None:
        return self.fields[path][1] if path in self.fields else self.noun.schema.fields.get(path)

    def _text(self, path: str, value: Any, names: dict[str, str]) -> Any:
        """Returns a value for reading."""
        found = self._field(path)
        if found is None or value is None or isinstance(value, bool):
            return (_("Yes") if value else _("No")) if isinstance(value, bool) else ""
        if found.type == "reference":
            return names.get(value, value)
        try:
            clean = found.clean(value)
        except (ValueError, TypeError):
            return str(value)
        if isinstance(clean, datetime):
            return display.moment_text(clean)
        return (
            str(clean)
            if found.type == "json"
            else field_values.value_html(found, clean, links=False)
        )

    def also(self) -> list[tuple[str, list[Any]]]:
        """Returns what the first rows get beside their columns: a field's label, and its value in each
        row."""
        names = self._names()
        found: dict[str, list[Any]] = {}
        for n, sample in enumerate(self.source.samples):
            for each in sample["also"]:
                values = found.setdefault(each["path"], [""] * len(self.source.samples))
                problem = self.told.get((sample["row"], each["path"])) or each.get("problem", "")
                values[n] = problem or self._text(each["path"], each.get("value"), names)
        return [
            (labels.field_label(self.noun.schema.fields[path]), values)
            for path, values in found.items()
        ]

    # -- what was chosen ----------------------------------------------------------------------------

    def read_choices(self, sent: Mapping[str, str]) -> Options:
        """Returns the options of a form that was sent. Raises BadRequest.

        If the file is read in another encoding or with another delimiter, all columns are guessed again.
        """
        said = read_options({name: sent.get(name, "") for name in READING}, for_people=True)
        layout = self.source.layout
        encoding = ENCODINGS.get(said.encoding or "", layout.get("encoding"))
        delimiter = said.delimiter or layout.get("delimiter")
        options = replace(
            self.options,
            numbers=said.numbers,
            days=said.days,
            create=said.create,
            defaults={
                name.removeprefix(DEFAULT): value.strip()
                for name, value in sent.items()
                if name.startswith(DEFAULT) and value.strip()
            },
        )
        if (encoding, delimiter) != (layout.get("encoding"), layout.get("delimiter")):
            return replace(
                options,
                encoding=said.encoding,
                delimiter=said.delimiter,
                mapping={},
                keeps=False,
                kept_from=None,
                program=None,
                chosen=False,
            )
        return replace(options, mapping=self._sent_mapping(sent), keeps=False, chosen=True)

    def _sent_mapping(self, sent: Mapping[str, str]) -> dict[str, Any]:
        """Returns the mapping with the changes that were sent."""
        said = self.options.mapping
        columns = dict(said.get("columns") or {})
        for column in self.columns():
            path = sent.get(column.name, column.path)
            if path != column.path:
                columns[column.key] = path or None
        values = {path: dict(words) for path, words in (said.get("values") or {}).items()}
        for of_field in word_choices(self.source):
            for word in of_field.words:
                value = sent.get(word.name, word.value or "")
                if value != (word.value or ""):
                    values.setdefault(of_field.path, {})[word.word] = value or None
        return {"columns": columns, "values": values}


def same_choices(one: Options, other: Options) -> bool:
    """Whether two options read a file in the same way."""
    return _comparable(one) == _comparable(other)


def _comparable(options: Options) -> dict[str, Any]:
    said = options.mapping
    found = {"columns": said.get("columns") or {}, "values": said.get("values") or {}}
    return asdict(replace(options, mapping=found, keeps=False, chosen=True))
