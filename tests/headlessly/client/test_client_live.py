"""The client against a running server: the customer's page, word for word where it gives the words."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from crm import Lead
from headlessly.client import (
    AsyncHeadlessly,
    Conflict,
    Headlessly,
    NotFound,
    Refused,
    Retries,
    ScriptFailed,
    Stale,
    Unauthorized,
    ValidationFailed,
)
from headlessly.log.events import Event
from tests.refusals import everything, refused

ROOT = Path(__file__).parents[3]


@pytest.fixture
def there(tenants: SimpleNamespace) -> Any:
    """The client of acme."""
    with Headlessly(tenants.acme.url, tenants.acme.secret) as acme:
        yield acme


class LosesAnswers(httpx.HTTPTransport):
    """Sends everything, and loses the first answer to each POST."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[str] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        key = request.headers.get("Idempotency-Key")
        if key is not None and key not in self.lost:
            self.lost.add(key)
            response.read()
            raise httpx.ReadError("the answer is lost", request=request)
        return response


@pytest.mark.django_db(transaction=True)
def test_it_reads_like_the_customers_page(there: Any, people: Any, tenants: Any) -> None:
    acme, contact, campaign = there, people.ada.id, people.spring.id
    # await Lead.create({ name: 'Website Demo Request', contact: 'contact_...', source: 'website', ...
    lead = acme.Lead.create(
        name="Website Demo Request", contact=contact, source="website", sourceDetail="/pricing",
        score=65,
    )  # fmt: skip
    assert (lead.status, lead.source_detail, lead.created_by) == (
        "New",
        "/pricing",
        tenants.acme.key.pk,
    )
    # await Lead.create({ name: 'Acme Platform Evaluation', ..., budget: 50_000, authority: ...
    hot = acme.Lead.create(
        name="Acme Platform Evaluation",
        contact=contact,
        organization=people.corp.id,
        source="demo-request",
        budget=50_000,
        authority="CTO - final decision maker",
        need="Replace fragmented SaaS tools with unified platform",
        timeline="Q2 2025",
        campaign=campaign,
        score=82,
    )
    assert hot.bant["answered"] == 4
    with pytest.raises(Conflict) as early:
        acme.Lead.convert(hot.id)
    assert early.value.body["allowed"] == ["Contacted", "Lost"]
    hot.update(status="Contacted")
    hot.update(status="Qualified", if_match=hot.version)
    # await Lead.find({ status: 'Qualified', campaign: 'campaign_...', score: { $gte: 80 } })
    found = acme.Lead.find({"status": "Qualified", "campaign": campaign, "score": {"$gte": 80}})
    assert list(found) == [hot]
    assert acme.Lead.find(
        {"status": "New", "source": "website"}, sort={"score": "desc"}, limit=25
    ).all() == [lead]
    # await Lead.get('lead_pQ8xNfKm', { include: ['contact', 'organization', 'campaign', 'deal'] })
    got = acme.Lead.get(hot.id, include=["contact", "organization", "campaign", "deal"])
    assert (got.contact.email, got.organization.name, got.campaign.id, got.deal) == (
        "ada@acme.example", "Acme Corp", campaign, None,
    )  # fmt: skip
    before = everything()
    dry = acme.Lead.convert(hot.id, dry_run=True)
    assert everything() == before
    names = [event.name for event in dry.events]
    assert names[:2] == ["Lead.Converted", "Deal.Created"]
    # await Lead.convert('lead_pQ8xNfKm')
    converted = acme.Lead.convert("" + hot.id)
    deal = acme.Deal.get(converted.deal)
    assert (converted.status, deal.value, deal.lead if "lead" in deal else None) == (
        "Converted",
        50_000,
        None,
    )
    assert acme.Contact.get(contact).stage == "Qualified"
    with pytest.raises(Conflict) as again:
        hot.convert()
    assert again.value.body["deal"] == deal.id
    # lose, and what else there is in process
    acme.Lead.lose(lead.id, lost_reason="No budget")
    assert [e.target for e in acme.Lead.lost_by(tenants.acme.key.pk)] == [lead.id]
    assert [e.name for e in acme.Lead.history(lead)] == ["Lead.Lost", "Lead.Created"]
    assert acme.Lead.count({"status": "Lost"}) == 1
    assert acme.Lead.count({"status": "Lost"}, as_of=lead.created_at) == 0
    assert acme.Lead.get(lead, as_of=lead.created_at).status == "New"
    back = acme.Lead.rollback(lead.id, as_of=lead.created_at)
    assert (back.status, back.version) == ("New", 3)
    with pytest.raises(Stale):
        lead.update(score=1, if_match=1)
    assert acme.Lead.delete(lead) is None
    with pytest.raises(NotFound):
        lead.update(score=1)
    assert acme.Lead.restore(lead.id).name == "Website Demo Request"
    with refused(ValidationFailed, "source: This is required."):
        acme.Lead.create(name="No source")
    assert acme.status()["nouns"]["Lead"]["states"]["Converted"] == 1
    me = acme.me()
    assert (me.role, me["tenant"]["slug"], "convert" in me.may["Lead"]) == ("admin", "acme", True)


@pytest.mark.django_db(transaction=True)
def test_it_does_once_what_it_sent_twice(tenants: Any, people: Any, work: Any) -> None:
    with Headlessly(
        tenants.acme.url, tenants.acme.secret, transport=LosesAnswers(), retries=Retries(first=0.01)
    ) as client:
        lead = client.Lead.create(name="Once", source="web", contact=people.ada.id)
        lead.update(status="Contacted")
        lead.update(status="Qualified")
        assert lead.convert().deal is not None
        with client.batch() as batch:
            ada = batch.Contact.capture(name="Grace", email="grace@new.example")
            later = batch.Lead.create(name="Of Grace", contact=ada, source="web")
            batch.Lead.update(later, score=82)
            seen = batch.Lead.get(later, include="contact")
        assert (later.result.contact, seen.result.contact.email) == (
            ada.result.id, "grace@new.example",
        )  # fmt: skip
        client.track("page_view", {"plan": "pro"}, path="/pricing")
        imported = client.Lead.import_([{"name": "Row", "source": "fair"}], wait=False)
    assert Lead.objects.count() == 2
    assert [e.name for e in Lead.history(lead.id)] == [
        "Lead.Updated", "Lead.Converted", "Lead.Updated", "Lead.Updated", "Lead.Created",
    ]  # fmt: skip
    assert Event.objects.filter(name="page_view").count() == 1
    from headlessly.transfer.models import Import

    assert [each.pk for each in Import.objects.all()] == [imported.id]
    work()
    assert Lead.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_it_does_all_of_a_batch_or_none_and_says_why(there: Any, people: Any) -> None:
    with refused(Refused, "source: This is required.") as caught, there.batch() as batch:
        batch.Lead.create(name="Good", source="web")
        batch.Lead.create(name="Bad")
    assert [each["status"] for each in caught.value.body["results"]] == [424, 422]
    batch = there.batch(atomic=False)
    good, bad = batch.Lead.create(name="Good", source="web"), batch.Lead.create(name="Bad")
    with pytest.raises(RuntimeError, match="not run yet"):
        good.result  # noqa: B018
    first, second = batch.run()
    assert (first, second) == (good.result, bad.error)
    with pytest.raises(ValidationFailed):
        bad.result  # noqa: B018
    assert Lead.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_it_keeps_tenants_apart(there: Any, tenants: Any, theirs: Any, people: Any) -> None:
    with Headlessly(tenants.rival.url, tenants.rival.secret) as rival:
        assert rival.Lead.find().all() == [rival.Lead.get(theirs.lead.pk)]
    assert there.Lead.find().all() == []
    for do in (there.Lead.get, there.Lead.delete, there.Lead.restore, there.Lead.history):
        with pytest.raises(NotFound):
            list(do(theirs.lead.pk))
    with refused(ValidationFailed, "contact"):
        there.Lead.create(name="L", source="x", contact=theirs.eve.pk)
    with (
        Headlessly(tenants.acme.url, tenants.rival.secret) as stranger,
        refused(Unauthorized),
    ):
        stranger.Lead  # noqa: B018
    assert {event.actor for event in there.events()} <= {"system", tenants.acme.key.pk}


@pytest.mark.django_db(transaction=True)
def test_it_takes_files_in_and_gives_them_out(
    there: Any, people: Any, work: Any, tmp_path: Any
) -> None:
    told: list[str] = []

    def progress(found: Any) -> None:
        told.append(found.status)
        if found.status == "queued":
            work()

    file = tmp_path / "leads.csv"
    file.write_text("name,source,contact\nFair,fair,ada@acme.example\n,fair,\n")
    dry = there.Lead.import_(file, dry_run=True, progress=progress)
    assert (dry.created, dry.refused, Lead.objects.count()) == (1, 1, 0)
    done = there.Lead.import_(str(file), progress=progress)
    assert told == ["queued", "completed"] * 2
    assert (done.total, done.created, done.filename, done.is_finished) == (2, 1, "leads.csv", True)
    assert done.errors == [{"row": 2, "field": "name", "message": "This is required."}]
    rows = [{"name": "Ada C.", "email": "ada@acme.example"}]
    assert there.Contact.import_(rows, match="email", progress=progress).updated == 1
    with file.open("rb") as opened:
        again = there.Lead.import_(opened, dry_run=True, progress=progress)
    assert (again.created, again.unchanged, again.already_here) == (0, 1, 1)
    with pytest.raises(TimeoutError, match="goes on by itself"):
        there.Lead.import_(b"name,source\nB,c\n", format="csv", timeout=0)
    work()
    with pytest.raises(FileNotFoundError):
        there.Lead.import_(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="format="):
        there.Lead.import_(b"name")

    there.Lead.create(name="=1+1", source="web", score=7)
    text = there.Lead.export(filter={"score": 7}, fields=["name", "score"]).read().decode()
    assert [row["name"] for row in csv.DictReader(io.StringIO(text))] == ["'=1+1"]
    size = there.Contact.export("ndjson", sort="name").save(tmp_path / "contacts.ndjson")
    assert size == (tmp_path / "contacts.ndjson").stat().st_size
    with pytest.raises(Exception, match="format is"):
        there.Lead.export("xml").save(tmp_path / "leads.xml")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["contacts.ndjson", "leads.csv"]


@pytest.mark.django_db(transaction=True)
def test_it_does_the_same_in_an_event_loop(tenants: Any, people: Any) -> None:
    async def walk() -> list[str]:
        async with AsyncHeadlessly(tenants.acme.url, tenants.acme.secret) as acme:
            lead = await acme.Lead.create(name="Async", source="web", contact=people.ada.id)
            await acme.Lead.update(lead, status="Contacted")
            await lead.update(status="Qualified", score=80)
            found = acme.Lead.find({"score": {"$gte": 80}}, include="contact")
            assert [each.contact.name async for each in found] == ["Ada Chen"]
            assert (await found.total(), await found.count(), (await found.first()).id) == (
                1, 1, lead.id,
            )  # fmt: skip
            dry = await lead.convert(dry_run=True)
            assert dry.record.status == "Converted"
            await asyncio.gather(lead.convert(), acme.Lead.count(), acme.me())
            assert lead.status == "Converted"
            assert (await acme.Lead.export().read()).startswith(b"$id,")
            async with acme.batch() as batch:
                made = batch.Lead.create(name="Batch", source="web")
            await acme.Lead.delete(made.result)
            with pytest.raises(NotFound):
                await made.result.update(score=1)
            log = acme.events(since=datetime.now(UTC) - timedelta(hours=1), type="Lead")
            return [event.name async for event in log]

    assert asyncio.run(walk()) == [
        "Lead.Created", "Lead.Updated", "Lead.Updated", "Lead.Converted", "Lead.Updated",
        "Lead.Created", "Lead.Deleted",
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_it_hears_at_once_what_happens_while_it_follows(
    there: Any, tenants: Any, acme: Any
) -> None:
    log = there.events(follow=True, wait=10)
    heard: list[str] = []
    ready, both = threading.Event(), threading.Event()

    def listen() -> None:
        with Headlessly(tenants.acme.url, tenants.acme.secret) as client:
            for event in client.events(since="1h ago", name="ping", follow=True, wait=10):
                heard.append(event.data["n"])
                ready.set()
                if len(heard) == 2:
                    both.set()
                    return

    listener = threading.Thread(target=listen)
    there.track("ping", {"n": 1})
    listener.start()
    assert ready.wait(10)
    there.track("ping", {"n": 2})
    assert both.wait(5)
    listener.join()
    assert heard == [1, 2]
    assert log.page().has_more is False


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_in_the_log_where_it_was(there: Any, acme: Any) -> None:
    for number in range(5):
        there.track("step", {"n": number})
    log = there.events(name="step", limit=3)
    assert [event.data["n"] for event in log] == [0, 1, 2]
    rest = there.events(name="step", cursor=log.cursor, page_size=1)
    assert [event.data["n"] for event in rest] == [3, 4]
    page = there.events(name="step").page()
    assert len(page) == 5
    assert there.events(name="step").page(page.cursor).results == []


SCRIPT = """
lost = [lead.lose(lostReason="Old") for lead in Lead.find({"score": {"$lt": 50}})]
print(len(lost), "lost")
lost
"""


@pytest.mark.django_db(transaction=True)
def test_it_takes_back_a_request_or_one_of_its_events(there: Any, lead: Any) -> None:
    there.Lead.update(lead.id, score=5)
    there.Lead.update(lead.id, source="fair")
    *_, first, second = there.events(target=lead.id)
    dry = there.undo(first, dry_run=True)
    assert (dry["dryRun"], there.Lead.get(lead.id).score) == (True, 5)
    done = there.undo(first)
    assert [each["event"] for each in done["undone"]] == ["Lead.Updated"] and not done["stays"]
    assert (there.Lead.get(lead.id).score, there.Lead.get(lead.id).source) == (82, "fair")
    with pytest.raises(Conflict, match="taken back already"):
        there.undo(first["requestId"])
    there.undo(second["requestId"])
    assert there.Lead.get(lead.id).source == "website"


@pytest.mark.django_db(transaction=True)
def test_it_runs_a_script_as_a_whole_or_not_at_all(there: Any, lead: Any) -> None:
    old = there.Lead.create(name="Old", source="web", score=10)
    before = everything()
    dry = there.do(SCRIPT, dry_run=True)
    assert (dry.dry_run, dry.output, dry.value[0].lost_reason) == (True, "1 lost\n", "Old")
    assert [event.name for event in dry.events] == ["Script.Ran", "Lead.Lost"]
    assert everything() == before
    ran = there.do(SCRIPT)
    assert (ran.dry_run, ran.value, ran.value[0].status) == (False, [old], "Lost")
    assert there.Lead.get(old).status == "Lost"
    for code, error, line in [
        ("import os", ScriptFailed, 1),
        (f"Lead.update('{old.id}', name='x')\nLead.convert('{lead.id}')", Conflict, 2),
    ]:
        with refused(error) as caught:
            there.do(code)
        assert caught.value.line == line


WITHOUT_DJANGO = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("django", "rest_framework", "psycopg", "crm", "marketing"):
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Blocked())
from headlessly.client import AsyncHeadlessly, Headlessly
import headlessly.client.commands.app

with Headlessly(*sys.argv[1:]) as acme:
    print(acme.Lead.create(name="Alone", source="script").status)
from headlessly.client.commands import run
assert run(["--output", "table", "Lead.find"]) == 0
assert "django" not in sys.modules
"""


@pytest.mark.django_db(transaction=True)
def test_it_needs_no_django(tenants: Any, acme: Any, home: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    monkeypatch.setenv("HEADLESSLY_URL", tenants.acme.url)
    monkeypatch.setenv("HEADLESSLY_API_KEY", tenants.acme.secret)
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_DJANGO, tenants.acme.url, tenants.acme.secret],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("New\n")
    assert "Alone" in ran.stdout


@pytest.mark.django_db(transaction=True)
def test_it_measures_by_group(there: Any, people: Any) -> None:
    for source, budget in (("fair", 70), ("fair", 30), ("web", None)):
        there.Lead.create(name="L", source=source, budget=budget)
    asked = there.Lead.aggregate(group="source", measure=["count", "sum(budget)"], sort="-count")
    assert asked == [
        {"source": "fair", "count": 2, "sum(budget)": {"USD": 100.0}},
        {"source": "web", "count": 1, "sum(budget)": {}},
    ]


def test_it_keeps_files_of_every_kind_that_python_has(
    there: Headlessly, lead: Any, tmp_path: Path
) -> None:
    path = tmp_path / "Offer.pdf"
    path.write_bytes(b"%PDF the offer")
    with path.open("rb") as opened:
        made = [
            there.Attachment.upload(file=path, lead=lead.pk),
            there.Attachment.upload(file=opened, lead=lead.pk),
            there.Attachment.upload(file=b"%PDF the offer", name="Offer.pdf", lead=lead.pk),
        ]
    assert {(each.name, each.size) for each in made} == {("Offer.pdf", 14)}
    said = there.Attachment.content(made[0])
    assert base64.b64decode(said["content"]) == b"%PDF the offer"
    assert made[0].replace(file=b"other").size == 5
