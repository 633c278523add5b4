"""Imports as they are asked for: begun, looked at, cancelled."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from django.db import models, transaction
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.context import clock
from headlessly.declaration.values import UNSTORABLE
from headlessly.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from headlessly.ids import public_id
from headlessly.transfer import formats, storage, stored_file, value_guesses
from headlessly.transfer.headings import (
    Headings,
    count_known,
    find_entry_meaning,
    find_meaning,
    read_headings,
)
from headlessly.transfer.import_job import run
from headlessly.transfer.kept_mappings import header_digest, last_import
from headlessly.transfer.mapping import FieldMapping, check_mapping
from headlessly.transfer.matching import read_match
from headlessly.transfer.models import Import
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


def permit(noun: type[Noun], *, updating: bool) -> None:
    """Raise Forbidden for who may not do one by one what an import does."""
    actor = actors.current()
    if updating and noun.immutable:
        said = f"A {noun.__name__} never changes: its rows are created, and match none."
        raise Invalid.for_fields({"match": said}, type=noun.__name__)
    for verb in ("create", "update") if updating else ("create",):
        if not actors.may(actor, verb, noun):
            raise Forbidden(
                f"As {actor.role} you may not {verb} a {noun.__name__}.", type=noun.__name__
            )


def begin(
    noun: type[Noun],
    file: BinaryIO,
    format: str,
    *,
    size: int,
    filename: str | None = None,
    match: str | None = None,
    dry_run: bool = False,
    options: Options | None = None,
) -> Import:
    """Keep the file and leave its rows for the background.

    Raises Forbidden; Invalid for columns, options and a ``match`` that do not fit the noun; BadRequest for
    a file that is not what it says. Then nothing is kept.
    """
    permit(noun, updating=bool(match))
    match = read_match(noun, match)
    read = _read_plan(noun, file, format, options or Options())
    storage.refuse_over_quota(size)
    with transaction.atomic():
        source = Import.objects.create(
            id=public_id(Import.prefix),
            tenant=tenancy.require(),
            type=noun.__name__,
            created_at=clock.now(),
            created_by=actors.current().id,
            filename=_stored(filename),
            format=format,
            size=size,
            **read,
            match=match,
            dry_run=dry_run,
        )
        stored_file.keep(source, file)
        # One at a time for each tenant: a large one keeps nobody else waiting.
        run.defer(source=source.pk, lock=f"imports of {source.tenant_id}")
    return source


def try_again(id: str, options: Options, *, match: str | None) -> Import:
    """Try a file once more, read in another way. Raises what `begin` does; Conflict where it is gone."""
    tried = get(id)
    noun: type[Noun] = tried.noun
    permit(noun, updating=bool(match))
    match = read_match(noun, match)
    gone = _("The file is not kept any more: it was imported, or it is older than a day.")
    if not tried.dry_run or not tried.parts.exists():
        raise Conflict(gone, type="Import", id=id)
    try:
        with stored_file.opened(tried) as file:
            read = _read_plan(noun, cast(BinaryIO, file), tried.format, options)
    except stored_file.Gone:
        raise Conflict(gone, type="Import", id=id) from None
    with transaction.atomic():
        source = Import.objects.select_for_update().get(pk=id)
        # Who is at it with what was said before sees another revision, and stops.
        source.revision += 1
        for name, value in {**read, "match": match, **_untried()}.items():
            setattr(source, name, value)
        source.rows.all().delete()
        source.warnings.all().delete()
        source.save()
        run.defer(source=source.pk, lock=f"imports of {source.tenant_id}")
    return source


def _untried() -> dict[str, Any]:
    """What a trial has that has not begun, by column."""
    names = (
        "status", "message", "started_at", "finished_at", "seen", "below", "total", "done", "created",
        "updated", "unchanged", "refused", "refused_bytes", "warned", "already_here", "made", "samples",
        "words",
    )  # fmt: skip
    return {name: Import._meta.get_field(name).get_default() for name in names}


def _read_plan(noun: type[Noun], file: BinaryIO, format: str, options: Options) -> dict[str, Any]:
    """How a file is to be read, as the columns of its import. Raises BadRequest, Invalid."""
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
        "columns": [_stored(name) or "" for name in header],
        "unknown": [_stored(name) for name in unknown],
        "options": options.as_json(),
        "header": header_digest(header) if header else "",
    }


def _as_of_program(noun: type[Noun], options: Options, key: str | None) -> Options:
    """The options for a file of this program; what was said is not changed. Raises BadRequest."""
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
    """The options with the mapping of the last file that had the same headings, where there was one.

    The same goes for what was said of how that file writes. Raises Unreadable.
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
    """Have columns that no heading tells guessed by their values, but for those that were left out."""
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
    """What rows say that do not say it, by wire name. Raises Invalid for what is no field."""
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
    """The columns that are left out: what is no field, and what only an admin may say."""
    created = headings.columns.get("$createdAt", [])
    states_the_past = actors.current().role == actors.ADMIN
    return [*headings.unknown.values(), *(c.heading for c in created if not states_the_past)]


def _unknown_names(
    noun: type[Noun], file: BinaryIO, format: str, layout: Layout, mapping: FieldMapping
) -> list[str]:
    """What the first objects of a file have that is no field; of all others it is told later."""
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


def go(id: str) -> Import:
    """Do what a dry run tried, with its file. Raises NotFound; Conflict where there is nothing to do."""
    with transaction.atomic():
        permit((tried := get(id)).noun, updating=bool(tried.match))
        tried = Import.objects.select_for_update().get(pk=id)
        if not tried.dry_run or tried.status != Import.Status.COMPLETED:
            raise Conflict(
                _("Only a dry run that is over can be done."),
                type="Import",
                id=id,
                status=tried.status,
            )
        source = Import.objects.create(
            id=public_id(Import.prefix),
            created_at=clock.now(),
            created_by=actors.current().id,
            **{name: getattr(tried, name) for name in (
                "tenant_id", "type", "filename", "format", "layout", "columns", "unknown", "options",
                "seen", "below", "total", "size", "match", "header")},
        )  # fmt: skip
        if not tried.parts.update(source=source):
            raise Conflict(
                _("The file is not kept any more: it was imported, or it is older than a day."),
                type="Import",
                id=id,
            )
        run.defer(source=source.pk, lock=f"imports of {source.tenant_id}")
    return source


def _stored(name: str | None) -> str | None:
    return UNSTORABLE.sub("\ufffd", name)[:255] if name else None


def there() -> models.QuerySet[Import]:
    """The imports that the actor may see, newest first: a manager's are all, others' are their own."""
    actor = actors.current()
    found = Import.objects.filter(tenant_id=tenancy.require().pk).order_by("-created_at", "-id")
    sees_all = actor.role in (actors.ADMIN, actors.MANAGER)
    return found if sees_all else found.filter(created_by=actor.id)


def get(id: str) -> Import:
    """One of them. Raises NotFound."""
    found = None if UNSTORABLE.search(id) else there().filter(pk=id).first()
    if found is None:
        raise NotFound(f"There is no Import {id[:64]}.", type="Import", id=id[:64])
    return found


def cancel(id: str) -> Import:
    """Stop an import; the rows that are in stay in. Raises NotFound, Conflict when it is over."""
    with transaction.atomic():
        get(id)
        source = Import.objects.select_for_update().get(pk=id)
        if source.finished:
            raise Conflict(
                f"This import is {source.status}.", type="Import", id=id, status=source.status
            )
        source.status, source.finished_at = Import.Status.CANCELLED, clock.now()
        source.save(update_fields=["status", "finished_at"])
        stored_file.drop(source)
    return source
