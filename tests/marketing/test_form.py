"""The form: what it may ask, and what becomes of those who answer."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Contact, Lead
from headlessly.access import actors
from headlessly.errors import Conflict, Forbidden, Invalid, VerbRefused
from headlessly.log.events import Event
from marketing import Campaign, Form
from tests.answered import answered
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")

EMAIL = {"name": "email", "type": "email"}
FIELDS = [
    EMAIL,
    {"name": "name", "type": "text", "label": "Your name", "required": True},
    {"name": "phone", "type": "phone"},
    {"name": "size", "type": "select", "options": ["1-50", "51-500"]},
    {"name": "seats", "type": "number"},
    {"name": "message", "type": "textarea"},
    {"name": "newsletter", "type": "checkbox"},
    {"name": "start", "type": "date"},
    {"name": "site", "type": "url"},
]
ADA = {"email": "ada@acme.example", "name": "Ada Chen"}


@pytest.fixture
def demo() -> Form:
    """A published form that asks for everything."""
    return Form.create(name="Request a demo", slug="demo", fields=FIELDS).publish()


def only_lead() -> Lead:
    return Lead.objects.get()


# -- what it asks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Send a list of fields"),
        ([EMAIL, "name"], "Field 2: send an object"),
        ([EMAIL, {"type": "text"}], "Field 2: name is"),
        ([EMAIL, {"name": "1st", "type": "text"}], "Field 2 (1st): name is"),
        ([EMAIL, {"name": "a b", "type": "text"}], "Field 2 (a b): name is"),
        ([EMAIL, {"name": "x" * 65, "type": "text"}], "name is 1 to 64"),
        ([EMAIL, {"name": "EMAIL", "type": "text"}], "Field 2 (EMAIL): there is another field"),
        ([{"name": "utm_source", "type": "text"}], "Field 1 (utm_source): this name has a meaning"),
        ([{"name": "page", "type": "text"}], "a meaning of its own"),
        ([{"name": "a", "type": "file"}], "Field 1 (a): type is one of text, email, number"),
        ([{"name": "a"}], "Field 1 (a): type is one of"),
        ([{"name": "a", "type": []}], "Field 1 (a): type is one of"),
        ([{"name": "a", "type": "select"}], "Field 1 (a): a select needs options"),
        ([{"name": "a", "type": "select", "options": []}], "a select needs options"),
        ([{"name": "a", "type": "select", "options": ["x", 1]}], "option 2 is a text"),
        ([{"name": "a", "type": "select", "options": ["x", " x "]}], "two options are the same"),
        ([{"name": "a", "type": "select", "options": ["x"] * 101}], "a list of 1 to 100"),
        ([{"name": "a", "type": "text", "options": ["x"]}], "only a select has options"),
        ([{"name": "a", "type": "text", "label": " "}], "label is a text of 1 to 255"),
        ([{"name": "a", "type": "text", "label": "x" * 256}], "label is a text of 1 to 255"),
        ([{"name": "a", "type": "text", "required": "yes"}], "required is true or false"),
        ([{"name": "a", "type": "text", "colour": 1}], "there is no 'colour' here"),
        ([{"name": f"a{n}", "type": "text"} for n in range(51)], "50 fields at the most"),
    ],
)
def test_it_says_which_field_is_wrong_and_why(fields: Any, says: str) -> None:
    with refused(Invalid, says) as caught:
        Form.create(name="F", fields=fields)
    assert list(details(caught)) == ["fields"]


def test_it_names_every_mistake_at_once() -> None:
    with refused(Invalid, "Field 1 (a): type", "Field 2: name", "Field 2: type"):
        Form.create(name="F", fields=[{"name": "a"}, {}])


@pytest.mark.parametrize("fields", [None, [], [{"name": "email", "type": "text"}]])
def test_it_is_published_only_with_a_field_of_type_email(fields: Any) -> None:
    form = Form.create(name="F", fields=fields)
    with refused(VerbRefused, "of type email") as caught:
        form.publish()
    assert (form.status, caught.value.field) == ("Draft", "fields")
    form.update(fields=[EMAIL])
    assert form.publish().status == "Published"


def test_it_keeps_its_email_field_while_it_is_published(demo: Form) -> None:
    for fields in (None, [], FIELDS[1:]):
        with refused(Invalid, "A published form needs an email field"):
            demo.update(fields=fields)
    demo.update(fields=[EMAIL])
    demo.archive().update(fields=[])


def test_it_is_sent_while_it_is_published_and_only_then(demo: Form) -> None:
    draft = Form.create(name="Draft", fields=FIELDS)
    with refused(Conflict, "A Form that is Draft cannot submit"):
        draft.submit(**ADA)
    assert demo.submit(**ADA).status == "Published"
    demo.archive()
    with refused(Conflict) as caught:
        demo.submit(**ADA)
    assert caught.value.body()["allowed"] == ["Published"]
    demo.publish().submit(**ADA, seats=2)
    assert (demo.status, demo.submission_count) == ("Published", 2)


@pytest.mark.parametrize("redirect", ["javascript:alert(1)", "ftp://x.example", "/thanks", "//x"])
def test_it_sends_visitors_to_web_pages_only(redirect: str) -> None:
    with refused(Invalid, "http or https"):
        Form.create(name="F", redirect_url=redirect)


# -- what is answered -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("email", ["a@b.example"], ["nobody", None, "", 5]),
        ("name", ["Ada"], ["", "   ", None, ["x"]]),
        ("phone", ["+49 (30) 1234-567", "555 0100 ext. 12", ""], ["call me", "12", "1" * 60]),
        ("size", ["1-50", "", None], ["lots", 5]),
        ("seats", [5, 2.5, 0], ["five", True]),
        ("message", ["Hello\nthere", "", "x" * 10_001], [["x"]]),
        ("newsletter", [True, False], ["maybe"]),
        ("start", ["2026-01-31"], ["tomorrow", "31.01.2026"]),
        ("site", ["https://acme.example/a"], ["acme", "javascript:alert(1)"]),
    ],
)
def test_it_checks_an_answer_by_the_type_of_its_field(
    demo: Form, name: str, good: list[Any], bad: list[Any]
) -> None:
    for value in good:
        demo.submit(**ADA | {name: value})
    for value in bad:
        with refused(Invalid) as caught:
            demo.submit(**ADA | {name: value})
        assert list(details(caught)) == [name], value


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("www.acme.example/fair?a=1", "https://www.acme.example/fair?a=1"),
        ("acme.example:8443", "https://acme.example:8443"),
        ("http://acme.example", "http://acme.example"),
    ],
)
def test_it_takes_an_address_as_people_write_it(demo: Form, sent: str, kept: str) -> None:
    demo.submit(**ADA, site=sent)
    (told,) = Event.objects.filter(name="form_submitted")
    assert told.data["answers"]["site"] == kept


def test_it_names_everything_that_is_wrong_with_the_answers(demo: Form) -> None:
    with refused(Invalid) as caught:
        demo.submit(size="lots", email="nobody", colour="red", submission_count=7)
    assert details(caught) == {
        "size": "Use one of 1-50, 51-500.",
        "email": "This is not an email address.",
        "name": "This is required.",
    }


def test_it_needs_a_required_box_to_be_ticked() -> None:
    terms = {"name": "terms", "type": "checkbox", "required": True}
    form = Form.create(name="F", fields=[EMAIL, terms]).publish()
    for answer in ({}, {"terms": False}, {"terms": None}):
        with refused(Invalid, "required") as caught:
            form.submit(email="a@b.example", **answer)
        assert list(details(caught)) == ["terms"]
    form.submit(email="a@b.example", terms=True)


def test_it_always_asks_who_it_is() -> None:
    """Also where nobody said that the email is required: without it there is no contact."""
    form = Form.create(name="F", fields=[{**EMAIL, "required": False}]).publish()
    with refused(Invalid) as caught:
        form.submit()
    assert list(details(caught)) == ["email"]


@pytest.mark.parametrize(
    "name", ["self", "record", "instance", "fields", "name", "status", "id", "verb", "target"]
)
def test_it_may_call_a_field_what_it_likes(name: str) -> None:
    form = Form.create(name="F", fields=[EMAIL, {"name": name, "type": "text"}]).publish()
    verb = Form.verbs["submit"]
    from headlessly.execution import executor

    executor.run(verb, form.pk, {"email": "a@b.example", name: "word"}, wire=True)
    assert Form.get(form.pk).submission_count == 1
    assert Form.get(form.pk).name == "F"


# -- what becomes of it ---------------------------------------------------------------------------


def test_it_makes_a_contact_and_a_lead(demo: Form) -> None:
    demo.submit(**ADA, phone="+49 30 123456", message="Hello\nthere", page="https://a.example/p")
    lead, ada = only_lead(), Contact.objects.get()
    assert (ada.name, ada.email, ada.phone) == ("Ada Chen", "ada@acme.example", "+49 30 123456")
    assert (ada.source, ada.stage) == ("form", "Lead")
    assert (lead.name, lead.contact_id) == ("Request a demo: Ada Chen", ada.pk)
    assert (lead.source, lead.source_detail) == ("form", "https://a.example/p")
    assert (lead.status, lead.need, lead.campaign_id) == ("New", "Hello\nthere", None)
    assert demo.submission_count == 1


def test_it_leaves_all_of_it_in_the_log_with_its_cause(demo: Form) -> None:
    before = Event.objects.latest("seq").seq
    with actors.acting(actors.PUBLIC):
        demo.submit(**ADA, seats=12, start="2026-01-31", utm_source="news", page="/pricing")
    found = list(Event.objects.filter(seq__gt=before).order_by("seq"))
    assert [e.name for e in found] == [
        "Form.Submitted", "Contact.Created", "Lead.Created", "Touchpoint.Created", "form_submitted"
    ]  # fmt: skip
    assert {e.actor for e in found} == {"public"}
    assert [e.cause for e in found] == [None] + [found[0].id] * 4
    assert len({e.request_id for e in found}) == 1
    assert found[0].previous == {"submissionCount": 0}
    assert found[-1].data == {
        "form": demo.pk,
        "lead": only_lead().pk,
        "contact": Contact.objects.get().pk,
        "page": "/pricing",
        "utm": {"utm_source": "news"},
        "answers": ADA | {"seats": 12, "start": "2026-01-31"},
    }


def test_it_changes_nothing_of_a_known_contact_but_what_is_empty(demo: Form, people: Any) -> None:
    people.ada.update(stage="Qualified", owner=people.bob)
    was = Contact.get(people.ada.pk)
    demo.submit(email="ADA@Acme.Example", name="Somebody Else", phone="555 0100")
    now = Contact.get(people.ada.pk)
    assert (now.name, now.email, now.stage) == (was.name, was.email, "Qualified")
    assert (now.phone, now.version) == ("555 0100", was.version + 1)
    lead = only_lead()
    assert (lead.contact_id, lead.owner_id, lead.organization_id) == (
        now.pk, people.bob.pk, people.corp.pk
    )  # fmt: skip
    demo.submit(email="ada@acme.example", name="Again", phone="555 9999")
    assert Contact.get(people.ada.pk).version == now.version, "nothing was empty"
    assert (Lead.count(), Contact.count({"email": "ada@acme.example"})) == (2, 1)


def test_it_finds_out_what_to_call_somebody() -> None:
    fields = [EMAIL, {"name": "First-Name", "type": "text"}, {"name": "last_name", "type": "text"}]
    form = Form.create(name="F", fields=fields).publish()
    verb = Form.verbs["submit"]
    from headlessly.execution import executor

    for data, name in (
        ({"First-Name": "Grace", "last_name": "Hopper"}, "Grace Hopper"),
        ({"last_name": "Hopper"}, "Hopper"),
        ({}, "grace"),
    ):
        mail = f"{name.partition(' ')[0].lower()}@{len(data)}.example"
        executor.run(verb, form.pk, {"email": mail, **data}, wire=True)
        assert Contact.find({"email": mail}).get().name == name


def test_it_keeps_in_the_log_what_does_not_fit_a_lead() -> None:
    fields = [EMAIL, {"name": "budget", "type": "number"}, {"name": "phone", "type": "textarea"}]
    form = Form.create(name="F", fields=fields).publish()
    form.submit(email="a@b.example", budget=-5, phone="x" * 300)
    assert only_lead().budget is None and Contact.objects.get().phone is None
    kept = Event.objects.get(name="form_submitted").data["answers"]
    assert (kept["budget"], kept["phone"]) == (-5, "x" * 300)
    form.submit(email="a@b.example", budget=5000)
    assert Lead.objects.get(budget=5000)


def test_it_does_everything_or_nothing(demo: Form) -> None:
    def fail(lead: Lead, ctx: Any) -> None:
        raise VerbRefused("No more leads today")

    with Lead.created.attached(fail), refused(VerbRefused, "No more leads"):
        demo.submit(**ADA)
    assert demo.submission_count == 0


def test_it_attributes_to_its_own_campaign_first(people: Any) -> None:
    other = Campaign.create(name="Other", utm_campaign="other")
    form = Form.create(name="F", fields=[EMAIL], campaign=people.spring).publish()
    form.submit(email="a@b.example", utm_campaign="other")
    assert only_lead().campaign_id == people.spring.pk != other.pk


@pytest.mark.parametrize(
    ("utm", "which"),
    [
        ({"utm_campaign": "spring"}, "full"),
        ({"utm_campaign": "spring", "utm_source": "bing"}, "plain"),
        ({"utm_campaign": "spring", "utm_source": "google", "utm_medium": "cpc"}, "full"),
        ({"utm_source": "news"}, "source"),
        ({"utm_source": "news", "utm_medium": "email"}, "source"),
        ({"utm_source": "google"}, None),
        ({"utm_campaign": "summer"}, None),
        ({"utm_campaign": "summer", "utm_source": "news"}, None),
        ({"utm_term": "spring"}, None),
        ({}, None),
    ],
)
def test_it_attributes_to_the_campaign_that_the_utm_values_mean(
    utm: Any, which: str | None, rival: Any
) -> None:
    from headlessly.access import tenancy

    made = {
        "plain": Campaign.create(name="P", utm_campaign="spring"),
        "source": Campaign.create(name="S", utm_source="news"),
        "none": Campaign.create(name="N"),
        "full": Campaign.create(
            name="F", utm_campaign="spring", utm_source="google", utm_medium="cpc"
        ),
    }
    with tenancy.active(rival):
        Campaign.create(name="Theirs", utm_campaign="summer", utm_source="google")
    form = Form.create(name="F", fields=[EMAIL]).publish()
    form.submit(email="a@b.example", **utm)
    assert only_lead().campaign_id == (which and made[which].pk)


def test_it_takes_a_running_campaign_before_one_that_is_over() -> None:
    ready = {"landing_page_url": "https://a.example", "budget": 1, "utm_campaign": "spring"}
    running = Campaign.create(name="Runs", **ready).launch()
    Campaign.create(name="Newer", **ready)
    form = Form.create(name="F", fields=[EMAIL]).publish()
    form.submit(email="a@b.example", utm_campaign="spring")
    assert only_lead().campaign_id == running.pk


# -- who ------------------------------------------------------------------------------------------


def test_it_lets_a_stranger_send_it_and_do_nothing_else(demo: Form, people: Any) -> None:
    with actors.acting(actors.PUBLIC):
        demo.submit(**ADA)
        for refusal in (
            lambda: demo.update(name="x"),
            demo.archive,
            demo.delete,
            lambda: Form.create(name="x"),
            lambda: Lead.create(name="x", source="y"),
            lambda: Contact.capture(name="x", email="x@y.example"),
        ):
            with refused(Forbidden, "stranger"):
                refusal()
    assert not actors.may(actors.PUBLIC, "read", Form)
    assert [v.name for v in Form.verbs.values() if actors.may(actors.PUBLIC, v.name, Form)] == [
        "submit"
    ]


def test_it_offers_what_the_options_of_a_field_are_called_now(api: Any) -> None:
    options = [{"value": v, "label": label} for v, label in (("n", "North"), ("s", "South"))]
    region = {"noun": "Lead", "name": "region", "type": "choice", "options": options}
    place = f"/fields/{answered(api.call('POST', '/fields', region), 201)['$id']}"
    asked = {"name": "region", "type": "select", "options": ["North", "South", "Elsewhere"]}
    other = {"name": "size", "type": "select", "options": ["North"]}
    form = Form.create(name="A", fields=[{"name": "email", "type": "email"}, asked, other])
    now = [{"value": "n", "label": "Up there"}, options[1] | {"retired": True}]
    answered(api.call("PATCH", place, {"options": now}))
    assert Form.get(form.pk).fields[1:] == [asked | {"options": ["Up there", "Elsewhere"]}, other]
