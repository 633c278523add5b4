"""``python -m tests.bench [--leads 100000]``: the table of limit and product, measured in one run.

The product is called through its WSGI application with an API key, as a server would call it; the limit
does the same on the same database. Both take turns, so that a busy machine slows both. Ratios hold from
machine to machine, times do not.
"""

from __future__ import annotations

import argparse
import io
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

#: Path → goal: how many times the limit the product may take.
GOALS = {"list": 2.0, "get": 8.0, "create": 6.0, "convert": 6.0}
LABELS = {
    "list": "list 25 leads + count + 3 includes",
    "get": "get by id",
    "create": "create + event",
    "convert": "convert (deal, contact, 5 events)",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headlessly.settings")
    import django

    django.setup()
    from django.db import connection

    connection.settings_dict["TEST"]["NAME"] = "headlessly_bench"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        report(options.leads, measure(options.leads, options.rounds))
    finally:
        connection.creation.destroy_test_db("headlessly", verbosity=0)


def measure(leads: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Path → medians of limit and product, in milliseconds, taken in turns."""
    import psycopg
    from django.db import connection

    from headlessly import actors, tenancy
    from headlessly.models import ApiKey, Tenant

    from .fill import fill
    from .limit import Limit

    print(f"Filling {leads:,} leads …", file=sys.stderr)
    fill(leads)
    tenant = Tenant.objects.get(pk=1)
    _, secret = ApiKey.issue(tenant, "bench", rate_limit=10**9)
    call = Caller(f"/~{tenant.slug}", secret)
    parameters = {k: v for k, v in connection.get_connection_params().items()
                  if k in ("dbname", "user", "password", "host", "port")}  # fmt: skip
    with psycopg.connect(**parameters) as raw:
        limit = Limit(raw, tenant.pk)
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            contact, company, ids, qualified = _subjects(rounds)
        given = iter(qualified)
        cycle, again = itertools.cycle(ids), itertools.cycle(ids)
        body = {"name": "A new lead", "source": "website", "score": 50, "budget": 500,
                "contact": contact, "organization": company}  # fmt: skip
        pairs: dict[str, tuple[Callable, Callable]] = {
            "list": (
                limit.list(),
                lambda: call("GET", "/leads", "status=Qualified&sort=-score"
                             "&include=contact,organization,campaign"),
            ),
            "get": (limit.get(cycle), lambda: call("GET", f"/leads/{next(again)}")),
            "create": (limit.create(contact, company), lambda: call("POST", "/leads", body=body)),
            "convert": (
                limit.convert(contact, company),
                lambda: call("POST", f"/leads/{next(given)}/convert"),
            ),
        }  # fmt: skip
        return {path: in_turns(*pair, rounds) for path, pair in pairs.items()}


def _subjects(rounds: int) -> tuple[str, str, list[str], list[str]]:
    """What the calls are about: a contact, a company, leads to read and leads to convert."""
    from crm import Contact, Lead, Organization

    contact = Contact.create(name="Ada Chen").pk
    company = Organization.create(name="Acme Corp").pk
    ids = list(Lead.objects.values_list("pk", flat=True)[:500])
    qualified = []
    for _ in range(rounds + 20):
        # Each conversion finds a contact that it moves on, as the first one of a contact does.
        person = Contact.create(name="A person").pk
        lead = Lead.create(
            name="A new lead", source="website", contact=person, organization=company
        )
        lead.update(status="Contacted")
        qualified.append(lead.update(status="Qualified").pk)
    return contact, company, ids, qualified


def in_turns(limit: Callable, product: Callable, rounds: int) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 10):
        for which, function in enumerate((limit, product)):
            started = time.perf_counter()
            function()
            if number >= 10:
                times[which].append((time.perf_counter() - started) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])


class Caller:
    """Calls the product's WSGI application as a server does; anything but success is an error."""

    def __init__(self, mount: str, secret: str) -> None:
        from django.core.wsgi import get_wsgi_application

        self.application, self.mount, self.secret = get_wsgi_application(), mount, secret

    def __call__(self, method: str, path: str, query: str = "", body: Any = None) -> bytes:
        import orjson

        sent = b"" if body is None else orjson.dumps(body)
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": self.mount + path, "QUERY_STRING": query,
            "SCRIPT_NAME": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": f"Bearer {self.secret}", "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(sent)), "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(sent), "wsgi.errors": sys.stderr,
            "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }  # fmt: skip
        status: list[str] = []
        response = self.application(environ, lambda line, headers, *_: status.append(line))
        content = b"".join(response)
        response.close()
        if not status[0].startswith("2"):
            raise RuntimeError(f"{method} {path}: {status[0]} {content[:300]!r}")
        return content


def report(leads: int, figures: dict[str, tuple[float, float]]) -> None:
    print(f"\n{leads:,} leads, medians in ms\n")
    print("| path | limit | product | ratio | goal |\n|---|---|---|---|---|")
    for path, (limit, product) in figures.items():
        ratio = product / limit
        met = "" if ratio <= GOALS[path] else " ✗"
        print(f"| {LABELS[path]} | {limit:.2f} | {product:.2f} | {ratio:.1f} x{met} "
              f"| <= {GOALS[path]:g} x |")  # fmt: skip


if __name__ == "__main__":
    main()
