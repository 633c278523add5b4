"""`manage.py demo`: creates a company to look at, and serves it."""

from __future__ import annotations

import logging
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from crm.models import Contact, Lead, Rule
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.context import clock
from headlessly.context.tenant_scope import every_tenant
from headlessly.management.ports import port_refusal
from headlessly.scripts.workers import stop_workers
from marketing.demo import access
from marketing.demo.cast import ACME, CASTS, OPERATOR, Cast, Occupied, fill, is_filled

#: The advisory lock of whoever fills. It is gone with their connection.
FILLING = 7_411_060


class Command(BaseCommand):
    help = "Fill two tenants with a year of sales, say where to look, and serve. Development only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=int, default=os.environ.get("PORT") or 8000, help="PORT, else 8000"
        )
        parser.add_argument(
            "--no-serve", action="store_false", dest="serve", help="fill and tell only"
        )
        parser.add_argument(
            "--leads", type=int, default=ACME.leads, help="how many leads acme has had (2000)"
        )

    @every_tenant()
    def handle(self, *, port: int, serve: bool, leads: int, **_: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "The demo makes users whose password is shown. Run it in development: "
                "HEADLESSLY_ENV=development"
            )
        if serve and (taken := port_refusal("127.0.0.1", port)):
            raise CommandError(taken)
        file = settings.DATA_DIR / "demo.json"
        known = access.read(file)
        password = access.password_of(known)
        with self.filling_alone():
            call_command("migrate", verbosity=0, interactive=False)
            self.fill(leads, password)
        url = f"http://127.0.0.1:{port}"
        tenants = access.open_up(known, password, url)
        access.write(file, url, tenants)
        self.tell(url, tenants, file)
        if serve:
            self.stdout.write("\nCtrl-C stops it.")
            self.stdout.flush()
            # In a new process: one that ran scripts, as the demo's agent does, cannot fork the site's workers
            # for scripts (see headlessly/scripts/workers.py), and one that loaded the admin counts requests
            # for itself, not together with the other processes (`_shared_metrics` of the command).
            stop_workers()
            started_by = sys.orig_argv[1 : 1 + len(sys.orig_argv) - len(sys.argv)]
            os.execv(sys.executable, [sys.executable, *started_by, "serve", "--port", str(port)])

    # -- filling ----------------------------------------------------------------------------------

    @contextmanager
    def filling_alone(self) -> Iterator[None]:
        """A block in which no other demo fills this database. Raises CommandError."""
        connection.ensure_connection()  # whose error says what to do where there is no database
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as alone:
            if alone.execute("SELECT pg_try_advisory_lock(%s)", [FILLING]).fetchone() != (True,):
                raise CommandError(
                    "Another demo is just filling this database. Wait until it is done, or give this one a "
                    "database of its own: HEADLESSLY_DATA=/tmp/demo, or another DATABASE_URL."
                )
            yield

    def fill(self, leads: int, password: str) -> None:
        """Fill the tenants that do not exist yet."""
        try:
            missing = [cast for cast in CASTS if not is_filled(cast)]
        except Occupied as tenant:
            raise CommandError(
                f"There is a tenant {tenant} that the demo did not make, and it will not touch it. "
                "Give it a database of its own: HEADLESSLY_DATA=/tmp/demo, or another DATABASE_URL."
            ) from None
        hashed = make_password(password) if missing else ""
        for cast in missing:
            self.fill_one(cast, leads if cast is ACME else min(cast.leads, leads), hashed)
        if missing:
            with connection.cursor() as cursor:
                # The planner should know the tables from the first page on, not some minutes later.
                cursor.execute("ANALYZE")

    def fill_one(self, cast: Cast, leads: int, hashed: str) -> None:
        started, month = time.monotonic(), None

        def watch(moment: datetime) -> None:
            nonlocal month
            if (moment.year, moment.month) != month:
                month = moment.year, moment.month
                self.stdout.write(f" {moment:%b}", ending="")
                self.stdout.flush()

        self.stdout.write(f"Filling {cast.slug}, {leads:,} leads:", ending="")
        logging.disable(logging.WARNING)  # failures on purpose are no news of this server
        try:
            fill(cast, clock.now().date(), leads, hashed, watch)
        except KeyboardInterrupt:
            self.stdout.write(
                "\nInterrupted: nothing of it was kept. The next run starts it again."
            )
            sys.exit(130)
        finally:
            logging.disable(logging.NOTSET)
        self.stdout.write(f" ({time.monotonic() - started:.0f} s)")

    # -- where to look ----------------------------------------------------------------------------

    def tell(self, url: str, tenants: dict[str, Any], file: Any) -> None:
        acme = tenants["acme"]
        people = [
            (member.email, f"{cast.slug}, {member.role}")
            for cast in CASTS
            for member in cast.members()
        ]
        places: dict[str, list[str]] = {}
        for email, place in [*people, (OPERATOR, "operator, at /admin/")]:
            places.setdefault(email, []).append(place)
        width = max(map(len, places))
        lines = [
            "",
            f"Page      {acme['url']}/admin/",
            f"Sign in   {url}/ as {acme['email']} with {acme['password']}",
            "",
            f"Mail      {url}/outbox/ shows what would be sent",
            "",
            "The same password for everybody:",
            *(f"  {email:<{width}}  {'; '.join(where)}" for email, where in places.items()),
            "",
            *(
                f"{f'API key   {slug}':<17} {entry['apiKey']}   read only: {entry['readKey']}"
                for slug, entry in tenants.items()
            ),
            f"          also in {file}",
            "",
            "Try",
            *(f"  {line}" for line in curl_lines(acme)),
        ]
        self.stdout.write("\n".join(lines))


def curl_lines(entry: dict[str, Any]) -> list[str]:
    """Returns four calls that work as they stand: a list, a creation, a conversion, and a rule's backtest."""
    with tenancy.active(Tenant.objects.get(slug=ACME.slug)), actors.acting(actors.SYSTEM):
        ready = Lead.find(
            {"status": "Qualified", "contact": {"$exists": True}}, sort="-score"
        ).first()
        person = (
            ready.contact if ready else Contact.find({"organization": {"$exists": True}}).first()
        )
        rule = Rule.find({"kind": "Assignment"}, sort="-position").first()
    call = f"curl -H 'Authorization: Bearer {entry['apiKey']}'"
    lines = [f"{call} '{entry['url']}/leads?status=Qualified&sort=-score&limit=5'"]
    if person:
        body = f'{{"name": "Inbound Demo", "contact": "{person.pk}", "source": "website"}}'
        lines.append(
            f"{call} -H 'Content-Type: application/json' -X POST {entry['url']}/leads -d '{body}'"
        )
    if ready:
        lines.append(f"{call} -X POST {entry['url']}/leads/{ready.pk}/convert")
    if rule:
        address = f"'{entry['url']}/rules/{rule.pk}/backtest?from=30d%20ago'"
        lines.append(f"{call} -X POST {address}")
    return lines
