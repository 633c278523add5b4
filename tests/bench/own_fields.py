"""``python -m tests.bench.own_fields [--leads 1000000]``: what a tenant's own fields cost.

The first tenant, which has half of all leads, has twenty fields of its own, with values in all leads. These
pairs are timed in turns: a lead and a list with the fields and while they are archived; a list sorted by an
indexed own field and by a field that every lead has; an import with ten of them and with none. While an index
is built, another process writes, and its slowest write is printed.
"""

from __future__ import annotations

import argparse
import io
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from . import databases
from .measuring import Measured, in_turns, report

NAME = "headlessly_bench_own_{leads}"
#: Twenty fields: their name, their type, and their value in a lead.
FIELDS: list[tuple[str, str, str]] = [
    ("rank", "integer", "to_jsonb((hashtext(NEW.id) & 1048575))"),
    ("worth", "integer", "to_jsonb((hashtext(NEW.id) & 65535))"),
    ("serial", "string", "to_jsonb(NEW.id)"),
    ("plan", "choice", "to_jsonb((array['North', 'South', 'West'])[1 + (hashtext(NEW.id) & 1)])"),
    ("begins", "date", "to_jsonb(to_char(NEW.created_at, 'YYYY-MM-DD'))"),
    ("agreed", "bool", "to_jsonb(hashtext(NEW.id) & 1 = 1)"),
    *((f"word{n}", "string", f"to_jsonb('word {n} of ' || left(NEW.id, 9))") for n in range(7)),
    *((f"size{n}", "number", f"to_jsonb((hashtext(NEW.id) & 4095) / {n + 2}.0)") for n in range(7)),
]
#: The fields in imported files.
BROUGHT = [name for name, _type, _value in FIELDS if name != "serial"][:10]
IMPORTED, TURNS = 20_000, 3
#: How many calls are not counted after the fields were archived or restored.
WARM = 10


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.own_fields", description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=160)
    parser.add_argument("--drop", action="store_true", help="keep no data")
    parser.add_argument("--write", action="store_true", help="write until told to stop")
    options = parser.parse_args()
    databases.ready()
    name = NAME.format(leads=options.leads)
    if options.write:
        databases.use(name)
        write()
        return
    with databases.opened(name, lambda: fill(options.leads), drop=options.drop):
        found = measure(options.leads, options.rounds)
    report(found, options.leads)


# -- filled ------------------------------------------------------------------------------------------


def fill(leads: int) -> None:
    """Fill the usual data, with values of its own fields in the first tenant's leads."""
    from django.db import connection

    from headlessly.access import actors, tenancy
    from headlessly.access.models import Tenant
    from headlessly.shaping.custom_fields import create_field
    from headlessly.shaping.models import CustomField

    from .fill import fill as fill_tables

    values = ", ".join(f"'k{name}', {value}" for name, _type, value in FIELDS)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION bench_own_values() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"NEW.custom := jsonb_build_object({values}); RETURN NEW; END $$;"
            "CREATE TRIGGER bench_own_values BEFORE INSERT ON crm_lead FOR EACH ROW "
            "WHEN (NEW.tenant_id = 1) EXECUTE FUNCTION bench_own_values()"
        )
    fill_tables(leads)
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER bench_own_values ON crm_lead")
        cursor.execute("DROP FUNCTION bench_own_values")
    with tenancy.active(Tenant.objects.get(pk=1)), actors.acting(actors.SYSTEM):
        for name, type, _value in FIELDS:
            options = {"options": ["North", "South", "West"]} if type == "choice" else {}
            field = create_field(
                {"noun": "Lead", "name": name, "label": name.title(), "type": type, **options}
            )
            CustomField.objects.filter(pk=field.pk).update(key=f"k{name}")


# -- measured ----------------------------------------------------------------------------------------


def measure(leads: int, rounds: int) -> dict[str, Measured]:
    from headlessly.access.models import Tenant

    from .calls import by_key

    first = Tenant.objects.get(pk=1)
    own = by_key(first)
    ids = itertools.cycle(_ids(first))
    found = {
        "get": _with_and_without(
            first, "get by id", lambda: own("GET", f"/leads/{next(ids)}"), rounds * 4
        ),
        "list": _with_and_without(
            first, "list of 25", lambda: own("GET", "/leads", "sort=-score"), rounds
        ),
        "filtered": _with_and_without(
            first, "list of 25 of one status",
            lambda: own("GET", "/leads", "status=Qualified&sort=-score"), rounds,
        ),
    }  # fmt: skip
    with _indexed(first, "rank"), _indexed(first, "worth"):
        for label, built_in, of_own in (
            ("sorted by an indexed field", "sort=-score", "sort=-rank"),
            ("filtered, and sorted by an indexed field",
             "status=Qualified&sort=-score", "status=Qualified&sort=-rank"),
            ("a range of an indexed field, in its order",
             'filter={"score":{"$gte":90}}&sort=-score', 'filter={"rank":{"$gte":943718}}&sort=-rank'),
            ("a narrow range of an indexed field",
             'filter={"budget":{"$gte":99900}}', 'filter={"rank":{"$gte":1047500}}'),
        ):  # fmt: skip
            found[label] = _measured(
                label, 2, rounds,
                lambda q=built_in: own("GET", "/leads", q), lambda q=of_own: own("GET", "/leads", q),
            )  # fmt: skip
    found["import"] = _imports(first)
    return found


def _measured(
    label: str, goal: float, rounds: int, limit: Callable[[], Any], product: Callable[[], Any]
) -> Measured:
    return Measured(label, *in_turns(limit, product, rounds), goal)


def _with_and_without(
    tenant: Any, label: str, call: Callable[[], Any], rounds: int, blocks: int = 8
) -> Measured:
    """Returns the medians with the tenant's fields and while they are archived, in alternating blocks of
    calls.

    Another tenant would not do for comparison: its lists would have other lengths, and take other times to
    count.
    """
    times: dict[bool, list[float]] = {False: [], True: []}
    for block in range(2 * blocks):
        there = bool(block % 2)
        _archive(tenant, not there)
        for number in range(rounds // blocks + WARM):
            started = time.perf_counter()
            call()
            if number >= WARM:
                times[there].append((time.perf_counter() - started) * 1000)
    return Measured(label, statistics.median(times[False]), statistics.median(times[True]), 1.15)


def _archive(tenant: Any, archived: bool) -> None:
    from django.utils import timezone

    from headlessly.access import actors, tenancy
    from headlessly.shaping.changing import changing_shape
    from headlessly.shaping.models import CustomField

    at = timezone.now() if archived else None
    with tenancy.active(tenant), actors.acting(actors.SYSTEM), changing_shape(""):
        CustomField.objects.filter(tenant=tenant, noun="Lead").update(archived_at=at)


def _ids(tenant: Any) -> list[str]:
    from crm import Lead
    from headlessly.access import actors, tenancy

    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        return list(Lead.objects.values_list("pk", flat=True)[:500])


@contextmanager
def _indexed(tenant: Any, name: str) -> Any:
    """Index a field inside the block, and print how long that took and how it slowed concurrent writes."""
    from headlessly.access import actors, tenancy
    from headlessly.shaping import indexing
    from headlessly.shaping.custom_fields import change_field
    from headlessly.shaping.models import CustomField

    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        field = CustomField.objects.get(noun="Lead", name=name)
        with _writing(f"an index of {name}"):
            change_field(field, {"indexed": True})
            field.refresh_from_db()
            indexing.make_index.function(field=field.pk, index_key=field.index_key)
    _settle()
    try:
        yield
    finally:
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            field.refresh_from_db()
            former = field.index_key
            change_field(field, {"indexed": False})
            indexing.forget_index.function(index_key=former)


@contextmanager
def _writing(what: str) -> Any:
    """Let another process create and change leads inside the block, and print its slowest write in
    milliseconds."""
    command = [sys.executable, "-m", "tests.bench.own_fields", *sys.argv[1:], "--write"]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdin and writer.stdout
    writer.stdout.readline()  # it has started
    started, times = time.perf_counter(), []
    try:
        yield lambda: max(times)
    finally:
        took = time.perf_counter() - started
        writer.stdin.close()
        times += [float(text) for text in writer.stdout.readline().split()]
        writer.wait()
        print(
            f"{what}: {took:.1f} s, meanwhile {len(times)} writes, median {statistics.median(times):.0f} ms, "
            f"slowest {max(times):.0f} ms",
            file=sys.stderr,
        )


def write() -> None:
    """Create and change leads until standard input ends, then print how long each took."""
    import threading

    from headlessly.access.models import Tenant

    from .calls import by_key

    call = by_key(Tenant.objects.get(pk=1))
    ids = itertools.cycle(_ids(Tenant.objects.get(pk=1)))
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    def once(number: int) -> None:
        call(
            "POST",
            "/leads",
            body={"name": f"Meanwhile {number}", "source": "website", "rank": number},
        )
        call("PATCH", f"/leads/{next(ids)}", body={"rank": number, "worth": number})

    once(0)
    threading.Thread(target=wait, daemon=True).start()
    print("begun", flush=True)
    times = []
    for number in itertools.count(1):
        started = time.perf_counter()
        once(number)
        times.append((time.perf_counter() - started) * 500)
        if ended.is_set():
            break
        time.sleep(0.01)
    print(" ".join(f"{each:.1f}" for each in times), flush=True)


def _imports(tenant: Any) -> Measured:
    """Returns the best times of importing files with ten own fields and with none, in seconds, taken in
    turns."""
    from headlessly.access import actors, tenancy

    times: dict[int, list[float]] = {0: [], len(BROUGHT): []}
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        for turn, count in itertools.product(range(TURNS), times):
            file = _file(BROUGHT[:count], turn)
            started = time.perf_counter()
            _import(file)
            times[count].append(time.perf_counter() - started)
    limit, product = (min(each) for each in times.values())
    return Measured(f"import of {IMPORTED:,} with ten of them", limit, product, 1.3, "s")


def _file(names: list[str], turn: int) -> io.BytesIO:
    given = {"integer": "{n}", "string": "word {n}", "choice": "North", "date": "2026-05-06", "bool": "yes",
             "number": "{n}.5"}  # fmt: skip
    types = {name: type for name, type, _value in FIELDS}
    lines = [",".join(["Name", "Source", "Score", "Budget", "Timeline", *names])]
    for n in range(IMPORTED):
        own = [given[types[name]].format(n=n % 1000) for name in names]
        lines.append(
            ",".join([f"Brought {turn} {n}", "website", f"{n % 100}", f"{n}", "this quarter", *own])
        )
    return io.BytesIO("\n".join(lines).encode())


def _import(file: io.BytesIO) -> None:
    from crm import Lead
    from headlessly.transfer import imports
    from headlessly.transfer.import_job import Run

    source = imports.begin_import(Lead, file, "csv", size=len(file.getvalue()))
    Run(source).go()
    source.refresh_from_db()
    if source.created != IMPORTED:
        raise RuntimeError(f"{source.status}: {source.message}, {source.created} of {IMPORTED}")


def _settle() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE headlessly_indexedvalue")


if __name__ == "__main__":
    main()
