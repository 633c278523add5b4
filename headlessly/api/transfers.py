"""Import and export by REST."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, TypeVar

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import StreamingHttpResponse
from rest_framework.decorators import action
from rest_framework.request import Request

from headlessly.access import actors, tenancy
from headlessly.api.auth import BelongsToTenant, IsConfirmed
from headlessly.api.base import ResourceViewSet, TenantView, created_response
from headlessly.api.bodies import ApiResponse, parse_object
from headlessly.api.describing import TABLE, answers
from headlessly.api.filtersets import filterset_for
from headlessly.api.import_serializers import (
    ImportListedSerializer,
    ImportSerializer,
    RefusedRowSerializer,
)
from headlessly.api.log import paginate
from headlessly.api.parameters import (
    PART,
    read_boolean,
    read_parameters,
    read_query,
)
from headlessly.api.serializers import refuse_body
from headlessly.api.uploads import OnlyFiles, Upload, UploadParser
from headlessly.context import clock
from headlessly.errors import BadRequest
from headlessly.language.languages import time_zone_names
from headlessly.log.names import EXPORTED
from headlessly.log.security_events import record_security_event
from headlessly.nouns import Noun
from headlessly.query.querystring import MATCH, WRITE
from headlessly.query.reads import check_limit, check_offset
from headlessly.transfer import exporting, formats, imports
from headlessly.transfer.cells import guard_cell
from headlessly.transfer.headings import REASON, ROW
from headlessly.transfer.models import Import, RefusedRow, RowWarning
from headlessly.transfer.options import PARAMETERS, read_options

OneRow = TypeVar("OneRow", RefusedRow, RowWarning)
Row = TypeVar("Row", bound=Model)
#: How an export may be asked for, beside conditions on its fields.
EXPORT_PARAMETERS = ("format", "filter", "q", "sort", "fields", "asOf", "labels", "zone")


class NounView(TenantView):
    """A view of one noun."""

    noun: ClassVar[type[Noun]]

    @classmethod
    def of_noun(cls, noun: type[Noun]) -> type[TenantView]:
        """This view, of this noun."""
        return type(f"{noun.__name__}{cls.__name__}", (cls,), {"noun": noun})


class ImportFileView(NounView):
    """``POST /import/{collection}``: a file, whose rows are done in the background."""

    in_batch = False
    parser_classes: ClassVar = [UploadParser]
    content_negotiation_class = OnlyFiles

    def post(self, request: Request) -> ApiResponse:
        asked: dict[str, Any] = read_parameters(request.GET, (MATCH, *WRITE, *PARAMETERS))
        dry_run = read_boolean("dryRun", asked)
        if "defaults" in asked:
            asked["defaults"] = parse_object(asked["defaults"], "defaults")
        if (said := asked.get("mapping", "")).lstrip().startswith("{"):
            asked["mapping"] = parse_object(said, "mapping")
        options = read_options(asked)
        upload = request.data
        if not isinstance(upload, Upload):
            raise BadRequest("There is no body. Send a file.", type=self.noun.__name__)
        source = imports.begin_import(
            self.noun,
            upload.file,
            upload.format,
            size=upload.size,
            filename=upload.filename,
            match=asked.get(MATCH),
            dry_run=dry_run,
            options=options,
        )
        return created_response(import_with_errors(source), f"imports/{source.pk}", 202)


class ImportViewSet(ResourceViewSet):
    """The imports, how far they have come, and what they refused."""

    word = "import"
    in_batch: ClassVar = ("list", "retrieve", "refused", "cancel")

    @answers(ImportListedSerializer, many=True)
    def list(self, request: Request) -> ApiResponse:
        """The imports, the newest first; all of them only for managers."""
        return ApiResponse(paginate(Import.visible(), ImportListedSerializer.to_json, **self.asked))

    @answers(ImportSerializer, shared=PART)
    def retrieve(self, request: Request, id: str) -> ApiResponse:
        """One import, and what is wrong with a page of its refused rows."""
        return ApiResponse(import_with_errors(imports.get_import(id), **self.asked))

    @answers(RefusedRowSerializer, many=True)
    @action(detail=True)
    def refused(self, request: Request, id: str) -> ApiResponse:
        """The refused rows, as they were sent, each with what is wrong."""
        source = imports.get_import(id)

        def said(row: RefusedRow) -> dict[str, Any]:
            values = _values_by_column(source, row)
            return {"row": row.row, "errors": row.errors(), "values": values}

        page = paginate(source.rows.order_by("row"), said, of=id, **self.asked)
        page.pop("totalIsExact", None)
        return ApiResponse(page | {"total": source.refused})

    @answers(TABLE)
    @action(detail=True, url_path="refused.csv", url_name="refused-csv")
    def refused_csv(self, request: Request, id: str) -> StreamingHttpResponse:
        """All refused rows with the reason, to be corrected and sent again.

        Its own columns, the row's number and the reason.
        """
        source = imports.get_import(id)
        names = [name for name in source.columns if name not in (ROW, REASON)]
        heads = [*map(guard_cell, names), ROW, REASON]
        rows = (
            _refused_cells(source, row, names) for row in in_blocks(source.rows.order_by("row"))
        )
        return stream_table(heads, rows, f"{source.pk}-refused.csv")

    @answers(ImportSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, id: str) -> ApiResponse:
        """Stop an import; what is in stays in."""
        imports.get_import(id)  # before anything is said of the body
        refuse_body(request.data, ImportSerializer.kind)
        return ApiResponse(import_with_errors(imports.cancel_import(id)))


class ExportView(NounView):
    """``GET /export/{collection}``: what a list shows, all of it, as a file."""

    in_batch = False
    permission_classes: ClassVar = [BelongsToTenant, IsConfirmed]

    def get(self, request: Request) -> StreamingHttpResponse:
        asked = read_query(filterset_for(self.noun), request.GET, EXPORT_PARAMETERS)
        format = asked.pop("format", "csv")
        if format not in exporting.WRITERS:
            raise BadRequest(f"format is {', '.join(exporting.WRITERS)}.", field="format")
        _check_for_people(format, asked)
        question = exporting.Question(self.noun, **asked)
        name = exporting.filename(self.noun, format, clock.now())
        file = exporting.stream(question, format)  # what is wrong with the question is raised here
        if request.method != "HEAD":  # whoever asks what there would be has got nothing
            self._record(request, question)
        return stream_file(file, exporting.MEDIA_TYPES[format], name)

    def _record(self, request: Request, question: exporting.Question) -> None:
        told = {name: text for name, text in request.GET.items() if name not in ("labels", "zone")}
        record_security_event(EXPORTED, noun=self.noun.__name__, asked=told, rows=question.count())


def _check_for_people(format: str, asked: dict[str, Any]) -> None:
    """Raise BadRequest for labels in a language that there is not, or in a file for programs."""
    languages = dict(settings.LANGUAGES)
    if asked.get("labels", "en") not in languages:
        raise BadRequest(f"labels is a language: {', '.join(languages)}.", field="labels")
    if asked.get("zone", "UTC") not in time_zone_names():
        raise BadRequest("zone is the name of a time zone like Europe/Berlin.", field="zone")
    for name in ("labels", "zone"):
        if name in asked and (format not in formats.TABLES or "labels" not in asked):
            tables = " and ".join(formats.TABLES)
            raise BadRequest(f"{name} is for format={tables} with labels.", field=name)


def import_with_errors(source: Import, **page: Any) -> dict[str, Any]:
    """The import with what is wrong with some of its refused rows."""
    refused, warned = page_of(source.rows, **page), page_of(source.warnings, **page)
    return ImportSerializer.to_json((source, refused, warned))


def page_of(rows: Any, limit: Any = None, offset: Any = None) -> tuple[list[OneRow], bool]:
    """A page of what was wrong with an import's rows, and whether more follow."""
    size, start = check_limit(limit), check_offset(offset)
    found = list(rows.order_by("row")[start : start + size + 1])
    return found[:size], len(found) > size


def _values_by_column(source: Import, row: RefusedRow) -> Any:
    """A refused row by column; as it is, where it has no columns."""
    values = row.values()
    if not isinstance(values, list):
        return values
    names = [*source.columns, *(f"column {n}" for n in range(len(source.columns) + 1, 1000))]
    return dict(zip(names, values, strict=False))


def _refused_cells(source: Import, row: RefusedRow, names: list[str]) -> list[Any]:
    """A line of the file of refused rows: the cells below their columns, the row's number and the reason."""
    reason = " ".join(
        f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in row.errors()
    )
    cells, width = _cells_of_row(source, row, names), len(names)
    return [*cells[:width], row.row, guard_cell(reason), *cells[width:]]


def _cells_of_row(source: Import, row: RefusedRow, names: list[str]) -> list[str]:
    """The cells of a refused row below its columns; what it has more comes last, what is no row is one."""
    values = row.values()
    if isinstance(values, dict):
        return [_cell_text(values.get(name)) for name in names]
    if not isinstance(values, list):
        return [_cell_text(values), *[""] * (len(names) - 1)]
    left_out = [n for n, name in enumerate(source.columns) if name in (ROW, REASON)]
    cells = [_cell_text(cell) for n, cell in enumerate(values) if n not in left_out]
    return cells + [""] * (len(names) - len(cells))


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guard_cell(value) if not value.startswith("'") else value
    return orjson.dumps(value).decode()


def in_blocks(found: QuerySet[Row]) -> Iterator[Row]:
    """Rows for a file, a thousand at a time in memory, all as of one moment."""
    # Or a pooler gives each block another connection, without the cursor.
    with transaction.atomic():
        yield from found.iterator(1000)


def stream_table(
    heads: Iterable[str], rows: Iterable[Iterable[Any]], name: str
) -> StreamingHttpResponse:
    """A CSV file for spreadsheets, whose cells are guarded already."""

    def write() -> Iterator[bytes]:
        buffer = io.StringIO("\ufeff")  # else one takes it for its country's own letters
        buffer.seek(1)
        writer = csv.writer(buffer, lineterminator="\r\n")
        writer.writerow(heads)
        for row in rows:
            writer.writerow(row)
            yield buffer.getvalue().encode("utf-8", "replace")
            buffer.seek(0)
            buffer.truncate()
        yield buffer.getvalue().encode("utf-8", "replace")

    return stream_file(write(), exporting.MEDIA_TYPES["csv"], name)


class _InTenant:
    """Content that is made when the request is over, in the tenant and by the actor of the request."""

    def __init__(self, content: Iterator[bytes]) -> None:
        self.content, self.tenant, self.actor = content, tenancy.require(), actors.current()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with tenancy.active(self.tenant), actors.acting(self.actor):
            return next(self.content)

    def close(self) -> None:
        self.content.close()  # type: ignore[attr-defined]


def stream_file(content: Iterator[bytes], media_type: str, name: str) -> StreamingHttpResponse:
    """A file that is made while it is sent, in the tenant and by the actor of the request."""
    return StreamingHttpResponse(
        _InTenant(content),
        content_type=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )
