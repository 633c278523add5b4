"""No page has an English word of the catalogue left: the pages are walked, their texts compared with it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from tests.headlessly.admin.signed_in import client_of
from tests.headlessly.languages.english import Page, left


@pytest.fixture
def company(qualified: Any, people: SimpleNamespace) -> SimpleNamespace:
    """A lead of each fate, a deal, touches, a form: what brings all kinds of sentences to the pages."""
    from crm import Activity, Deal, Lead
    from marketing import Form

    lost = Lead.create(name="Verpasst", source="Messe", contact=people.ada)
    lost.lose(lost_reason="Teuer")
    won = Lead.create(name="Geschafft", source="Messe", contact=people.ada, budget=10)
    won.update(status="Contacted")
    won.update(status="Qualified")
    won.convert()
    won.deal.win(won_reason="Passte")
    Activity.log(subject="Gesprochen", type="Call", lead=qualified, outcome="gut", duration=12)
    qualified.update(score=None)
    form = Form.create(
        name="Frage",
        fields=[
            {"name": "mail", "type": "email", "label": "Adresse"},
            {"name": "zahl", "type": "number", "label": "Anzahl"},
        ],
    )
    form.publish()
    return SimpleNamespace(
        lead=qualified,
        lost=lost,
        won=won,
        form=form,
        task=Activity.create(subject="Anrufen", lead=qualified, due_at="2026-01-01T10:00:00Z"),
        deal=Deal.create(name="Groß", value=1234.5, currency="EUR", contact=people.ada),
    )


def walk(client: Client, *pages: str) -> None:
    for page in pages:
        answer = client.get(page)
        found = Page(answer.content.decode())
        assert found.language == "de", page
        assert left(found.texts) == [], page


LIST = "crm/lead/"


def test_the_workplace(ann, company):
    a = "/~acme/admin/"
    lead = f"{a}crm/lead/{company.lead.pk}"
    walk(
        ann,
        a,
        f"{a}dashboard/",
        f"{a}dashboard/?period=last_month&owner=-",
        f"{a}dashboard/?period=never",
        f"{a}{LIST}",
        f"{a}{LIST}?status=Lost&score__gte=5&createdAt__gte=7d ago&is=bant-complete",
        f"{a}{LIST}?deleted=true",
        f"{a}{LIST}?asOf=2026-01-31",
        f"{a}{LIST}?color=red",
        f"{a}{LIST}board/",
        f"{a}{LIST}add/",
        f"{lead}/change/?in=",
        f"{lead}/edit/",
        f"{lead}/edit/?only=budget",
        f"{lead}/history/",
        f"{lead}/delete/",
        f"{lead}/do/convert/",
        f"{lead}/do/lose/",
        f"{a}crm/lead/{company.lost.pk}/change/",
        f"{a}crm/lead/{company.won.pk}/change/",
        f"{a}crm/lead/nothing/change/",
        f"{a}crm/deal/",
        f"{a}crm/deal/board/",
        f"{a}crm/deal/{company.won.deal_id}/change/",
        f"{a}crm/activity/",
        f"{a}crm/activity/add/log/",
        f"{a}crm/activity/{company.task.pk}/change/",
        f"{a}crm/contact/{company.lead.contact_id}/change/",
        f"{a}crm/organization/{company.lead.organization_id}/edit/",
        f"{a}crm/pipeline/",
        f"{a}marketing/campaign/add/",
        f"{a}marketing/form/{company.form.pk}/change/",
        f"{a}marketing/segment/",
        f"{a}marketing/funnel/add/",
        f"{a}settings/",
        f"{a}settings/members/",
        f"{a}settings/keys/",
        f"{a}preferences/",
        f"{a}password_change/",
    )


def test_what_an_agent_proposes(ann, company, acme):
    from headlessly.access import actors
    from headlessly.access.models import ApiKey
    from headlessly.scripts import proposals

    a = "/~acme/admin/proposals/"
    walk(ann, a)
    agent = ApiKey.issue(acme, "Agentin", "propose")[0].actor
    with actors.acting(agent):
        first = proposals.propose(
            f"""lead = Lead.get("{company.lead.pk}")
lead.update(need="Neues")
lead.convert()
for other in Lead.find({{"status": "Lost"}}):
    other.delete()
Contact.create(name="Eva")
Event.create(name="form_submitted", properties={{"source": "Messe"}})""",
            "Los",
        )
        second = proposals.propose(f'Lead.delete("{company.lost.pk}")')
    walk(ann, a, f"{a}{first.pk}/")
    company.lead.update(need="Altes")
    company.lost.delete()
    for each in (first, second):
        ann.post(f"{a}{each.pk}/approve/", {"version": "1"})
        walk(ann, f"{a}{each.pk}/")
    ann.post(f"{a}{first.pk}/approve/", {"version": "2"})
    ann.post(f"{a}{second.pk}/refuse/", {"reason": "Nein"})
    walk(
        ann,
        a,
        f"{a}{first.pk}/",
        f"{a}{second.pk}/",
        f"/~acme/admin/crm/lead/{company.lead.pk}/change/",
    )


def test_the_operators_pages(users):
    users.olga.language = "de"
    users.olga.save()
    a = "/admin/"
    things = ("tenant", "user", "membership", "apikey")
    pages = [f"{a}headlessly/{thing}/{page}" for thing in things for page in ("", "add/")]
    walk(client_of(users.olga), a, "/?choose=1", *pages)


def test_the_page_of_a_form_and_what_it_refuses(company):
    from crm import Lead

    visitor = Client(headers={"Accept-Language": "de"})
    page = f"/~acme/f/{company.form.pk}"
    walk(visitor, page, f"{page}?sent=1")
    refused = visitor.post(page, {"mail": "x", "zahl": "viel"}).content.decode()
    assert left(Page(refused).texts) == []
    assert "Das ist keine E-Mail-Adresse." in refused and "Das ist eine Zahl." in refused
    visitor.post(page, {"mail": "neu@kunde.example", "zahl": "1.234,5"})
    from headlessly.models import Event

    sent = Event.objects.filter(name="form_submitted").order_by("-seq").first()
    assert sent.data["answers"]["zahl"] == 1234.5
    assert Lead.objects.filter(source="form").count() == 1
    # Programs that send it are answered in English.
    api = visitor.post(
        f"/~acme/forms/{company.form.pk}/submit", {"mail": "x"}, content_type="application/json"
    )
    assert "This is not an email address." in api.content.decode()


def test_what_scripts_get(ann, company):
    """The palette, the board and the selection answer their scripts in German too."""
    a = "/~acme/admin/"
    at = f"{a}crm/lead/{company.lead.pk}/change/"
    found = ann.get(f"{a}find/", {"q": "", "at": at}).json()
    texts = [t for g in found["groups"] for t in (g["title"], *(i["label"] for i in g["items"]))]
    assert {"Tun", "Gehe zu", "Lead anlegen", "Eine Aktivität festhalten"} <= set(texts)
    assert left(texts) == []
    move = f"{company.lost.pk} {company.lost.version} Converted"
    refused = ann.post(
        f"{a}crm/lead/board/", {"move": move}, headers={"Accept": "application/json"}
    )
    assert refused.json()["reason"].startswith("Lead: ")
    bulk = ann.post(
        f"{a}crm/lead/bulk/lose/", {"ids": company.lead.pk, "query": ""}, headers={"X-Part": "1"}
    )
    assert left(Page(bulk.content.decode()).texts) == []


def test_the_walk_notices_english():
    """The measure itself: what was not translated is found."""
    assert left(["Lost reason", "Change Budget", "2 of 4", "Acme Corp", "Verlustgrund"]) == [
        "Lost reason", "Change Budget",
    ]  # fmt: skip
