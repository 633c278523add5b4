"""Plans how to read a file: from its options, its headings, and guesses for the rest."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from headlessly.access import actors
from headlessly.declaration.values import as_storable
from headlessly.errors import BadRequest, Invalid
from headlessly.transfer import formats, value_guesses
from headlessly.transfer.headings import (
    Headings,
    count_known,
    find_entry_meaning,
    find_meaning,
    read_headings,
)
from headlessly.transfer.kept_mappings import header_digest, last_import
from headlessly.transfer.mapping import FieldMapping, check_mapping
from headlessly.transfer.objects import named_values
from headlessly.transfer.options import Options
from headlessly.transfer.programs import (
    find_program,
    program_called,
    ready_defaults,
    ready_mapping,
)
from headlessly.transfer.row_readers import MOST_NAMES
from headlessly.transfer.rows import Layout, Unreadable

if TYPE_CHECKING:
    from headlessly.nouns import Noun


def storable_name(name: str | None) -> str | None:
    """Returns a name that can be stored with an import, or None."""
    return as_storable(name)[:255] if name else None


def plan_reading(noun: type[Noun], file: BinaryIO, format: str, options: Options) -> dict[str, Any]:
    """Returns how to read a file, as the columns of its import. Raises BadRequest, Invalid."""
    options = replace(
        options,
        defaults=_checked_defaults(noun, options.defaults),
        mapping=check_mapping(noun, options.mapping),
    )
    options = _as_of_program(noun, options, options.program)
    try:
        if options.keeps and format in formats.TABLES:
            options = _with_kept_mapping(noun, file, format, options)
        known = partial(count_known, noun, mapping=options.field_mapping)
        header, layout = formats.find_layout(
            file, format, known, encoding=options.encoding, delimiter=options.delimiter
        )
        if format in formats.TABLES:
            found = read_headings(
                noun,
                header,
                mapping=options.field_mapping,
                strict=options.strict,
                asks=options.asks,
            )
            if options.asks and not (options.chosen or options.kept_from):
                program = find_program(noun, header)
                options = _as_of_program(noun, options, program.key if program else None)
                found = read_headings(noun, header, mapping=options.field_mapping, asks=True)
            if options.asks and found.unknown and not options.chosen:
                options, found = _guess_rest(noun, file, format, layout, options, found)
            unknown = _unknown_columns(found)
        else:
            unknown = _unknown_names(noun, file, format, layout, options.field_mapping)
    except Unreadable as problem:
        raise BadRequest(str(problem), type=noun.__name__) from None
    return {
        "layout": layout.as_json(),
        "columns": [storable_name(name) or "" for name in header],
        "unknown": [storable_name(name) for name in unknown],
        "options": options.as_json(),
        "header": header_digest(header) if header else "",
    }


def _as_of_program(noun: type[Noun], options: Options, key: str | None) -> Options:
    """Returns the options for a file of this program, which do not override the given ones. Raises
    BadRequest."""
    if key is None or options.chosen:
        return options
    program = program_called(noun, key)
    if program is None:
        raise BadRequest(
            f"There is no mapping {key} of {noun.__name__}.", type=noun.__name__, field="mapping"
        )
    ready, said = ready_mapping(noun, program), options.mapping
    return replace(
        options,
        mapping={part: {**ready[part], **(said.get(part) or {})} for part in ("columns", "values")},
        defaults={**ready_defaults(noun, program), **options.defaults},
        program=key,
    )


def _with_kept_mapping(noun: type[Noun], file: BinaryIO, format: str, options: Options) -> Options:
    """Returns the options with the mapping of the last file with the same headings, if there was one.

    The same applies to its notations. Raises Unreadable.
    """
    header, _layout = formats.find_layout(
        file,
        format,
        partial(count_known, noun),
        encoding=options.encoding,
        delimiter=options.delimiter,
    )
    last = last_import(noun, header)
    if last is None:
        return options
    said = last.options
    return replace(
        options,
        mapping=check_mapping(noun, said.get("mapping") or {}),
        numbers=options.numbers or said.get("numbers"),
        days=options.days or said.get("days"),
        program=options.program or said.get("program"),
        kept_from=last.pk,
    )


def _guess_rest(
    noun: type[Noun],
    file: BinaryIO,
    format: str,
    layout: Layout,
    options: Options,
    found: Headings,
) -> tuple[Options, Headings]:
    """Guess columns with unknown headings by their values, except those that were left out on purpose."""
    first = islice(formats.read_rows(file, format, layout), value_guesses.ROWS)
    guessed = {
        heading: path
        for heading, path in value_guesses.guess_columns(noun, found, first).items()
        if not options.field_mapping.names_heading(heading)
    }
    if not guessed:
        return options, found
    said = options.mapping.get("columns", {})
    options = replace(options, mapping={**options.mapping, "columns": {**said, **guessed}})
    again = read_headings(noun, found.header, mapping=options.field_mapping, asks=True)
    return options, again


def _checked_defaults(noun: type[Noun], defaults: dict[str, Any]) -> dict[str, Any]:
    """Returns the default values by wire name. Raises Invalid for names that are no field."""
    found, problems = {}, {}
    for name, value in defaults.items():
        meaning = find_meaning(noun, name)
        if meaning is None or meaning.path not in noun.schema.fields:
            problems[f"defaults.{name[:64]}"] = (
                f"There is no such field. Fields: {', '.join(noun.schema.fields)}."
            )
        else:
            found[meaning.path] = value
    if problems:
        raise Invalid.for_fields(problems, type=noun.__name__)
    return found


def _unknown_columns(headings: Headings) -> list[str]:
    """Returns the columns that are left out: those that are no field, and those that only an admin may
    import."""
    created = headings.columns.get("$createdAt", [])
    states_the_past = actors.current().role == actors.ADMIN
    return [*headings.unknown.values(), *(c.heading for c in created if not states_the_past)]


def _unknown_names(
    noun: type[Noun], file: BinaryIO, format: str, layout: Layout, mapping: FieldMapping
) -> list[str]:
    """Returns the names in the first objects of a file that are no field; later objects are checked by the
    job."""
    names = {
        name: None
        for row in formats.first_objects(file, format, layout)
        if isinstance(row.content, dict)
        for name, _value, meaning in named_values(
            row.content, lambda name, path: find_entry_meaning(noun, name, path, mapping)
        )
        if meaning is None
    }
    return list(names)[:MOST_NAMES]
