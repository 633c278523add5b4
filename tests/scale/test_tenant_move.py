"""A tenant moves to another cluster while others write: nothing is lost, and nobody waits for long."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import Client

from crm import Attachment, Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Tenant
from headlessly.background.jobs import ShareTaken, jobs_by_name
from headlessly.contents.models import ContentPart, ContentUse
from headlessly.copies.tenant_export import export_tenant
from headlessly.copies.tenant_move import Move
from headlessly.errors import Unavailable
from headlessly.log.events import LOG_START, Event
from headlessly.webhooks.models import Delivery, Webhook

from .clusters import Cluster, check_shape, listen, shape, times_analyzed
from .test_log_offset import follow, told, write

pytestmark = pytest.mark.django_db


@contextmanager
def at(cluster: Cluster, slug: str = "mover") -> Iterator[Tenant]:
    with cluster.in_use(), actors.acting(actors.SYSTEM):
        tenant = Tenant.objects.get(slug=slug)
        with tenancy.active(tenant):
            yield tenant


def make(cluster: Cluster, slug: str, leads: int) -> None:
    with cluster.in_use():
        Tenant.objects.create(slug=slug, name=slug)
    with at(cluster, slug):
        listen("https://hooks.example/")
        write(leads)


class Writer(threading.Thread):
    """Writes where the proxy says, and tries again when told to, as the product's client does."""

    def __init__(self, place: list[Cluster]) -> None:
        super().__init__(daemon=True)
        self.place, self.ending = place, threading.Event()
        self.written: list[str] = []
        self.longest = 0.0
        self.refusals = 0
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            last = time.monotonic()
            while not self.ending.is_set():
                try:
                    with at(self.place[0]):
                        lead = Lead.create(name="Meanwhile", source="website")
                        lead.update(score=7)
                except (Unavailable, Tenant.DoesNotExist):
                    self.refusals += 1
                    time.sleep(0.05)
                    continue
                self.written.append(lead.pk)
                self.longest = max(self.longest, time.monotonic() - last)
                last = time.monotonic()
        except BaseException as problem:
            self.problem = problem


def comparable(folder: Path) -> dict[str, list[Any]]:
    """An export without what is another after a move: what is switched off here."""
    found = {}
    for file in folder.glob("*.ndjson"):
        rows = [orjson.loads(line) for line in file.read_bytes().splitlines()]
        for row in rows:
            for name in ("slug", "active"):
                row.pop(name, None)
        found[file.name] = rows
    return found


def test_it_moves_while_others_write(original: Cluster, cell: Cluster, tmp_path: Path) -> None:
    make(original, "mover", 60)
    with at(original):
        _, cursor = follow(LOG_START)
        seen = told()
        before = {lead.pk for lead in Lead.objects.all()}
    place = [original]
    writers = [Writer(place) for _ in range(2)]
    for writer in writers:
        writer.start()

    def switch() -> None:
        place[0] = cell

    with original.in_use():
        moved = Move("mover", cell.url).run(switch)
    time.sleep(0.5)
    for writer in writers:
        writer.ending.set()
        writer.join(20)
        assert writer.problem is None and writer.written
        assert writer.longest < 5
    assert moved.seconds < 5 and moved.looks > 1
    written = {pk for writer in writers for pk in writer.written}
    with at(cell):
        assert before | written <= set(Lead.objects.values_list("id", flat=True))
        assert all(lead.score == 7 for lead in Lead.objects.filter(pk__in=written))
        read, _ = follow(cursor)
        assert len(read) == len(set(read))
        created = Event.log.filter(name="Lead.Created", id__in=read).values_list(
            "target", flat=True
        )
        assert written <= set(created)
        assert set(read) <= told()
        assert not set(read) & seen
        assert Delivery.objects.filter(target__in=written).count() >= 2 * len(written)

    with original.in_use():
        left = Tenant.objects.get(slug__startswith="mover-moved-")
        assert not Webhook.objects.filter(tenant=left, active=True).exists()
        with tenancy.active(left), actors.acting(actors.SYSTEM):
            with pytest.raises(Unavailable, match="moving to another server"):
                Lead.create(name="Too late", source="website")
            last = Lead.objects.count()
            assert not Lead.objects.filter(name="Too late").exists()
        assert last <= len(before | written)


def test_it_has_copied_everything_when_nobody_writes_any_more(
    original: Cluster, cell: Cluster, tmp_path: Path
) -> None:
    make(original, "quiet", 5)
    with at(original, "quiet"):
        view = shape()
        told()
    said = tmp_path / "switched"
    with cell.in_use():
        before = times_analyzed("crm_lead")
    with original.in_use():
        call_command("tenant", "move", "quiet", to=cell.url, on_switch=f'echo "$TENANT" > {said}')
        assert said.read_text() == "quiet\n"
        left = Tenant.objects.get(slug__startswith="quiet-moved-").slug
        export_tenant(left, tmp_path / "left", with_secrets=True)
    with cell.in_use():
        export_tenant("quiet", tmp_path / "moved", with_secrets=True)
    assert comparable(tmp_path / "left") == comparable(tmp_path / "moved")
    with at(cell, "quiet"):
        check_shape(view)
        assert times_analyzed("crm_lead") > before
    with original.in_use():
        others = Event._base_manager.exclude(tenant__slug=left).count()
        for wrong in ("acme", "nobody"):
            with pytest.raises(CommandError, match=wrong):
                call_command("tenant", "delete", wrong)
        out = io.StringIO()
        call_command("tenant", "delete", left, stdout=out)
        assert re.match(rf"Deleted {left}: \d+ rows", out.getvalue())
        assert not Tenant.objects.filter(slug=left).exists()
        assert Event._base_manager.count() == others
        with pytest.raises(DatabaseError, match="never deleted"), connection.cursor() as cursor:
            cursor.execute("DELETE FROM headlessly_event")


def test_it_copies_a_file_once_however_many_come_meanwhile(
    original: Cluster, cell: Cluster
) -> None:
    make(original, "keeper", 1)
    large = bytes(range(256)) * 10_000
    with at(original, "keeper"):
        kept = Attachment.upload(file=large, name="large.bin")
    with original.in_use():
        move = Move("keeper", cell.url)
        move.begin()
        parts = "SELECT array_agg(id ORDER BY id) FROM headlessly_contentpart WHERE tenant_id = %s"
        move.copy_changes()
        arrived = move._ask(move.target, parts, move.arrival.tenant)
        move.target.commit()
        with at(original, "keeper"):
            other = Attachment.upload(file=b"Hello", name="hello.txt")
        move.copy_changes()
        now = move._ask(move.target, parts, move.arrival.tenant)
        move.target.commit()
        assert (len(arrived), len(now), now[:-1]) == (3, 4, arrived)
        move.source.close(), move.target.close()
        Move("keeper", cell.url).run()
    with at(cell, "keeper"):
        assert Attachment.get(kept.pk).content() == large
        assert Attachment.get(other.pk).content() == b"Hello"
        assert ContentUse.objects.get().bytes == len(large) + 5
    with original.in_use():
        left = Tenant.objects.get(slug__startswith="keeper-moved-")
        call_command("tenant", "delete", left.slug, stdout=io.StringIO())
        assert not ContentPart._base_manager.filter(tenant=left.pk).exists()


def test_it_stays_in_use_where_it_was_when_the_stop_would_be_too_long(
    original: Cluster, cell: Cluster
) -> None:
    make(original, "slow", 3)
    with at(original, "slow"):
        with pytest.raises(CommandError, match=r"would have stood for .* --limit"):
            call_command("tenant", "move", "slow", to=cell.url, limit=0.0001)
        assert len(write(1)) == 1
        call_command("log", "check")
    with at(cell, "slow") as copied:
        assert copied.is_closed  # a part of it, which the next move goes on with
        with pytest.raises(Unavailable):
            Lead.create(name="Too early", source="website")
    with original.in_use():
        call_command("tenant", "move", "slow", to=cell.url)
    with at(cell, "slow"):
        assert Lead.objects.count() == 4
        assert len(write(1)) == 1


class Killed(BaseException):
    pass


def be_killed(*_: Any) -> None:
    raise Killed


def test_a_move_that_was_killed_at_its_end_is_ended_by_the_next(
    original: Cluster, cell: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(original, "ended", 3)
    said = tmp_path / "switched"
    words = {"to": cell.url, "on_switch": f'echo "$TENANT" > {said}'}
    with original.in_use(), monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Move, "leave", be_killed)
        call_command("tenant", "move", "ended", to=cell.url)
    with at(cell, "ended"):
        assert len(write(1)) == 1, "it is in use there"
        events = Event.log.count()
    with original.in_use():
        out = io.StringIO()
        call_command("tenant", "move", "ended", **words, stdout=out)
        assert "had moved already" in out.getvalue() and said.read_text() == "ended\n"
        left = Tenant.objects.get(slug__startswith="ended-moved-")
        assert left.is_closed and not Webhook.objects.filter(tenant=left, active=True).exists()
    with at(cell, "ended"):
        assert Event.log.count() == events


def test_a_move_that_was_killed_during_the_stop_says_what_to_do(
    original: Cluster, cell: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(original, "stopped", 3)
    with original.in_use():
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(Move, "move_jobs", be_killed)
            patched.setattr(Move, "open_again", be_killed)
            call_command("tenant", "move", "stopped", to=cell.url)
        Tenant.objects.create(slug="elsewhere", name="Elsewhere", log_cluster="closed")
        with pytest.raises(CommandError, match="not in use over there"):
            call_command("tenant", "move", "elsewhere", to=cell.url)
        assert Tenant.objects.get(slug="stopped").is_closed
        with pytest.raises(CommandError, match="closed here and over there") as refused:
            call_command("tenant", "move", "stopped", to=cell.url)
        (command,) = re.findall(r"manage\.py (.*)", str(refused.value))
        call_command(*command.split())
    with at(original, "stopped"):
        assert len(write(1)) == 1
        call_command("tenant", "move", "stopped", to=cell.url)
    with at(cell, "stopped"):
        assert Lead.objects.count() == 4


def test_it_answers_what_is_read_and_puts_off_the_rest_while_it_is_closed(
    original: Cluster,
) -> None:
    make(original, "closed", 1)
    with at(original, "closed") as tenant:
        _, secret = ApiKey.issue(tenant, "key")
        Tenant.objects.filter(pk=tenant.pk).update(log_cluster="closed")
        headers = {"Authorization": f"Bearer {secret}"}
        client = Client(headers=headers)
        assert client.get("/~closed/leads").status_code == 200
        refused = client.post("/~closed/leads", {"name": "No"}, content_type="application/json")
        assert (refused.status_code, refused.json()["error"]) == (503, "unavailable")
        assert refused.headers["Retry-After"] == "1"
        with pytest.raises(ShareTaken):  # a job goes back in line
            jobs_by_name["webhooks.pump"].perform(
                circumstances={"tenant": tenant.pk, "actor": {}, "request_id": None}
            )
        call_command("log", "resume", "--force")
        assert Tenant.objects.get(pk=tenant.pk).is_closed
        call_command("log", "resume", "--tenant", "closed", "--force")
        assert not Tenant.objects.get(pk=tenant.pk).is_closed


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "Where to"),
        ({"to": "postgresql://nobody@127.0.0.1:1/none"}, "cannot be reached"),
        ({"to": "here"}, "is the database in which the tenant is"),
    ],
)
def test_it_refuses_to_move_to_nowhere(
    original: Cluster, options: dict[str, str], reason: str
) -> None:
    given = {n: original.url if v == "here" else v for n, v in options.items()}
    with original.in_use(), pytest.raises(CommandError, match=reason):
        call_command("tenant", "move", "acme", **given)
