"""What websites send with a form beside its answers: no lead is lost for it, and nothing of it either."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm import Contact, Lead
from headlessly.context import clock
from headlessly.log.events import Event
from marketing import Campaign, Form, questions, received
from tests.answered import answered, problem, unchanged

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("acme")]

FIELDS = [
    {"name": "email", "type": "email"},
    {"name": "name", "type": "text"},
    {"name": "seats", "type": "number"},
    {"name": "marketingConsent", "type": "checkbox"},
    {"name": "team_size", "type": "select", "options": ["1-50", "51-500"], "label": "Team size?"},
]
ADA = {"email": "ada@acme.example", "name": "Ada Chen"}


@pytest.fixture
def form() -> Form:
    return Form.create(name="Demo", slug="demo", fields=FIELDS).publish()


def send(form: Form, body: Any, kind: str = "application/json") -> Any:
    client = Client(raise_request_exception=False)
    content = json.dumps(body) if kind == "application/json" else body
    return client.post(f"/~acme/forms/{form.pk}/submit", content, kind)


def kept() -> dict[str, Any]:
    """What the log has of the last submission."""
    return Event.objects.filter(name="form_submitted").latest("seq").data


# -- how it is sent -------------------------------------------------------------------------------

URLENCODED = "application/x-www-form-urlencoded"
PARTS = b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain;charset=UTF-8", json.dumps({"email": "ada@acme.example", "name": "Jürgen"})),
        ("text/plain", "email=ada@acme.example&name=J%C3%BCrgen"),
        ("text/plain", "email=ada@acme.example\r\nname=Jürgen\r\n"),
        ("", "email=ada@acme.example&name=J%C3%BCrgen"),
        ("", json.dumps({"email": "ada@acme.example", "name": "Jürgen"})),
        (URLENCODED, json.dumps({"email": "ada@acme.example", "name": "Jürgen"})),
        (URLENCODED, "email=ada@acme.example&name=J%FCrgen"),
        (f"{URLENCODED}; charset=iso-8859-1", "email=ada@acme.example&name=J%FCrgen"),
        (
            "multipart/form-data; boundary=x",
            PARTS % (b"email", b"ada@acme.example") + PARTS % (b"name", b"J\xfcrgen") + b"--x--",
        ),
    ],
)
def test_it_takes_what_scripts_and_old_pages_send(form: Form, kind: str, body: Any) -> None:
    answered(send(form, body, kind))
    assert Contact.find({"email": "ada@acme.example"})[0].name == "Jürgen"


# -- what nobody asked for ------------------------------------------------------------------------


def test_it_keeps_what_a_website_adds_of_its_own(form: Form) -> None:
    added = {"gclid": "abc", "g-recaptcha-response": "03AG", "submit": "Send", "tags": ["a", "b"]}
    answered(send(form, ADA | added | {"empty": "", "nothing": None}))
    assert Lead.count() == 1
    assert kept()["answers"] == ADA
    assert kept()["extras"] == added | {"tags": '["a","b"]'}


def test_it_keeps_what_was_too_long(form: Form) -> None:
    page = "https://acme.example/?" + "q" * 2500
    long = {"utm_source": "s" * 300, "page": page, "name": "n" * 400}
    answered(send(form, {"email": "ada@acme.example"} | long))
    assert Lead.objects.get().source_detail == page[:255]
    assert (kept()["utm"], kept()["page"]) == ({"utm_source": "s" * 255}, page[:2000])
    assert kept()["answers"]["name"] == "n" * 255
    extras = kept()["extras"]
    assert (extras["utm_source"], extras["name"]) == ("s" * 300, "n" * 400)
    assert len(extras["page"]) == received.LONGEST_VALUE


@pytest.mark.parametrize("value", [5, True, {"a": 1}, ["x", "y"], "news\x00letter"])
def test_it_takes_any_utm_value(form: Form, value: Any) -> None:
    answered(send(form, ADA | {"utm_source": value, "page": value}))
    assert Lead.count() == 1
    assert kept()["utm"].get("utm_source") in ("5", None, "x", "newsletter")


def test_it_keeps_so_much_and_no_more(form: Form) -> None:
    answered(send(form, ADA | {f"x{n}": "y" * 3000 for n in range(70)} | {"k" * 500: "z"}))
    extras = kept()["extras"]
    assert sum(len(n) + len(v) for n, v in extras.items()) <= received.LONGEST_TOGETHER + 20
    assert max(map(len, extras.values())) <= received.LONGEST_VALUE
    assert int(extras[received.LEFT_OUT]) == 71 - (len(extras) - 1)
    answered(send(form, ADA | {"seats": 1} | {f"x{n}": "y" for n in range(70)}))
    assert len(kept()["extras"]) == received.MOST_EXTRAS + 1
    assert kept()["extras"][received.LEFT_OUT] == "20"


def test_it_keeps_what_the_database_could_not(form: Form) -> None:
    answered(send(form, ADA | {"a\x00b": "c\x00d", "\x00": "x"}))
    assert kept()["extras"] == {"ab": "cd"}


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "text/plain"])
def test_letters_that_are_none_cost_no_lead(form: Form, kind: str) -> None:
    body = '{"email": "ada@acme.example", "name": "Ad\\u0000a \\ud83d", "note": "caf\\udc00\\ud83d\\ude00"}'
    answered(send(form, body.encode(), kind))
    assert kept()["answers"]["name"] == "Ada \ufffd"
    assert kept()["extras"] == {"note": "caf\ufffd\U0001f600"}
    answered(send(form, b'{"email": "eve@acme.example", "name": "J\xfcrgen"}', kind))
    assert Contact.find({"email": "eve@acme.example"}).get().name == "Jürgen"


@pytest.mark.parametrize(
    ("said", "filled"),
    [
        ({"first_name": "ada"}, ("ada", None)), ({"last_name": "Chen"}, (None, "Chen")),
        ({"first_name": "Eve"}, (None, None)), ({"first_name": "Ad"}, (None, None)),
        ({"first_name": "Ada", "last_name": "Stone"}, (None, None)),
    ],
)  # fmt: skip
def test_a_part_of_a_known_name_fills_its_gap_and_another_name_does_not(
    said: dict[str, str], filled: Any, acme: Any
) -> None:
    names = [{"name": name, "type": "text"} for name in ("first_name", "last_name")]
    form = Form.create(
        name="Demo", fields=[{"name": "email", "type": "email", "required": True}, *names]
    ).publish()
    known = Contact.create(name="Ada Chen", email="ada@acme.example")
    answered(send(form, {"email": "ada@acme.example"} | said))
    known.refresh_from_db()
    assert (known.name, known.first_name, known.last_name) == ("Ada Chen", *filled)


@pytest.mark.parametrize(
    "body", [b'{"email": NaN}', b'{"email": ', b"[" * 100_000, b'{"a": 1e999}']
)
def test_a_body_that_is_broken_is_told(form: Form, body: bytes) -> None:
    assert send(form, body, "application/json; charset=utf-8").status_code == 400
    assert Lead.count() == 0


# -- bodies of browsers ---------------------------------------------------------------------------


def test_it_takes_the_first_of_several(form: Form) -> None:
    body = "email=ada@acme.example&utm_source=a&utm_source=b&name=&name=Ada&name=Eve"
    answered(send(form, body, "application/x-www-form-urlencoded"))
    assert (kept()["utm"], kept()["answers"]["name"]) == ({"utm_source": "a"}, "Ada")
    assert kept()["extras"] == {"utm_source": '["a","b"]', "name": '["","Ada","Eve"]'}


def test_it_takes_a_box_with_a_hidden_one_before_it(form: Form) -> None:
    body = "email=ada@acme.example&marketingConsent=0&marketingConsent=1"
    answered(send(form, body, "application/x-www-form-urlencoded"))
    assert Contact.objects.get().marketing_consent is True


def test_it_takes_a_form_in_parts_with_a_file(form: Form) -> None:
    parts = [
        ('name="email"', "ada@acme.example"),
        ('name="name"', "Ada Größe"),
        ('name="gclid"', "abc"),
        ('name="cv"; filename="cv.pdf"', "%PDF-1.7"),
    ]
    body = "".join(
        f"--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n" for head, text in parts
    )
    answered(send(form, (body + "--x--\r\n").encode(), "multipart/form-data; boundary=x"))
    assert Contact.objects.get().name == "Ada Größe"
    assert kept()["extras"] == {"gclid": "abc", "cv": "cv.pdf"}
    page = Client().post("/~acme/f/demo", ADA | {"seats": "7", "gclid": "xyz"})  # in parts too
    assert page.status_code == 303 and kept()["extras"] == {"gclid": "xyz"}


def test_it_takes_text_for_numbers_and_boxes_in_json(form: Form) -> None:
    """As a script makes it of a form, whose values are all text."""
    answered(send(form, ADA | {"seats": "5", "marketingConsent": "on", "team_size": ""}))
    assert kept()["answers"] == ADA | {"seats": 5, "marketingConsent": True}


def test_it_knows_its_fields_whatever_their_case(form: Form) -> None:
    answered(send(form, {"Email": "ada@acme.example", "NAME": "Ada", "UTM_Source": "News"}))
    assert (kept()["answers"], kept()["utm"]) == (
        {"email": "ada@acme.example", "name": "Ada"}, {"utm_source": "News"}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"email": "nobody"}, "email"), ({"email": ""}, "email"), ({"seats": "five"}, "seats"),
     ({"team_size": "lots"}, "team_size"), ({"marketingConsent": "maybe"}, "marketingConsent"),
     ({"name": ["Ada"]}, "name")],
)  # fmt: skip
def test_it_refuses_wrong_answers_and_nothing_else(form: Form, wrong: Any, field: str) -> None:
    with unchanged():
        found = problem(send(form, ADA | wrong | {"gclid": "x"}), 422, "validation_error")
        assert [each["field"] for each in found["details"]] == [field]


def test_it_drops_what_a_bot_sends_by_rest_too(form: Form) -> None:
    with unchanged():
        answered(send(form, ADA | {questions.HONEYPOT: "555 0100"}))


# -- sent twice -----------------------------------------------------------------------------------


def test_it_makes_one_lead_of_what_is_sent_twice(form: Form) -> None:
    first = send(form, ADA | {"g-recaptcha-response": "one"})
    with unchanged():
        again = send(form, ADA | {"g-recaptcha-response": "two", "utm_source": "x"})
        spelled = send(form, {"email": " ADA@Acme.example", "name": "ada\u00a0chen "})
    assert answered(first) == answered(again) == answered(spelled)
    other = Form.create(name="Other", fields=FIELDS).publish()
    answered(send(other, ADA))
    answered(send(form, ADA | {"seats": 5}))
    assert (Lead.count(), Contact.count(), Form.get(form.pk).submission_count) == (3, 1, 2)


def test_it_makes_another_lead_ten_minutes_later(form: Form) -> None:
    start = timezone.now() - timedelta(hours=1)
    for minutes, leads in ((0, 1), (9, 1), (11, 2), (20, 2), (30, 3)):
        with clock.set_clock(start + timedelta(minutes=minutes), purpose="replay"):
            form.submit(**ADA)
        assert Lead.count() == leads, minutes
    assert received.SentAnswers.objects.count() == 1


def test_it_takes_what_was_refused_when_it_is_right(form: Form) -> None:
    problem(send(form, {"email": "nobody"}), 422, "validation_error")
    problem(send(form, {"email": "nobody"}), 422, "validation_error")
    assert received.SentAnswers.objects.count() == 0


# -- what becomes of it ---------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["SPRING", "spring", " Spring "])
def test_it_finds_the_campaign_whatever_the_case(form: Form, given: str) -> None:
    campaign = Campaign.create(name="S", utm_campaign="Spring", utm_source="News")
    Campaign.create(name="Other", utm_campaign="spring")
    form.submit(**ADA, utm_campaign=given, utm_source="NEWS")
    assert Lead.objects.get().campaign_id == campaign.pk


def test_it_takes_the_consent_of_a_known_contact_and_never_revokes_it(form: Form) -> None:
    ada = Contact.create(**ADA)
    form.submit(**ADA, marketingConsent=False)
    assert Contact.get(ada.pk).marketing_consent is False
    form.submit(**ADA, marketingConsent=True)
    assert Contact.get(ada.pk).marketing_consent is True
    form.submit(**ADA, seats=5, marketingConsent=False)
    form.submit(**ADA, seats=6)
    assert Contact.get(ada.pk).marketing_consent is True


def test_it_shows_the_answers_on_the_page_of_the_lead(form: Form, acme: Any) -> None:
    from headlessly.access.models import Membership, User
    from tests.headlessly.admin.signed_in import client_of

    ann = User.objects.create_user("ann@sign.example")
    Membership.objects.create(user=ann, tenant=acme, role="admin")
    browser = client_of(ann)
    form.submit(**ADA, team_size="51-500", gclid="abc123", page="/pricing")
    lead = Lead.objects.get()
    page = browser.get(f"/~acme/admin/crm/lead/{lead.pk}/change/").content.decode()
    panel = page.partition('aria-label="Answers"')[2].partition("</section>")[0]
    assert "Team size?" in panel and "51-500" in panel and form.pk in panel
    told = page.partition('class="timeline"')[2]
    for said in ("51-500", "abc123", "/pricing"):
        assert said in told
    other = Lead.create(name="By hand", source="form")
    page = browser.get(f"/~acme/admin/crm/lead/{other.pk}/change/").content.decode()
    assert 'aria-label="Answers"' not in page


def test_an_answer_to_a_question_called_like_a_field_of_ones_own_is_its_value() -> None:
    from headlessly.shaping import custom_fields

    options = [{"value": "north", "label": "North"}, {"value": "south", "label": "South"}]
    region: dict[str, Any] = {"noun": "Lead", "label": "Sales region", "type": "choice"}
    custom_fields.create_field(region | {"options": options})
    custom_fields.create_field({"noun": "Contact", "label": "Shoe size", "type": "integer"})
    asked = [
        {"name": "email", "type": "email"},
        {"name": "salesregion", "type": "select", "options": ["north", "South", "elsewhere"]},
        {"name": "shoeSize", "type": "number"},
    ]
    form = Form.create(name="Demo", fields=asked).publish()
    answered(send(form, {"email": "ada@acme.example", "salesregion": "north", "shoeSize": 39}))
    lead = Lead.objects.get()
    assert list(Lead.find({"salesRegion": "north"})) == [lead]
    assert list(Contact.find({"shoeSize": 39})) == [lead.contact]
    answered(send(form, {"email": "max@acme.example", "salesregion": "South"}))
    assert Lead.find({"salesRegion": "south"}).count() == 1, "by what visitors read"
    answered(send(form, {"email": "eve@acme.example", "salesregion": "elsewhere"}))
    assert kept()["answers"]["salesregion"] == "elsewhere"
    assert Lead.find({"salesRegion": None}).count() == 1
