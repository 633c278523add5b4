"""Metrics for an operator's Prometheus at /metrics: requests by route, and waiting work.

All processes of a server count requests together, in files of ``PROMETHEUS_MULTIPROC_DIR``, which `manage.py
serve` creates. The client library looks for it on import, so only the settings' middleware imports this
module. Values in the database are queried when the metrics are read.
"""

from __future__ import annotations

import hmac
import logging
import os
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily, Metric

from headlessly.context import tracing
from headlessly.context.spans import REQUEST_ID, span
from headlessly.context.tenant_scope import every_tenant
from headlessly.database import prepared
from headlessly.web.callers import caller_address
from headlessly.web.logs import path_without_token

logger = logging.getLogger("headlessly.access")

METHODS = frozenset(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
requests_total = Counter("headlessly_requests", "Requests answered.", ["method", "route", "status"])
request_seconds = Histogram(
    "headlessly_request_seconds",
    "Time until the answer was there, in seconds; of a stream, until it began.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

#: Name, description, and the query for the value.
IN_DATABASE = (
    (
        "headlessly_jobs_waiting",
        "Jobs whose time has come and that nobody has begun.",
        "SELECT count(*) FROM procrastinate_jobs"
        " WHERE status = 'todo' AND coalesce(scheduled_at, clock_timestamp()) <= clock_timestamp()",
    ),
    (
        "headlessly_oldest_job_seconds",
        "How long the oldest of them has been waiting.",
        "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(coalesce(scheduled_at, (SELECT min(e.at)"
        " FROM procrastinate_events AS e WHERE e.job_id = j.id)))), 0) FROM procrastinate_jobs AS j"
        " WHERE status = 'todo' AND coalesce(scheduled_at, clock_timestamp()) <= clock_timestamp()",
    ),
    (
        "headlessly_jobs_failed",
        "Jobs that failed and are kept.",
        "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'",
    ),
    (
        "headlessly_log_lag_seconds",
        "How long the oldest writing transaction runs: readers of the log see nothing behind it.",
        "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0) FROM pg_stat_activity"
        " WHERE backend_xid IS NOT NULL AND datname = current_database()",
    ),
    (
        "headlessly_deliveries_due",
        "Deliveries of webhooks whose time has come.",
        "SELECT count(*) FROM headlessly_delivery WHERE status = 'pending' AND next_at <= clock_timestamp()",
    ),
    (
        "headlessly_oldest_delivery_seconds",
        "For how long the oldest of them is due.",
        "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(next_at)), 0) FROM headlessly_delivery"
        " WHERE status = 'pending' AND next_at <= clock_timestamp()",
    ),
)


class CountRequests:
    """Middleware, the outermost: counts every request, writes the access log if enabled, and answers /metrics
    under any host name."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path == "/metrics":
            return answer_metrics(request)
        started = time.monotonic()
        with tracing.route_scope(lambda: f"{request.method} {route_of(request)}"):
            response = self._trace(request) if settings.TRACES else self.get_response(request)
        took = time.monotonic() - started
        method = request.method if request.method in METHODS else "other"
        counter, seconds = _counters_of(method, route_of(request), response.status_code)
        counter.inc()
        seconds.observe(took)
        if settings.ACCESS_LOG:
            _log_access(request, response, path_without_token(request, path), took)
        return response

    def _trace(self, request: HttpRequest) -> HttpResponse:
        method = request.method or ""
        path = request.path_info
        headers = {name.lower(): value for name, value in request.headers.items()}
        with span(method, "SERVER", headers=headers, http__request__method=method) as made:
            response = self.get_response(request)
            assert made is not None
            if route_of(request) != "none":  # unknown paths may contain secrets
                made.set_attribute("url.path", path_without_token(request, path))
            made.update_name(tracing.route())
            made.set_attribute("http.route", route_of(request))
            made.set_attribute("http.response.status_code", response.status_code)
            made.set_attribute(REQUEST_ID, response.headers.get("X-Request-Id", "-"))
            return response


@cache
def _counters_of(method: str | None, route: str, status: int) -> tuple[Counter, Histogram]:
    """Returns the counters for such a request. Cached, because the client library takes longer to find them
    than to count."""
    return requests_total.labels(method, route, status), request_seconds.labels(route)


def route_of(request: HttpRequest) -> str:
    """Returns the pattern of a request's address, below ``/~`` for addresses of a tenant. The code has a
    limited number of them."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return "static" if request.path_info.startswith(settings.STATIC_URL) else "none"
    return f"{'/~' if getattr(request, 'mounted', False) else ''}/{match.route}"


def _log_access(request: HttpRequest, response: HttpResponse, path: str, took: float) -> None:
    fields = {
        "method": request.method,
        "path": path,
        "route": route_of(request),
        "milliseconds": round(took * 1000, 1),
        "address": caller_address(request.META),
        "requestId": response.headers.get("X-Request-Id", "-"),
    }
    logger.info(
        "%s %s %s %.1f ms", request.method, path, response.status_code, took * 1000,
        extra={"fields": fields, "status_code": response.status_code},
    )  # fmt: skip


def answer_metrics(request: HttpRequest) -> HttpResponse:
    """Answer the metrics to clients that send ``METRICS_TOKEN``; in development, to everybody."""
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and not hmac.compare_digest(token.encode(), given.encode()):
        return HttpResponse(
            "Send METRICS_TOKEN as a bearer.\n", status=401, content_type="text/plain"
        )
    if not token and settings.PRODUCTION:
        return HttpResponse("Set METRICS_TOKEN.\n", status=404, content_type="text/plain")
    text = generate_latest(_counted()) + generate_latest(_StateCollector.in_registry())
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _counted() -> CollectorRegistry:
    """Returns the registry with the counts of all processes of this server."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return registry


def slow_routes() -> list[tuple[str, int, float, float]]:
    """Returns the ten slowest routes since this server was started: each with its number of requests, their
    mean duration, and the histogram bound below which 95 of 100 are, in seconds."""
    counts: dict[str, dict[float, float]] = {}
    sums: dict[str, float] = {}
    for family in _counted().collect():
        if family.name != "headlessly_request_seconds":
            continue
        for sample in family.samples:
            route = sample.labels.get("route", "")
            if sample.name.endswith("_bucket"):
                counts.setdefault(route, {})[float(sample.labels["le"])] = sample.value
            elif sample.name.endswith("_sum"):
                sums[route] = sample.value
    found = []
    for route, buckets in counts.items():
        total = buckets.get(float("inf"), 0)
        if not total:
            continue
        bounds = [le for le in sorted(buckets) if buckets[le] >= 0.95 * total]
        # Above the last bound nothing more precise is known.
        slow = min(bounds[0], max(le for le in buckets if le != float("inf")))
        found.append((route, int(total), sums.get(route, 0) / total, slow))
    return sorted(found, key=lambda each: (-each[3], -each[2]))[:10]


class _StateCollector:
    """Collects current values: from the database, and from this process's connection pool."""

    @classmethod
    def in_registry(cls) -> CollectorRegistry:
        registry = CollectorRegistry()
        registry.register(cls())  # type: ignore[arg-type]
        return registry

    def collect(self) -> Iterable[Metric]:
        yield from self._pool()
        reachable = GaugeMetricFamily("headlessly_database_up", "Whether the database answers.")
        try:
            # Not as a decorator, which would be over before the generator runs.
            with every_tenant():
                found = [
                    (name, what, float(prepared.execute_prepared(sql, ())[0][0] or 0))
                    for name, what, sql in IN_DATABASE
                ]
        except DatabaseError:
            reachable.add_metric([], 0)
            yield reachable
            return
        reachable.add_metric([], 1)
        yield reachable
        for name, what, value in found:
            yield GaugeMetricFamily(name, what, value=value)

    def _pool(self) -> Iterable[Metric]:
        pool: Any = getattr(connection, "pool", None)
        if not pool:
            return
        stats = pool.get_stats()
        family = GaugeMetricFamily(
            "headlessly_pool_connections",
            "Connections of the process that answers: open, free, and how many wait for one.",
            labels=["state"],
        )
        for state, name in (
            ("open", "pool_size"), ("free", "pool_available"), ("wanted", "requests_waiting"),
        ):  # fmt: skip
            family.add_metric([state], stats.get(name, 0))
        yield family
