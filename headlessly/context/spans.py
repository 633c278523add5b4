"""Traces for OpenTelemetry, if ``OTEL_TRACES_EXPORTER`` is set: a span for each request, job, statement and
sent webhook, with the request id.

The instrumentations for Django and psycopg do not fit: requests are named by the routes of the product, and
prepared statements bypass Django's cursors. Without traces nothing is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings

from headlessly.context import tracing

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

#: The attribute that ties the spans of a request to its events, log lines and jobs.
REQUEST_ID = "headlessly.request_id"


@cache
def _tracer() -> Tracer:
    """Returns the tracer of this process, which exports as the variables of OpenTelemetry say
    (``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_SERVICE_NAME``, ``OTEL_TRACES_SAMPLER``)."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import (
        BatchSpanProcessor,
        ConsoleSpanExporter,
        SimpleSpanProcessor,
    )

    # The environment's resource attributes take precedence.
    resource = Resource({SERVICE_NAME: "headlessly"}).merge(Resource.create())
    provider = TracerProvider(resource=resource)
    if settings.TRACES == "console":
        provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stdout)))
    else:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("headlessly")


@contextmanager
def span(
    name: str, kind: str = "INTERNAL", *, headers: Mapping[str, str] | None = None, **said: Any
) -> Iterator[Span | None]:
    """A span around the block; None without tracing. ``headers`` are those of the incoming request, whose
    trace continues. Further arguments are attributes, with ``__`` for a dot."""
    if not settings.TRACES:
        yield None
        return
    from opentelemetry import trace
    from opentelemetry.propagate import extract

    attributes = {each.replace("__", "."): value for each, value in said.items()}
    if id := tracing.request_id():
        attributes[REQUEST_ID] = id
    with _tracer().start_as_current_span(
        name,
        context=extract(headers) if headers is not None else None,
        kind=trace.SpanKind[kind],
        attributes=attributes,
    ) as made:
        yield made
