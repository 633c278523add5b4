"""Starting, finding and cancelling imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, cast

from django.db import transaction
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.context import clock
from headlessly.declaration import labels
from headlessly.errors import Conflict, Invalid, NotFound
from headlessly.execution import refusals
from headlessly.ids import public_id
from headlessly.language import wording
from headlessly.log.events import Event
from headlessly.transfer import storage, stored_file
from headlessly.transfer.import_job import import_in_background
from headlessly.transfer.matching import read_match
from headlessly.transfer.models import Import
from headlessly.transfer.options import Options
from headlessly.transfer.reading_plans import plan_reading, storable_name
from headlessly.undo import undos

if TYPE_CHECKING:
    from headlessly.nouns import Noun


def check_may_import(noun: type[Noun], *, updating: bool) -> None:
    """Raise Forbidden for an actor who may not do one by one what an import does."""
    if updating and noun.immutable:
        said = _("A %(noun)s never changes: its rows are created, and match none.")
        named = {"noun": labels.noun_in_error(noun)}
        raise Invalid.for_fields({"match": wording.fill(said, named)}, type=noun.__name__)
    for verb in ("create", "update") if updating else ("create",):
        refusals.refuse_unless_permitted(actors.current(), noun.verbs[verb])


def begin_import(
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
    """Store the file, and import its rows in the background.

    Raises Forbidden; Invalid for columns, options or a ``match`` that do not fit the noun; BadRequest for a
    file of another format. Then nothing is stored.
    """
    check_may_import(noun, updating=bool(match))
    match = read_match(noun, match)
    read = plan_reading(noun, file, format, options or Options())
    storage.refuse_over_quota(size)
    with transaction.atomic():
        source = Import.objects.create(
            id=public_id(Import.prefix),
            tenant=tenancy.require(),
            type=noun.__name__,
            created_at=clock.now(),
            created_by=actors.current().id,
            filename=storable_name(filename),
            format=format,
            size=size,
            **read,
            match=match,
            dry_run=dry_run,
        )
        stored_file.keep_file(source, file)
        # One at a time for each tenant, so that a large import does not block others.
        import_in_background.defer(source=source.pk, lock=f"imports of {source.tenant_id}")
    return source


def try_import_again(id: str, options: Options, *, match: str | None) -> Import:
    """Try a file again with other options. Raises what :func:`begin_import` raises; Conflict if the file is
    gone."""
    tried = get_import(id)
    noun: type[Noun] = tried.noun
    check_may_import(noun, updating=bool(match))
    match = read_match(noun, match)
    gone = _("The file is not kept any more: it was imported, or it is older than a day.")
    if not tried.dry_run or not tried.parts.exists():
        raise Conflict(gone, type="Import", id=id)
    try:
        with stored_file.open_file(tried) as file:
            read = plan_reading(noun, cast(BinaryIO, file), tried.format, options)
    except stored_file.Gone:
        raise Conflict(gone, type="Import", id=id) from None
    with transaction.atomic():
        source = Import.objects.select_for_update().get(pk=id)
        # A worker still using the former options sees another revision, and stops.
        source.revision += 1
        for name, value in {**read, "match": match, **_untried()}.items():
            setattr(source, name, value)
        source.rows.all().delete()
        source.warnings.all().delete()
        source.save()
        import_in_background.defer(source=source.pk, lock=f"imports of {source.tenant_id}")
    return source


def _untried() -> dict[str, Any]:
    """Returns the columns of an import that has not begun, by name."""
    names = (
        "status", "message", "started_at", "finished_at", "seen", "below", "total", "done", "created",
        "updated", "unchanged", "refused", "refused_bytes", "warned", "already_here", "made", "samples",
        "words",
    )  # fmt: skip
    fresh = Import()
    return {name: getattr(fresh, name) for name in names}


def import_as_tried(id: str) -> Import:
    """Import the file of a completed dry run. Raises NotFound; Conflict if there is nothing to import."""
    with transaction.atomic():
        check_may_import((tried := get_import(id)).noun, updating=bool(tried.match))
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
        import_in_background.defer(source=source.pk, lock=f"imports of {source.tenant_id}")
    return source


def get_import(id: str) -> Import:
    """Returns an import that the actor may see. Raises NotFound."""
    if (found := Import.find_visible(id)) is None:
        raise NotFound(f"There is no Import {id[:64]}.", type="Import", id=id[:64])
    return found


@undos.refuses_undo
def refuse_undo_at_work(request: str) -> None:
    """Raise Conflict for the request of an import that is running or queued, which would import undone rows
    again."""
    at_work = Import.objects.filter(status__in=Import.UNFINISHED, event__isnull=False)
    of_event: dict[str | None, str] = dict(at_work.values_list("event", "pk"))
    events = Event.log.filter(id__in=list(of_event), request_id=request) if of_event else ()
    for begun in events:
        said = _("Its import is still at work. Stop it, or take it back when it is done.")
        raise _at_work(said, request, str(of_event[begun.id]))
    waiting = [str(given["source"]) for given in import_in_background.of_request(request)]
    if (found := Import.visible().filter(pk__in=waiting, event=None).first()) is not None:
        said = _("Its import has not begun: nothing is changed yet. Stop it, or wait.")
        raise _at_work(said, request, found.pk)


def _at_work(said: str, request: str, source: str) -> Conflict:
    about: dict[str, Any] = {"import": source}
    return Conflict(said, type="Request", id=request, code="at_work", **about)


def cancel_import(id: str) -> Import:
    """Stop an import; imported rows stay. Raises NotFound, and Conflict if it is over."""
    with transaction.atomic():
        get_import(id)
        source = Import.lock_unfinished(id, "Import")
        source.end(Import.Status.CANCELLED)
        source.save(update_fields=["status", "finished_at"])
        stored_file.drop_file(source)
    return source
