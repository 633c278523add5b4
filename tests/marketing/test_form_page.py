"""The page of a published form, as a visitor's browser sees it without any script."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from crm import Lead
from headlessly.access import tenancy
from headlessly.api import strangers
from marketing import Form, questions
from tests.answered import unchanged
from tests.headlessly.admin.conftest import ann, users  # noqa: F401  (fixtures)

FIELDS = [
    {"name": "name", "type": "text", "label": "Your <b>name</b>", "required": True},
    {"name": "email", "type": "email", "label": "Work email"},
    {"name": "phone", "type": "phone"},
    {"name": "size", "type": "select", "label": "Company size", "options": ["1-50", "51-500"]},
    {"name": "seats", "type": "number"},
    {"name": "start", "type": "date"},
    {"name": "site", "type": "url"},
    {"name": "message", "type": "textarea"},
    {"name": "terms", "type": "checkbox", "label": "I agree", "required": True},
]
ADA = {"name": "Ada Chen", "email": "ada@acme.example", "terms": "true"}


class Page(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.text = response.content.decode()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))

    def all(self, *tags: str, **attrs: Any) -> list[dict[str, Any]]:
        return [a for t, a in self.elements if t in tags and attrs.items() <= a.items()]

    def input(self, name: str) -> dict[str, Any]:
        (found,) = self.all("input", "select", "textarea", name=name)
        return found


@pytest.fixture
def form(acme: Any) -> Form:
    return Form.create(
        name="Request a demo", slug="demo", description="Half an hour.\n\nOnline.", fields=FIELDS
    ).publish()


@pytest.fixture
def visitor(db: None) -> Client:
    return Client(enforce_csrf_checks=True)


def test_it_shows_every_question_with_its_label(visitor: Client, form: Form) -> None:
    for key in ("demo", form.pk):
        response = visitor.get(f"/~acme/f/{key}")
        assert response.status_code == 200
        page = Page(response)
        labelled = {label["for"] for label in page.all("label") if "for" in label}
        for field in FIELDS:
            given = page.input(field["name"])
            assert given["id"] in labelled
            assert ("required" in given) == (field["name"] in ("name", "email", "terms"))
        assert [page.input(f)["type"] for f in ("email", "phone", "start", "site")] == [
            "email", "tel", "date", "text"
        ]  # fmt: skip
        assert page.input("name")["autocomplete"] == "name"
        assert page.input("site")["inputmode"] == "url", "and no browser refuses www.acme.example"
        assert page.all("html", lang="en") and page.all("meta", name="viewport")
        assert "&lt;b&gt;" in page.text and "<b>" not in page.text
        assert page.all("form", method="post", action="/~acme/f/demo")


def test_it_allows_itself_nothing_but_its_style(visitor: Client, form: Form) -> None:
    response = visitor.get("/~acme/f/demo")
    policy = response["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert policy.endswith("form-action 'self'") and "unsafe" not in policy
    page = Page(response)
    assert not page.all("script", "iframe", "img", "style")
    assert not [a for _, a in page.elements if "style" in a or any(k.startswith("on") for k in a)]
    assert not response.cookies
    form.update(redirect_url="https://acme.example/thanks")
    assert visitor.get("/~acme/f/demo")["Content-Security-Policy"].endswith("'self' https:")


def test_it_makes_a_lead_and_says_thanks(visitor: Client, form: Form) -> None:
    sent = visitor.post("/~acme/f/demo", ADA, headers={"Referer": "http://testserver/~acme/f/demo"})
    assert (sent.status_code, sent["Location"]) == (303, "/~acme/f/demo?sent=1")
    lead = Lead.objects.get()
    assert (lead.name, lead.created_by) == ("Request a demo: Ada Chen", "public")
    assert lead.source_detail == "http://testserver/~acme/f/demo"
    thanks = Page(visitor.get(sent["Location"]))
    assert "Thank you" in thanks.text and not thanks.all("form")
    assert Form.get(form.pk).submission_count == 1


def test_it_leads_where_the_tenant_says(visitor: Client, form: Form) -> None:
    """And nowhere else: nothing of the request decides that."""
    form.update(redirect_url="https://acme.example/thanks")
    sent = visitor.post("/~acme/f/demo?next=https://evil.example&redirect_url=//evil.example", ADA)
    assert (sent.status_code, sent["Location"]) == (303, "https://acme.example/thanks")


def test_it_says_beside_each_field_what_is_wrong_and_keeps_what_was_typed(
    visitor: Client, form: Form
) -> None:
    with unchanged():
        typed = {"email": "no<body>", "message": "</textarea>Hi", "size": "51-500", "utm_term": "a"}
        response = visitor.post("/~acme/f/demo", typed)
    assert response.status_code == 422
    page = Page(response)
    for name in ("name", "email", "terms"):
        given = page.input(name)
        assert given["aria-invalid"] == "true"
        assert page.all("p", id=given["aria-describedby"])
        assert page.all("a", href=f"#{given['id']}")
    assert page.input("email")["value"] == "no<body>"
    assert "aria-invalid" not in page.input("phone")
    assert "&lt;/textarea&gt;Hi" in page.text and "<body>no" not in page.text
    assert len(page.all("option", selected=None)) == 1
    assert page.input("utm_term") == {"type": "hidden", "name": "utm_term", "value": "a"}
    assert page.all("div", role="alert") and "<title>Error:" in page.text


def test_it_carries_along_where_the_visitor_came_from(visitor: Client, form: Form) -> None:
    query = "utm_source=news&utm_campaign=spring&page=/pricing&email=x@y.example&utm_x=1"
    page = Page(visitor.get(f"/~acme/f/demo?{query}"))
    hidden = {each["name"]: each["value"] for each in page.all("input", type="hidden")}
    assert hidden == {"utm_source": "news", "utm_campaign": "spring", "page": "/pricing"}
    assert page.input("email")["value"] == ""
    visitor.post("/~acme/f/demo", ADA | hidden)
    assert Lead.objects.get().source_detail == "/pricing"
    long = Page(visitor.get(f"/~acme/f/demo?utm_source={'x' * 300}&utm_term=%00"))
    assert [len(each["value"]) for each in long.all("input", type="hidden")] == [255]


def test_it_catches_programs_that_fill_in_everything(visitor: Client, form: Form) -> None:
    trap = Page(visitor.get("/~acme/f/demo")).input(questions.HONEYPOT)
    assert (trap["tabindex"], trap["autocomplete"]) == ("-1", "off")
    with unchanged():
        sent = visitor.post("/~acme/f/demo", ADA | {questions.HONEYPOT: "555 0100"})
        assert (sent.status_code, sent["Location"]) == (303, "/~acme/f/demo?sent=1")
    visitor.post("/~acme/f/demo", ADA | {questions.HONEYPOT: ""})
    assert Lead.count() == 1


def test_it_is_not_there_unless_it_is_published(visitor: Client, form: Form, rival: Any) -> None:
    draft = Form.create(name="Draft", slug="draft", fields=FIELDS)
    with tenancy.active(rival):
        theirs = Form.create(name="Theirs", slug="theirs", fields=FIELDS).publish()
    bodies = set()
    for path in ("acme/f/draft", f"acme/f/{draft.pk}", "acme/f/nothing", "acme/f/%00",
                 "acme/f/theirs", f"acme/f/{theirs.pk}", "rival/f/demo", f"rival/f/{form.pk}",
                 "nobody/f/demo"):  # fmt: skip
        with unchanged():
            for response in (visitor.get(f"/~{path}"), visitor.post(f"/~{path}", ADA)):
                assert response.status_code == 404, path
                bodies.add(response.content)
    assert len(bodies) == 1
    form.archive()
    assert visitor.get("/~acme/f/demo").status_code == 404
    assert visitor.get("/~rival/f/theirs").status_code == 200
    assert visitor.put("/~rival/f/theirs").status_code == 405


def test_it_bounds_what_a_visitor_sends(
    visitor: Client, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unchanged():
        large = visitor.post("/~acme/f/demo", ADA | {"message": "x" * strangers.MAX_BODY_SIZE})
        assert large.status_code == 413 and "256 KB" in large.content.decode()
        monkeypatch.setattr(strangers, "PER_MINUTE", 1)
        late = visitor.post("/~acme/f/demo", ADA)
        assert late.status_code == 429 and int(late["Retry-After"]) > 0
        assert Page(late).input("name")["value"] == ""
    assert visitor.get("/~acme/f/demo").status_code == 200


def test_it_acts_for_nobody_also_when_somebody_is_signed_in(visitor: Client, form: Form) -> None:
    from headlessly.access.models import Membership, Tenant, User

    boss = User.objects.create_user("boss@acme.example", "pass-word-1")
    Membership.objects.create(user=boss, tenant=Tenant.find_by_slug("acme"), role="admin")
    visitor.force_login(boss)
    assert visitor.post("/~acme/f/demo", ADA).status_code == 303
    assert Lead.objects.get().created_by == "public"


# -- where its owner finds it ---------------------------------------------------------------------


def test_it_tells_the_marketer_its_address_and_what_to_copy(form: Form, visitor: Client) -> None:
    from headlessly.access.models import Membership, Tenant, User

    boss = User.objects.create_user("boss@acme.example", "pass-word-1")
    Membership.objects.create(user=boss, tenant=Tenant.find_by_slug("acme"), role="manager")
    desk = Client()
    desk.force_login(boss)
    record = f"/~acme/admin/marketing/form/{form.pk}/change/"
    page = Page(desk.get(record))
    assert page.all("a", href="http://testserver/~acme/f/demo")
    assert f"http://testserver/~acme/forms/{form.pk}/submit" in page.text
    from marketing.admin import embed_html

    snippet = embed_html(form, "http://testserver/~acme/f/demo")
    assert snippet.startswith('<form method="post" action="http://testserver/~acme/f/demo">')
    for field in FIELDS:
        assert f'name="{field["name"]}"' in snippet
    assert "Your &lt;b&gt;name&lt;/b&gt;" in snippet and questions.HONEYPOT in snippet
    draft = Form.create(name="Draft")
    text = desk.get(f"/~acme/admin/marketing/form/{draft.pk}/change/").content.decode()
    assert "as soon as it is published" in text and "/f/form_" not in text


def test_a_marketer_writes_questions_and_an_address_in_words(ann: Client, acme: Any) -> None:  # noqa: F811
    rows = [
        {"name": "email", "type": "email"},
        {"name": "How many seats?", "type": "number"},
        {"name": "how many seats", "type": "text", "label": "Again"},
        {"name": "Größe", "type": "text"},
        {"type": "text", "label": "2nd choice"},
    ]
    sent = {"name": "Fair", "slug": "Münchner Messe 2027!", "fields": json.dumps(rows)}
    answer = ann.post("/~acme/admin/marketing/form/add/", sent)
    assert answer.status_code == 302, answer.content.decode()
    made = Form.find().get()
    assert made.slug == "muenchner-messe-2027"
    assert [(each["name"], each.get("label")) for each in made.fields] == [
        ("email", None),
        ("how_many_seats", "How many seats?"),
        ("how_many_seats_2", "Again"),
        ("groesse", "Größe"),
        ("nd_choice", "2nd choice"),
    ]
    other = {"name": "Other", "fields": '[{"name": "?", "type": "text"}]'}
    refused = ann.post("/~acme/admin/marketing/form/add/", other)
    assert refused.status_code == 422
