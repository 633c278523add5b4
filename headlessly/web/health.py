"""Health checks for a load balancer: whether the process is alive, and whether it may have traffic."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from headlessly.database import prepared

ONLY_READS = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"

#: Further checks before this process may have traffic, by their name in the response; each returns a problem
#: or None. Registered by higher layers.
readiness_checks: dict[str, Callable[[], str | None]] = {}


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Responds if this process does. It does not check the database, because a restart would not help."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Checks that the database answers, can be written to, and has every migration of this code; else 503
    with what is missing."""
    if connection.connection is None and _is_exhausted(connection.pool):  # type: ignore[attr-defined]
        return JsonResponse({"status": "unavailable", "database": "no connection left"}, status=503)
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
        is_read_only = prepared.execute_prepared(ONLY_READS, ())[0][0]
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "database": "unreachable"}, status=503)
    if missing := sorted(".".join(name) for name in _migrations_on_disk() - applied):
        return JsonResponse({"status": "unavailable", "migrations": missing}, status=503)
    if is_read_only and not settings.READ_ONLY:
        reason = "read-only: set READ_ONLY=1 for a server on a standby"
        return JsonResponse({"status": "unavailable", "database": reason}, status=503)
    for name, find_problem in readiness_checks.items():
        if problem := find_problem():
            return JsonResponse({"status": "unavailable", name: problem}, status=503)
    return JsonResponse({"status": "ok"})


def _is_exhausted(pool: Any) -> bool:
    """Whether other threads of this process are waiting for a connection, so that a probe would only wait
    with them."""
    found = pool.get_stats() if pool else {"requests_waiting": 0}
    if not found.get("requests_waiting"):
        return False
    return bool(found["pool_size"] >= found["pool_max"] and not found["pool_available"])


class AnswerProbes:
    """Middleware that answers probes before the host and the protocol are checked.

    Probes come from inside, without TLS, and use an address that is not a host name of this site.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (probe := PROBES.get(request.path_info)) is None:
            return self.get_response(request)
        return probe(request)


PROBES = {"/healthz": healthz, "/readyz": readyz}


@cache
def _migrations_on_disk() -> set[tuple[str, str]]:
    """Returns the migrations on disk, read once, because they do not change under a running process."""
    return set(MigrationLoader(None).disk_migrations)
