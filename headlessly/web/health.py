"""What a load balancer asks: is the process alive, and may it have traffic?"""

from collections.abc import Callable
from functools import cache

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

#: What else has to be well before this process may have traffic, by its name in the answer: each tells what
#: is wrong, or None. Of rooms above this one.
readiness_checks: dict[str, Callable[[], str | None]] = {}


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """This process answers. Says nothing of the database: restarting would not mend that."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers and has every migration of this code; else 503, and which it lacks."""
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "database": "unreachable"}, status=503)
    if missing := sorted(".".join(name) for name in _migrations_on_disk() - applied):
        return JsonResponse({"status": "unavailable", "migrations": missing}, status=503)
    for name, find_problem in readiness_checks.items():
        if problem := find_problem():
            return JsonResponse({"status": "unavailable", name: problem}, status=503)
    return JsonResponse({"status": "ok"})


@cache
def _migrations_on_disk() -> set[tuple[str, str]]:
    """The migrations on disk: read once, they do not change under a running process."""
    return set(MigrationLoader(None).disk_migrations)
