"""A tenant in a folder and out of it: whole, alone, and followed on."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils import timezone

from crm import Attachment, Contact, Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Membership, Tenant, User
from headlessly.contents.models import ContentUse
from headlessly.copies.tenant_tables import LEFT_OUT, SECRET, tenant_tables
from headlessly.log.events import LOG_START, Event
from headlessly.notifications.models import NotificationReader
from headlessly.query.saved_views import View
from headlessly.undo.models import Undo
from headlessly.webhooks.models import Webhook

from .clusters import Cluster, acme_at, check_shape, shape, times_analyzed
from .test_log_offset import NEXT, follow, told, write

pytestmark = pytest.mark.django_db

#: A file of several parts.
LARGE = bytes(range(256)) * 10_000


def run(*words: Any) -> str:
    out = StringIO()
    call_command("tenant", *map(str, words), stdout=out)
    return out.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert files.pop("manifest.json")
    return files


@pytest.fixture(scope="module")
def exported(original: Cluster, tmp_path_factory: Any, django_db_blocker: Any) -> Path:
    """Acme in a folder, with its secrets; there is a rival beside it."""
    folder = tmp_path_factory.mktemp("exports") / "acme"
    with django_db_blocker.unblock(), acme_at(original) as acme:
        ada = Contact.create(name="Ada Chen", email="ada@acme.example")
        lead = Lead.create(
            name='Ünïcode \\ "quoted"\nand \\u0041', contact=ada, budget=12.5, source="website"
        )
        lead.update(status="Contacted")
        lead.update(status="Qualified")
        lead.convert()
        Attachment.upload(file=LARGE, name="large.bin", contact=ada)
        user = User.objects.create_user("copied@acme.example", "a password of hers")
        Membership.objects.create(user=user, tenant=acme, role="admin", contact_id=ada.pk)
        ApiKey.issue(acme, "key")
        View.objects.create(tenant=acme, user=user, noun="Lead", name="Mine", query="q=a")
        shape()
        told()
        rival = Tenant.objects.create(slug="rival", name="Rival of them")
        with tenancy.active(rival), actors.acting(actors.SYSTEM):
            Lead.create(name="Rival's lead", source="website")
        assert "rows of acme as of" in run("export", "acme", folder, "--with-secrets")
        return folder


def test_it_is_whole_alone_and_the_same_when_it_is_exported_again(
    original: Cluster, cell: Cluster, exported: Path, tmp_path: Path
) -> None:
    before = contents(exported)
    assert not any(b"ival" in text for text in before.values())
    assert len(before["headlessly_event.ndjson"].splitlines()) > 20
    with acme_at(original):
        _, cursor = follow(LOG_START)
        leads = set(Lead.objects.values_list("id", flat=True))
        seen = told()
    with cell.in_use():
        assert "Made the tenant acme" in run("import", exported)
        run("export", "acme", tmp_path / "again", "--with-secrets")
        assert contents(tmp_path / "again") == before
        with pytest.raises(CommandError, match="There is a tenant acme here already"):
            run("import", exported)
        assert User.objects.get(email="copied@acme.example").check_password("a password of hers")
    with acme_at(cell):
        assert set(Lead.objects.values_list("id", flat=True)) == leads
        assert Attachment.find().get().content() == LARGE
        assert ContentUse.objects.get().bytes == len(LARGE)
        assert Webhook.objects.get(url="https://hooks.example/").secret == "s" * 24
        call_command("log", "check")
        new = write(NEXT)
        read, _ = follow(cursor)
        assert (len(read), set(read)) == (NEXT, new)
        assert new <= told() and not new & seen
        Lead.objects.first().update(name="Changed here")


def copy_of(folder: Path, exported: Path, change: Callable[[Path], Any]) -> Path:
    """The export in another folder, with something changed in it."""
    folder.mkdir()
    for file in exported.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    change(folder)
    return folder


@pytest.fixture
def here(cell: Cluster, exported: Path) -> Iterator[None]:
    """The other cluster in use, with acme in it."""
    with cell.in_use():
        if not Tenant.objects.filter(slug="acme").exists():
            run("import", exported)
        yield


def test_it_brings_own_values_members_of_views_and_what_people_left_who_are_gone(
    here: None, exported: Path
) -> None:
    before = times_analyzed("crm_lead")
    run("import", exported, "--slug", "shaped")
    assert times_analyzed("crm_lead") > before
    shaped = Tenant.objects.get(slug="shaped")
    (watched,) = (exported / "headlessly_watchedlist.ndjson").read_bytes().splitlines()
    with tenancy.active(shaped), actors.acting(actors.SYSTEM):
        check_shape(orjson.loads(watched)["view_id"])


def test_it_says_who_did_what_by_the_ids_that_people_have_here(
    original: Cluster, cell: Cluster, tmp_path: Path
) -> None:
    with original.in_use():
        there = User.objects.create_user("both@staff.example", email_proven_at=timezone.now())
        tenant = Tenant.objects.create(slug="staffed", name="Staffed")
        place = Membership.objects.create(user=there, tenant=tenant, role="manager")
        with tenancy.active(tenant), actors.acting(actors.Actor(there.pk, "Both", place.role)):
            lead = Lead.create(name="Theirs", source="website").pk
        run("export", "staffed", tmp_path / "staffed")
    with cell.in_use():
        here = User.objects.create_user("Both@staff.example")
        assert here.pk != there.pk
        assert "both@staff.example has an account" in run("import", tmp_path / "staffed")
        tenant = Tenant.objects.get(slug="staffed")
        assert Membership.objects.get(tenant=tenant).user_id == here.pk
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            assert Lead.get(lead).created_by == here.pk
            (event,) = Event.log.filter(target=lead)
            assert event.actor == event.data["$createdBy"] == here.pk
            (version,) = Lead.past.objects.filter(tenant_id=tenant.pk, record=lead)
            assert version.created_by == here.pk


def test_it_ends_what_was_under_way_whose_jobs_stay_behind(here: None, tmp_path: Path) -> None:
    busy = Tenant.objects.create(slug="busy", name="Busy")
    Undo.objects.create(
        id="undo_busy", tenant=busy, request="req_a", request_id="req_b", language="en",
        created_at=timezone.now(), created_by="system", status=Undo.Status.RUNNING,
    )  # fmt: skip
    last = timezone.now() - timedelta(days=60)
    NotificationReader.objects.create(tenant=busy, ticked_at=last)
    run("export", "busy", tmp_path / "busy")
    run("import", tmp_path / "busy", "--slug", "rested")
    (undo,) = Undo.objects.filter(tenant__slug="rested")
    assert (undo.status, undo.finished_at is not None) == ("failed", True)
    assert "moved to another installation" in undo.message
    assert Undo.objects.get(tenant=busy).status == "running"
    # An old export tells nobody what fell due since.
    assert NotificationReader.objects.get(tenant__slug="rested").ticked_at is None


def test_it_comes_in_beside_itself_under_another_name(
    here: None, exported: Path, tmp_path: Path
) -> None:
    said = run("import", exported, "--slug", "second")
    assert "copied@acme.example has an account here already" in said
    second = Tenant.objects.get(slug="second")
    run("export", "second", tmp_path / "second", "--with-secrets")
    again, before = contents(tmp_path / "second"), contents(exported)
    assert again.pop("headlessly_tenant.ndjson") != before.pop("headlessly_tenant.ndjson")
    assert again == before
    with tenancy.active(second), actors.acting(actors.SYSTEM):
        _, cursor = follow(LOG_START)
        new = write(5)
        assert set(follow(cursor)[0]) == new
        assert new <= told()


def test_it_refuses_a_reference_to_another_tenants_record(
    here: None, exported: Path, tmp_path: Path
) -> None:
    other = Tenant.objects.create(slug="theirs", name="Theirs")
    with tenancy.active(other), actors.acting(actors.SYSTEM):
        theirs = Contact.create(name="Eve").pk

    def refer(folder: Path) -> None:
        first, *rest = (folder / "crm_lead.ndjson").read_bytes().splitlines()
        row = orjson.loads(first) | {"contact_id": theirs}
        (folder / "crm_lead.ndjson").write_bytes(b"\n".join([orjson.dumps(row), *rest]))

    with pytest.raises(CommandError, match=f"referred to is missing: (?s:.*){theirs}"):
        run("import", copy_of(tmp_path / "third", exported, refer), "--slug", "third")
    assert not Tenant.objects.filter(slug="third").exists()


def test_it_refuses_what_is_not_whole_or_not_of_this_version(
    here: None, exported: Path, tmp_path: Path
) -> None:
    def truncate(folder: Path) -> None:
        lines = (folder / "headlessly_event.ndjson").read_text().splitlines(keepends=True)
        (folder / "headlessly_event.ndjson").write_text("".join(lines[:-1]))

    def cut(name: str, at: int) -> Callable[[Path], Any]:
        def cut_file(folder: Path) -> None:
            (folder / name).write_bytes((folder / name).read_bytes()[:at])

        return cut_file

    def without(name: str, column: str) -> Callable[[Path], Any]:
        def leave_out(folder: Path) -> None:
            first, *rest = (folder / name).read_bytes().splitlines()
            row = orjson.loads(first)
            del row[column]
            (folder / name).write_bytes(b"\n".join([orjson.dumps(row), *rest]))

        return leave_out

    def garble(folder: Path) -> None:
        (folder / "crm_contact.ndjson").write_text('{"id": 12\n')

    def add_column(folder: Path) -> None:
        manifest = orjson.loads((folder / "manifest.json").read_bytes())
        manifest["tables"]["crm_lead"]["columns"].append("shoe_size")
        (folder / "manifest.json").write_bytes(orjson.dumps(manifest))

    refused = {
        "no manifest": (lambda f: (f / "manifest.json").unlink(), "no whole export of a tenant"),
        "no leads": (lambda f: (f / "crm_lead.ndjson").unlink(), "crm_lead.ndjson is missing"),
        "cut off": (truncate, "headlessly_event.ndjson is not whole"),
        "garbled": (garble, "crm_contact, rows 1 to 1"),
        "half an event": (
            cut("headlessly_event.ndjson", 1000),
            r"event\.ndjson, line \d+: unexpected",
        ),
        "an event without number": (
            without("headlessly_event.ndjson", "seq"),
            r"headlessly_event\.ndjson, line 1: seq is missing",
        ),
        "half a character": (
            lambda f: (f / "people.ndjson").write_bytes(b'{"first_name":"Z\xc3'),
            r"people\.ndjson is not as an export wrote it",
        ),
        "somebody without address": (
            without("people.ndjson", "email"),
            r"people\.ndjson, line 1: email is missing",
        ),
        "fewer people": (cut("people.ndjson", 0), r"people\.ndjson is not whole: it has 0 rows"),
        "no tenant": (
            cut("headlessly_tenant.ndjson", 0),
            r"headlessly_tenant\.ndjson is not whole: it has 0 rows",
        ),
        "half a manifest": (cut("manifest.json", 200), "no whole export of a tenant"),
        "another manifest": (
            lambda f: (f / "manifest.json").write_bytes(b'{"format": 1, "tables": []}'),
            r"manifest\.json is not as an export wrote it",
        ),
        "columns": (add_column, "other columns in crm_lead"),
    }
    before = Tenant.objects.count()
    for name, (change, reason) in refused.items():
        with pytest.raises(CommandError, match=reason):
            run("import", copy_of(tmp_path / name, exported, change), "--slug", "new")
    with pytest.raises(CommandError, match="Use 1 to 48 small letters"):
        run("import", exported, "--slug", "No Slug")
    with pytest.raises(CommandError, match=r"manage\.py tenant import DIR"):
        run("import")
    with pytest.raises(CommandError, match="There is no tenant nobody"):
        run("export", "nobody", tmp_path / "nobody")
    with pytest.raises(CommandError, match="is not empty"):
        run("export", "acme", exported)
    with pytest.raises(CommandError, match=r"manifest\.json.*: Not a directory"):
        run("export", "acme", exported / "manifest.json" / "below")
    assert Tenant.objects.count() == before


def test_an_export_that_was_stopped_is_begun_anew(
    original: Cluster, exported: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "stopped"
    folder.mkdir()
    for name in ("headlessly_tenant.ndjson", "crm_lead.ndjson", "manifest.json.part"):
        (folder / name).write_text('{"id": "half a')
    with original.in_use():
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(CommandError, match="Somebody else is exporting"):
            run("export", "acme", folder, "--with-secrets")
        os.close(held)
        run("export", "acme", folder, "--with-secrets")
    assert contents(folder).keys() == contents(exported).keys()


def test_it_is_copied_without_secrets_unless_told(
    original: Cluster, exported: Path, tmp_path: Path
) -> None:
    with original.in_use():
        run("export", "acme", tmp_path / "plain")
    plain = contents(tmp_path / "plain")
    assert not {f"{apps.get_model(label)._meta.db_table}.ndjson" for label in SECRET} & set(plain)
    webhooks = [orjson.loads(line) for line in plain["headlessly_webhook.ndjson"].splitlines()]
    assert webhooks and not any("secret" in each or each["active"] for each in webhooks)
    assert b'"password"' not in plain["people.ndjson"]
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "plain").iterdir())


def test_it_knows_of_every_table_whether_it_is_a_tenants() -> None:
    of_nobody = {
        "headlessly.User": "accounts are the installation's; people.ndjson has those of the tenant",
        "headlessly.KeyUse": "counts of a minute",
        "headlessly.Session": "who is signed in here",
        "headlessly.Device": "browsers that an account is known by",
        "headlessly.SecondFactor": "an account's",
        "headlessly.Guess": "wrong passwords",
        "auth.Permission": "unused",
        "auth.Group": "unused",
        "contenttypes.ContentType": "Django's own",
        "admin.LogEntry": "what the operator did",
    }
    copied = {table.label for table in tenant_tables(with_secrets=True)}
    managed = {m._meta.label for m in apps.get_models() if m._meta.managed}
    assert managed == copied | set(LEFT_OUT) | set(of_nobody)
    assert not copied & (set(LEFT_OUT) | set(of_nobody))
    assert set(SECRET) < copied
