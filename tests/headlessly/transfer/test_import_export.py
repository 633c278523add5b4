"""Imports and exports by REST: good rows are in, bad ones are told, none is lost."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import openpyxl
import orjson
import pytest
from django.db import InterfaceError, connection
from django.utils import timezone
from procrastinate.exceptions import JobAborted
from psycopg import errors as postgres

from crm import Contact, Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import User
from headlessly.api import transfers
from headlessly.execution import executor
from headlessly.log.events import Event
from headlessly.transfer import exporting, formats, import_job
from headlessly.transfer.models import Import
from tests.answered import answered, problem, unchanged
from tests.headlessly.transfer.conftest import counts, errors, lines, sender, told
from tests.refusals import everything

PEOPLE = "name,email,phone\nAda Chen,ada@new.example,1\nBob Stone,bob@new.example,2\n"


def test_it_takes_the_rows_of_a_table_in_the_background(imported: Any, api: Any, acme: Any) -> None:
    done = imported("contacts", PEOPLE)
    assert counts(done) == {"created": 2}
    ada = Contact.find({"email": "ada@new.example"}).get()
    assert (ada.name, ada.phone, ada.created_by) == ("Ada Chen", "1", api.key.pk)
    (event,) = Contact.history(ada)
    assert (event.name, event.data["name"], event.version) == ("Contact.Created", "Ada Chen", 1)
    assert Contact.past.objects.filter(record=ada.pk).count() == 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", "name;email\nAda;ada@new.example\n"),
        ("text/csv", "Name\tE-mail\nAda\tada@new.example\n".replace("E-mail", "Email")),
        ("text/csv", "\ufeffname,email\r\n\"Ada\",ada@new.example\r\n"),
        ("application/json", '[{"name": "Ada", "email": "ada@new.example"}]'),
        ("application/x-ndjson", '{"name": "Ada", "email": "ada@new.example"}\n\n'),
    ],
)  # fmt: skip
def test_it_reads_files_as_they_come(kind: str, body: str, imported: Any) -> None:
    assert counts(imported("contacts", body, kind=kind)) == {"created": 1}
    assert Contact.find({"email": "ada@new.example"}).get().name == "Ada"


def workbook(*rows: tuple[Any, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def form(*files: tuple[str, bytes]) -> dict[str, Any]:
    """A form with files, as a browser or curl sends it."""
    parts = [
        b'--edge\r\nContent-Disposition: form-data; name="file%d"; filename="%s"\r\n\r\n%s\r\n'
        % (number, name.encode(), content)
        for number, (name, content) in enumerate(files)
    ]
    return {
        "body": b"".join([*parts, b"--edge--\r\n"]),
        "kind": "multipart/form-data; boundary=edge",
    }


def test_it_reads_workbooks_as_bodies_and_files_in_forms(imported: Any, api: Any) -> None:
    book = workbook(("name", "email", "leadScore"), ("Ada", "ada@new.example", 7), ("", "x", 1))
    done = imported("contacts", book, kind=formats_of(formats.XLSX))
    assert counts(done) == {"created": 1, "refused": 1}
    for name, content in (
        ("people.xlsx", workbook(("name",), ("Bob",))),
        ("people.CSV", b"name\nCleo\n"),
        ("people.jsonl", b'{"name": "Dan"}'),
    ):
        done = imported("contacts", **form((name, content)))
        assert (counts(done), done["filename"]) == ({"created": 1}, name)
    assert {c.name for c in Contact.find()} == {"Ada", "Bob", "Cleo", "Dan"}


def test_it_says_of_a_formula_that_its_value_was_not_saved(imported: Any, api: Any) -> None:
    book = workbook(("name", "leadScore", "title"), ("Ada", "=3+4", "CTO"), ("Bob", 7, "=A1&A2"))
    done = imported("contacts", book, kind=formats_of(formats.XLSX))
    assert counts(done) == {"refused": 2}
    assert errors(done) == [(1, "leadScore"), (2, "title")]
    assert "=3+4 was saved without its value" in done["errors"][0]["message"]


def formats_of(format: str) -> str:
    return next(kind for kind, each in formats.MEDIA_TYPES.items() if each == format)


def test_it_refuses_a_form_that_has_not_one_file_of_a_kind_it_knows(send: Any, acme: Any) -> None:
    good = ("a.csv", b"name\nAda\n")
    with unchanged():
        for files, status in (([], 400), ([good, good], 400), ([("a.exe", b"MZ")], 415)):
            problem(send("contacts", **form(*files)), status, ANSWERS[status])
        broken = form(good)["body"][:40]
        problem(
            send("contacts", broken, kind="multipart/form-data; boundary=edge"), 400, "bad_request"
        )
        problem(send("contacts", broken, kind="multipart/form-data"), 400, "bad_request")
        sheet = send("contacts", b"PK\x03\x04 nothing", kind=formats_of(formats.XLSX))
        problem(sheet, 400, "bad_request")
    assert not Import.objects.exists()


ANSWERS = {400: "bad_request", 415: "unsupported_media_type"}


def test_it_reports_each_bad_row_with_its_number_and_its_field(
    imported: Any, api: Any, people: Any
) -> None:
    body = (
        "name,source,score,contact,status\n"
        "Good,website,80,ada@acme.example,New\n"
        ",website,80,,\n"
        "Too much,website,101,,\n"
        "Nobody,website,1,eve@rival.example,\n"
        "Word,website,many,,\n"
        "No such state,website,1,,Open\n"
        "Too long,website,1,,,,more\n"
    )
    done = imported("leads", body)
    assert counts(done) == {"created": 1, "refused": 6}
    assert errors(done) == [
        (2, "name"), (3, "score"), (4, "contact"), (5, "score"), (6, "status"), (7, None)
    ]  # fmt: skip
    rows, cursor = [], ""
    while cursor is not None:
        address = f"/imports/{done['$id']}/refused?limit=4{cursor and f'&cursor={cursor}'}"
        page = answered(api.call("GET", address))
        assert page["total"] == 6
        rows += [each["row"] for each in page["results"]]
        cursor = page["cursor"]
    assert rows == [2, 3, 4, 5, 6, 7]
    assert Lead.find().get().contact_id == people.ada.pk
    refused = api.call("GET", f"/imports/{done['$id']}/refused.csv")
    with tenancy.active(None), actors.acting(None):  # a server makes it when the request is over
        table = b"".join(refused.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["name"] for row in rows][1:3] == ["Too much", "Nobody"]
    assert [row["$row"] for row in rows] == ["2", "3", "4", "5", "6", "7"]
    assert "100" in rows[1]["$reason"]


def test_it_updates_what_it_matches_instead_of_making_it_twice(
    imported: Any, acme: Any, people: Any
) -> None:
    body = "name,email,title\nAda Chen,ADA@acme.example,CEO\nNew,new@new.example,\n"
    assert counts(imported("contacts", body, "?match=email")) == {"created": 1, "updated": 1}
    assert Contact.get(people.ada.pk).title == "CEO"
    assert counts(imported("contacts", body, "?match=email")) == {"unchanged": 2}
    again = imported("contacts", "name,email\nAda,ada@acme.example\n")
    assert counts(again) == {"refused": 1} and errors(again) == [(1, "email")]


def test_it_says_what_would_be_and_does_nothing(imported: Any, acme: Any, people: Any) -> None:
    before = everything()
    body = "name,email\nAda,ada@acme.example\nNew,new@new.example\nNew,NEW@new.example\n,x\n"
    done = imported("contacts", body, "?match=email&dryRun=true")
    assert done["dryRun"] is True
    assert counts(done) == {"created": 1, "updated": 1, "unchanged": 1, "refused": 1}
    assert everything() == before


def test_it_runs_the_hooks_of_every_row(imported: Any, acme: Any) -> None:
    from headlessly.errors import VerbRefused

    heard = []

    def listen(contact: Contact, ctx: Any) -> None:
        heard.append(contact.name)
        if contact.name == "Bob Stone":
            raise VerbRefused("Not Bob")

    with Contact.creating.attached(listen):
        done = imported("contacts", PEOPLE)
    assert heard == ["Ada Chen", "Bob Stone"]
    assert counts(done) == {"created": 1, "refused": 1}
    assert done["errors"][0]["message"] == "Not Bob"


def test_it_lets_an_admin_bring_the_past_and_nobody_else(
    imported: Any, api: Any, acme: Any, work: Any
) -> None:
    body = (
        "name,source,status,lostReason,lostAt,$createdAt\n"
        "Old,fair,Lost,Price,2024-02-01T10:00:00Z,2024-01-01T09:00:00Z\n"
    )
    assert counts(imported("leads", body)) == {"created": 1}
    old = Lead.find().get()
    assert (old.status, old.lost_reason, old.created_at.year) == ("Lost", "Price", 2024)
    writer = type(api)(acme, "write")
    response = sender(writer)("leads", body.replace("Old", "Older"))
    work()
    done = told(writer, response.json()["$id"])
    assert counts(done) == {"refused": 1}
    assert {field for _, field in errors(done)} & {"status", "lostReason", "lostAt"}


def lose_the_connection() -> None:
    raise InterfaceError("the connection is closed") from postgres.InterfaceError("closed")


def die_at_once() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("end", [die_at_once, lose_the_connection])
def test_it_goes_on_where_a_worker_died_or_lost_the_database(
    send: Any, api: Any, acme: Any, monkeypatch: pytest.MonkeyPatch, work: Any, end: Any
) -> None:
    monkeypatch.setattr(import_job, "CHUNK", 2)
    body = "name\n" + "".join(f"Person {n}\n" for n in range(7))
    id = answered(send("contacts", body), 202)["$id"]
    taken = []
    take = import_job.Run._take

    def die(self: Any, rows: Any) -> None:
        take(self, rows)
        taken.append(len(rows))
        if len(taken) == 2:
            end()

    monkeypatch.setattr(import_job.Run, "_take", die)
    with pytest.raises((KeyboardInterrupt, InterfaceError)):
        import_job.import_in_background(source=id)
    assert Import.objects.get(pk=id).done == 4
    monkeypatch.setattr(import_job.Run, "_take", take)
    work()
    assert counts(told(api, id)) == {"created": 7}
    assert Contact.count() == 7
    assert Event.objects.filter(name="Contact.Created").count() == 7


def test_it_goes_on_in_the_next_worker_when_its_own_is_stopped(
    send: Any, api: Any, acme: Any, monkeypatch: pytest.MonkeyPatch, work: Any
) -> None:
    monkeypatch.setattr(import_job, "CHUNK", 2)
    id = answered(send("contacts", "name\n" + "".join(f"Person {n}\n" for n in range(7))), 202)[
        "$id"
    ]
    worker = SimpleNamespace(job=SimpleNamespace(id=0, attempts=6), should_abort=lambda: True)
    here = {"tenant": acme.pk, "actor": asdict(actors.SYSTEM), "request_id": None}
    with pytest.raises(JobAborted) as stopped:
        import_job.import_in_background.perform(worker, circumstances=here, source=id)
    found = Import.objects.get(pk=id)
    assert (found.status, found.done) == ("running", 2)
    again = import_job.import_in_background.retry.get_retry_decision(
        exception=stopped.value, job=worker.job
    )
    assert again is not None and again.retry_at <= datetime.now(UTC)
    work()
    assert counts(told(api, id)) == {"created": 7}


def test_it_stops_when_it_is_cancelled(send: Any, api: Any, work: Any) -> None:
    id = answered(send("contacts", PEOPLE), 202)["$id"]
    wrong = api.call("POST", f"/imports/{id}/cancel", {"keep": False})
    assert problem(wrong, 422, "validation_error")["field"] == "keep"
    assert answered(api.call("POST", f"/imports/{id}/cancel"))["status"] == "cancelled"
    work()
    assert Contact.count() == 0
    problem(api.call("POST", f"/imports/{id}/cancel"), 409, "conflict")


def test_an_import_that_nobody_finishes_is_given_up_after_three_days(
    send: Any, api: Any, acme: Any
) -> None:
    long_ago = timezone.now() - import_job.PATIENCE - timedelta(hours=1)
    ids = [answered(send("contacts", PEOPLE), 202)["$id"] for _ in range(2)]
    Import.objects.update(created_at=long_ago, created_by=f"{User.prefix}_who_is_gone")
    with tenancy.active(None), actors.acting(None):  # as the clock has it
        import_job.clear_old_imports.func(0)
    assert [told(api, id)["status"] for id in ids] == ["failed"] * 2


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (b"", "text/csv", 400, "no"),
        (b"nonsense\nx\n", "text/csv", 422, "nonsense"),
        (b"name,name\nx,y\n", "text/csv", 422, "two columns"),
        (b"name\n\xff\x81\xfa\n", "text/csv", 400, "UTF-8"),
        (b"{}", "application/json", 400, "array"),
        (b"[1", "application/json", None, ""),
        (b"PK\x03\x04junk", "text/csv", 400, ""),
        (b"x", "image/png", 415, ""),
    ],
)
def test_it_refuses_a_file_that_is_none(
    body: bytes, kind: str, status: int | None, says: str, send: Any, api: Any, work: Any
) -> None:
    response = send("contacts", body, kind=kind)
    if response.status_code == 202:
        work()
        assert told(api, response.json()["$id"])["status"] == "failed"
    else:
        assert response.status_code == status, response.content
        assert says.lower() in response.content.decode().lower()
    assert Contact.count() == 0


def test_it_is_for_those_who_may_and_shows_nothing_of_another_tenant(
    send: Any, api: Any, rival_api: Any, acme: Any, people: Any, theirs: Any
) -> None:
    reader = type(api)(acme, "read")
    problem(sender(reader)("contacts", PEOPLE), 403, "forbidden")
    id = answered(send("contacts", PEOPLE), 202)["$id"]
    for call in ("GET", f"/imports/{id}"), ("POST", f"/imports/{id}/cancel"):
        problem(rival_api.call(*call), 404, "not_found")
    assert answered(rival_api.call("GET", "/imports"))["results"] == []
    found = b"".join(rival_api.call("GET", "/export/contacts?format=ndjson").streaming_content)
    assert [line["name"] for line in lines(found)] == ["Eve Rival"]


# -- exports --------------------------------------------------------------------------------------


def test_it_exports_what_a_list_shows(exported: Any, api: Any, lead: Lead, people: Any) -> None:
    table = list(csv.DictReader(io.StringIO(exported("leads?status=New").decode())))
    assert [row["$id"] for row in table] == [lead.pk]
    assert (table[0]["budget"], table[0]["contact"]) == ("50000", people.ada.pk)
    read = answered(api.call("GET", f"/leads/{lead.pk}"))
    del read["bant"]
    (line,) = lines(exported("leads?format=ndjson"))
    assert line == read
    assert orjson.loads(exported("leads?format=json")) == [read]
    assert orjson.loads(exported("leads?format=json&status=Lost")) == []
    (line,) = lines(exported("leads?format=ndjson&fields=name,bant&q=platform"))
    assert (line["bant"]["answered"], line["$context"]) == (1, read["$context"])
    problem(api.call("GET", "/export/leads?format=pdf"), 400, "bad_request")
    problem(api.call("GET", "/export/leads?nonsense=1"), 400, "invalid_filter")


@pytest.mark.parametrize("fraction", ["", ".194510", ".5", ".000001"])
def test_it_writes_a_moment_as_a_list_does(
    fraction: str, exported: Any, imported: Any, api: Any, acme: Any
) -> None:
    lead = Lead.create(name="Due", source="web", first_touch_at=f"2026-03-04T05:06:07{fraction}Z")
    read = answered(api.call("GET", f"/leads/{lead.pk}"))["firstTouchAt"]
    assert read.endswith(f"07{fraction and fraction.ljust(7, '0')}Z")
    for format in ("ndjson", "json", "csv"):
        assert read in exported(f"leads?format={format}").decode()
    table = exported("leads?fields=name,firstTouchAt")
    assert counts(imported("leads", table, "?match=$id")) == {"unchanged": 1}


def test_it_exports_more_than_it_sends_at_once(exported: Any, api: Any, many: list[str]) -> None:
    table = csv.DictReader(io.StringIO(exported("contacts").decode()))
    objects = lines(exported("contacts?format=ndjson"))
    array = orjson.loads(exported("contacts?format=json"))
    for found in table, objects, array:
        assert sorted(each["name"] for each in found) == many
    started = Event.objects.filter(name="Export.Started")
    assert [event.data["rows"] for event in started] == [len(many)] * 3


def test_an_export_that_nobody_reads_to_its_end_gives_the_connection_back(many: list[str]) -> None:
    file = exporting.stream(exporting.Question(Contact), "ndjson")
    assert 0 < len(lines(next(file))) < len(many)
    file.close()
    assert Contact.find().count() == len(many)


def test_whoever_asks_what_there_would_be_has_exported_nothing(api: Any, lead: Lead) -> None:
    for format in exporting.WRITERS:
        answer = api.call("HEAD", f"/export/leads?format={format}")
        assert answer.status_code == 200 and "leads-" in answer["Content-Disposition"]
    assert api.call("HEAD", "/export/leads?fields=nothing").status_code == 400
    assert not Event.objects.filter(name="Export.Started").exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_in_blocks_is_read_by_one_connection(send: Any, api: Any, acme: Any) -> None:
    """Or a pooler gives it another one for each, which does not know its cursor."""
    source = answered(send("leads", "name,source\n" + ",x\n" * 1_100), 202)
    import_job.import_in_background(source=source["$id"])
    rows = ([row.row] for row in transfers.in_blocks(Import.objects.get().rows.order_by("row")))
    file = transfers.stream_table(["row"], rows, "refused.csv")
    del rows  # as where an address answers: only the file has them
    next(iter(file.streaming_content))
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_holdable FROM pg_cursors")
        assert cursor.fetchall() == [(False,)], "it goes with its transaction"
    file.close()
    assert not connection.in_atomic_block


def test_a_browser_is_sent_more_than_one_block(many: list[str], acme: Any) -> None:
    from django.test import Client

    from headlessly.access.models import Membership, User

    user = User.objects.create_user("bob@sign.example")
    Membership.objects.create(user=user, tenant=acme, role="rep")
    client = Client()
    client.force_login(user)
    with tenancy.active(None), actors.acting(None):
        answer = client.get("/~acme/export/contacts?labels=en&zone=Europe/Berlin")
        found = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert sorted(row["Name"] for row in csv.DictReader(io.StringIO(found))) == many


@pytest.fixture
def many(acme: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of contacts that are more than one block of a file."""
    monkeypatch.setattr(exporting, "BLOCK", 2_000)
    names = [f"Contact {number:02}" for number in range(60)]
    with executor.one_transaction():
        for name in names:
            Contact.create(name=name)
    return names


def test_it_exports_a_cell_that_a_spreadsheet_would_run_guarded_and_reads_it_back(
    exported: Any, imported: Any, acme: Any
) -> None:
    names = ["=1+1", "+1", "-1", "@x", "'=quoted", "plain", 'a "b", c\nd', "ünï"]
    for name in names:
        Contact.create(name=name)
    table = exported("contacts")
    cells = [row["name"] for row in csv.DictReader(io.StringIO(table.decode(), newline=""))]
    assert sorted(cells)[:5] == sorted(["'=1+1", "'+1", "'-1", "'@x", "''=quoted"])
    assert counts(imported("contacts", table, "?match=$id")) == {"unchanged": len(names)}
    assert sorted(c.name for c in Contact.find()) == sorted(names)


def test_it_exports_several_values_guarded_as_one_cell_and_none_as_an_empty_one(
    exported: Any, imported: Any, acme: Any
) -> None:
    for name, tags in {"Run": ["=1+1", "b"], "None": [], "Two": ["a", "-b"]}.items():
        Lead.create(name=name, source="web", tags=tags)
    table = exported("leads?fields=name,tags")
    rows = csv.DictReader(io.StringIO(table.decode(), newline=""))
    cells = {row["name"]: row["tags"] for row in rows}
    assert cells == {"Run": "'=1+1; b", "None": "", "Two": "a; -b"}
    assert counts(imported("leads", table, "?match=$id")) == {"unchanged": 3}


def test_it_exports_to_a_limited_rep_what_they_see(acme: Any, people: Any, api: Any) -> None:
    from django.test import Client

    from headlessly.access.models import Membership, User

    acme.limits_reps = True
    acme.save()
    Contact.update(people.ada.pk, owner=people.cleo)
    user = User.objects.create_user("bob@sign.example")
    Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.bob)
    client = Client()
    client.force_login(user)
    with tenancy.active(None), actors.acting(None):
        for format in ("csv", "ndjson", "json"):
            answer = client.get(f"/~acme/export/contacts?format={format}")
            content = b"".join(answer.streaming_content).decode()
            assert "Bob Stone" in content and "Ada Chen" not in content
        body = f"name,source,contact\nMine,web,{people.ada.pk}\n"
        response = client.post("/~acme/import/leads", body.encode(), content_type="text/csv")
    assert response.status_code == 202
