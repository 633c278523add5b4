"""Imports as they are asked for: begun, looked at, cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from django.db import models, transaction

from headlessly.access import actors, tenancy
from headlessly.context import clock
from headlessly.declaration.values import UNSTORABLE
from headlessly.errors import BadRequest, Conflict, Forbidden, NotFound
from headlessly.ids import public_id
from headlessly.transfer import columns, formats, stored_file
from headlessly.transfer.import_job import run
from headlessly.transfer.models import Import

if TYPE_CHECKING:
    from headlessly.nouns import Noun


def permit(noun: type[Noun], *, updating: bool) -> None:
    """Raise Forbidden for who may not do one by one what an import does."""
    actor = actors.current()
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
) -> Import:
    """Keep the file and leave its rows for the background.

    Raises Forbidden; Invalid for columns and for a ``match`` that do not fit the noun; BadRequest for
    a file that is not what it says. Then nothing is kept.
    """
    permit(noun, updating=bool(match))
    match = columns.matching(noun, match)
    header, delimiter = [], ","
    try:
        formats.check(file, format)
        if format in (formats.CSV, formats.XLSX):
            header, delimiter = formats.header(file, format)
    except formats.Unreadable as problem:
        raise BadRequest(str(problem), type=noun.__name__) from None
    columns.of_header(noun, header)
    with transaction.atomic():
        source = Import.objects.create(
            id=public_id(Import.prefix),
            tenant=tenancy.require(),
            type=noun.__name__,
            created_at=clock.now(),
            created_by=actors.current().id,
            filename=_stored(filename),
            format=format,
            delimiter=delimiter,
            columns=[_stored(name) or "" for name in header],
            size=size,
            match=match,
            dry_run=dry_run,
        )
        stored_file.keep(source, file)
        # One at a time for each tenant: a large one keeps nobody else waiting.
        run.defer(source=source.pk, lock=f"imports of {source.tenant_id}")
    return source


def go(id: str) -> Import:
    """Do what a dry run tried, with its file. Raises NotFound; Conflict where there is nothing to do."""
    with transaction.atomic():
        permit((tried := get(id)).noun, updating=bool(tried.match))
        tried = Import.objects.select_for_update().get(pk=id)
        if not tried.dry_run or tried.status != Import.Status.COMPLETED:
            raise Conflict(
                "Only a dry run that is over can be done.",
                type="Import",
                id=id,
                status=tried.status,
            )
        source = Import.objects.create(
            id=public_id(Import.prefix),
            created_at=clock.now(),
            created_by=actors.current().id,
            **{name: getattr(tried, name) for name in (
                "tenant_id", "type", "filename", "format", "delimiter", "columns", "size", "match")},
        )  # fmt: skip
        if not tried.parts.update(source=source):
            raise Conflict(
                "The file is not kept any more: it was imported, or it is older than a day.",
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
