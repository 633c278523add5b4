"""Traces for OpenTelemetry, where ``OTEL_TRACES_EXPORTER`` asks for them: a span per request, job, statement
and webhook that is sent, each with the request id.

Here and not by the instrumentations that there are for Django and psycopg: a request is named by the routes
of the product, and statements are prepared past Django's cursors. Where nobody asks, nothing is imported.
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
    """What makes the spans of this process, and sends them as the variables of OpenTelemetry say
    (``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_SERVICE_NAME``, ``OTEL_TRACES_SAMPLER``)."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import (
        BatchSpanProcessor,
        ConsoleSpanExporter,
        SimpleSpanProcessor,
    )

    # What the environment says of the service comes before this.
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
    """A span around the block; None where nobody traces. ``headers`` are those of whoever asked, in which a
    trace may go on; what is ``said`` are attributes, with ``__`` for a dot."""
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
