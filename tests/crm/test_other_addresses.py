"""Several addresses and numbers of one person: the first ones, and the others beside them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from crm import Contact, Lead
from headlessly.access import tenancy
from headlessly.context import clock
from headlessly.context.tenant_scope import every_tenant
from headlessly.errors import Conflict, Invalid
from headlessly.execution.upsert import name_record
from headlessly.log import unique_values
from headlessly.log.unique_values import UniqueValue
from headlessly.query.duplicates import find_duplicates
from tests.answered import answered, problem
from tests.headlessly.test_races import at_once, kinds
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")
HOME, WORK, OLD = "ada@home.example", "ada@acme.example", "ada@old.example"


def kept() -> dict[str, str]:
    """Who has which address, as the database keeps it."""
    found = UniqueValue.objects.filter(tenant=tenancy.require().pk, key="contact.email")
    return dict(found.values_list("value", "record"))


def ada(**fields: Any) -> Contact:
    return Contact.create(**{"name": "Ada Chen", "email": WORK, "other_emails": [HOME]} | fields)


# -- what they are ----------------------------------------------------------------------------------


def test_it_has_others_in_the_spelling_of_the_first() -> None:
    found = ada(
        phone="+49 30 1234567",
        other_emails=["Mailto:ADA@home.example", HOME, OLD],
        other_phones=["tel:+49 171 5555555"],
    )
    assert found.other_emails == [HOME, OLD]
    assert found.other_phones == ["+49 171 5555555"]
    assert kept() == dict.fromkeys((WORK, HOME, OLD), found.pk)


@pytest.mark.parametrize(
    ("field", "wrong", "says"),
    [
        ("otherEmails", ["ada@"], "ada@: "),
        ("otherEmails", [""], "empty"),
        ("otherEmails", HOME, "list"),
        ("otherEmails", [1], "list"),
        ("otherEmails", [f"a{n}@x.example" for n in range(21)], "At most 20"),
        ("otherPhones", ["030 1234567 or 040 7654321"], "2 numbers"),
    ],
)
def test_it_refuses_what_is_no_address(field: str, wrong: Any, says: str, api: Any) -> None:
    answer = api.call("POST", "/contacts", {"name": "Ada", field: wrong})
    assert answer.status_code == 422, answer.content
    (problem,) = answer.json()["details"]
    assert problem["field"] == field and says in problem["message"]
    assert not Contact.find()


def test_some_are_added_and_taken_away(api: Any) -> None:
    found = ada()
    path = f"/contacts/{found.pk}"
    long = f"{'a' * 60}@a-long-name.example"
    changed = answered(api.call("PATCH", path, {"otherEmails": {"add": [OLD, long]}}))
    assert changed["otherEmails"] == [HOME, OLD, long]
    changed = answered(api.call("PATCH", path, {"otherEmails": {"remove": [HOME.upper(), long]}}))
    assert changed["otherEmails"] == [OLD]
    assert answered(api.call("PATCH", path, {"otherEmails": None}))["otherEmails"] is None
    assert kept() == {WORK: found.pk}


def test_another_one_becomes_the_first_by_an_update() -> None:
    found = ada(other_emails=[OLD, HOME], phone="030 1234567", other_phones=["0171 5555555"])
    found = Contact.update(found.pk, email=HOME, phone="+49 171 555 55 55".replace("+49 ", "0"))
    assert (found.email, found.other_emails) == (HOME, [OLD, WORK])
    assert (found.phone, found.other_phones) == ("0171 555 55 55", ["030 1234567"])
    found = Contact.update(found.pk, email="ada@new.example")
    assert (found.email, found.other_emails) == ("ada@new.example", [OLD, WORK]), (
        "a new address takes the place of the former"
    )
    found = Contact.update(found.pk, email=None)
    assert (found.email, found.other_emails) == (OLD, [WORK]), "the next one is the first"
    assert kept() == dict.fromkeys((OLD, WORK), found.pk)


def test_the_first_is_not_among_the_others() -> None:
    found = ada(other_emails=[WORK.upper(), HOME], mobile="0171 5", other_phones=["01715", "0172"])
    assert (found.other_emails, found.other_phones) == ([HOME], ["0172"])
    found = Contact.create(name="Bob", other_emails=["bob@x.example", "bob@y.example"])
    assert (found.email, found.other_emails) == ("bob@x.example", ["bob@y.example"])


# -- whose they are ---------------------------------------------------------------------------------


def test_an_address_is_of_one_contact_of_a_tenant(rival: Any, api: Any) -> None:
    first = ada()
    for email, others, field in (
        (HOME.upper(), None, "email"),
        ("eve@x.example", [HOME], "otherEmails"),
        (None, ["eve@x.example", WORK], "otherEmails"),
    ):
        body = {"name": "Eve", "email": email, "otherEmails": others}
        answer = api.call("POST", "/contacts", {k: v for k, v in body.items() if v})
        error = answer.json()
        assert (answer.status_code, error["field"]) == (409, field), error
        assert error["existingId"] == first.pk
        assert any(address in error["message"] for address in (HOME, WORK)), error
    assert Contact.find().get() == first
    with tenancy.active(rival):
        assert ada().email == WORK
    first.delete()
    assert kept() == {}
    other = Contact.create(name="Eve", email=HOME)
    with refused(Conflict):
        Contact.restore(first.pk)
    other.delete()
    assert Contact.restore(first.pk).other_emails == [HOME]
    assert kept() == {WORK: first.pk, HOME: first.pk}


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_gets_the_address() -> None:
    bob = Contact.create(name="Bob", email="bob@x.example")
    answers = at_once(
        lambda: Contact.create(name="Ada", email=HOME),
        lambda: Contact.update(bob.pk, other_emails=[HOME]),
    )
    assert kinds(answers) == ["Conflict", "Contact"]
    assert len(Contact.find({"$or": [{"email": HOME}, {"otherEmails": HOME}]})) == 1
    answers = at_once(*(lambda: Contact.capture(name="A", email=HOME, phone="1"),) * 2)
    assert kinds(answers) == ["Contact", "Contact"]
    assert answers[0].pk == answers[1].pk == kept()[HOME]


# -- by which they are found ------------------------------------------------------------------------


def test_it_is_captured_by_each_of_them() -> None:
    first = ada()
    found = Contact.capture(email=HOME.upper(), phone="555")
    assert (found.pk, found.email, found.other_emails) == (first.pk, WORK, [HOME])
    assert found.phone == "555"


def test_it_is_read_and_changed_by_the_name_of_each(api: Any, rival_api: Any) -> None:
    first = ada()
    assert answered(api.call("GET", f"/contacts/by/email/{HOME}"))["$id"] == first.pk
    assert rival_api.call("GET", f"/contacts/by/email/{HOME}").status_code == 404
    changed = answered(api.call("PUT", f"/contacts/by/email/{HOME}", {"title": "CTO"}))
    assert (changed["$id"], changed["email"], changed["title"]) == (first.pk, WORK, "CTO")
    assert name_record(Contact, "email", OLD).find() is None


def test_a_lead_that_says_whom_it_is_about_finds_them(api: Any) -> None:
    first = ada()
    body = {"name": "Ada", "source": "web", "contact": {"name": "A. Chen", "email": HOME}}
    assert answered(api.call("POST", "/leads", body), 201)["contact"] == first.pk
    assert Contact.find().get() == first


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (HOME, True), ("home.exam", True), ("<ADA@home.example>,", True), ("me.ex", True),
        ("0171 5555555", True), ("+49 171 5555555", True), ("555 1234", False), ("1715555555", True),
        ("30123456749171", False), ("elsewhere", False),
    ],
)  # fmt: skip
def test_it_is_searched_by_each_of_them(words: str, found: bool, api: Any, rival: Any) -> None:
    with tenancy.active(rival):
        ada(name="Theirs")
    first = ada(other_emails=[HOME], other_phones=["+49 (0)30 1234567", "+49 171 5555555"])
    Lead.create(name="L", source="x", contact=first)
    for path in ("contacts", "leads"):
        answer = answered(api.call("GET", f"/{path}?q={words.replace('+', '%2B')}"))
        assert len(answer["results"]) == found, path
    answer = answered(api.call("GET", f"/contacts?otherEmails={HOME}&otherEmails__isnull=false"))
    assert [each["$id"] for each in answer["results"]] == [first.pk]


def test_a_filter_knows_a_person_by_each_of_them(api: Any) -> None:
    first = ada(other_emails=[HOME, "ada@club.example"], other_phones=["+49 30 1234567"])
    bob = Contact.create(name="Bob", email="bob@x.example")
    nobody = Contact.create(name="Nobody")
    lead = Lead.create(name="L", source="x", contact=first)
    moment = clock.now().isoformat()
    Contact.update(first.pk, other_emails=["ada@club.example"])
    for asked in (f"email={HOME.upper()}", f"email__iexact={HOME}", f"email__in={HOME},x@y.example",
                  f'filter={{"email":{{"$in":["{HOME}",null]}},"name":"Ada Chen"}}',
                  f'filter={{"contact.email":"{HOME}"}}', "phone=%2B49 30 1234567"):  # fmt: skip
        path = "leads" if "contact." in asked else "contacts"
        then = answered(api.call("GET", f"/{path}?{asked}&asOf={moment}".replace("+", "%2B")))
        expected = lead.pk if path == "leads" else first.pk
        assert [each["$id"] for each in then["results"]] == [expected], asked
        now = answered(api.call("GET", f"/{path}?{asked}"))
        assert bool(now["results"]) == ("phone" in asked), asked
    for email in (first.email, "ada@club.example"):
        assert list(Contact.find({"email": email})) == [first]
        assert set(Contact.find({"email": {"$ne": email}})) == {bob, nobody}
        assert set(Contact.find({"email": {"$nin": [email, bob.email]}})) == {nobody}
    assert list(Contact.find({"email": None})) == [nobody]
    assert set(Contact.find({"email": {"$exists": True}})) == {first, bob}


def test_a_lookup_reads_the_narrow_table_and_one_contact() -> None:
    first = ada()
    email = Contact.schema.by_name["email"]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    held = unique_values.records_holding(email, [HOME]).values("record")
    plan = Contact.objects.filter(pk__in=held).explain()
    assert "headlessly_uniquevalue_pkey" in plan and "Seq Scan" not in plan, plan
    assert Contact.find_id_by_unique(email, HOME) == first.pk


def test_alike_are_those_with_one_number_in_common() -> None:
    first = ada(other_phones=["+49 30 1234567", "+49 171 5555555"])
    for given in (
        {"phone": "0171 555 5555"},
        {"other_phones": "040 1111111; 0171/5555555"},
        {"other_phones": ["030 1234567"]},
    ):
        ((record, fields),) = find_duplicates(Contact, given)
        assert record == first and [field.name for field in fields] == list(given)
    assert not find_duplicates(Contact, {"phone": "1234567491715"})
    assert not find_duplicates(Contact, {"other_phones": "12"})


# -- when two become one ----------------------------------------------------------------------------


def test_a_merge_keeps_the_addresses_of_both_and_is_taken_back(api: Any) -> None:
    first = ada(phone="030 1234567")
    twin = Contact.create(
        name="Ada C.",
        email=OLD,
        other_emails=["a@b.example"],
        phone="0171 5555555",
        mobile="0172 1",
    )
    merged = api.call("POST", f"/contacts/{twin.pk}/merge", {"into": first.pk})
    both = answered(api.call("GET", f"/contacts/{first.pk}"))
    assert (both["email"], both["otherEmails"]) == (WORK, [HOME, OLD, "a@b.example"])
    assert (both["phone"], both["mobile"]) == ("030 1234567", "0172 1")
    assert both["otherPhones"] == ["0171 5555555"]
    assert Contact.capture(email="a@b.example").pk == first.pk
    undone = f"/requests/{merged.headers['X-Request-ID']}/undo"
    answer = api.call("POST", undone)
    assert answer.status_code == 200, answer.content
    apart = answered(api.call("GET", f"/contacts/{first.pk}"))
    assert (apart["otherEmails"], apart["otherPhones"], apart["mobile"]) == ([HOME], None, None)
    assert kept()[OLD] == kept()["a@b.example"] == twin.pk
    again = f"/requests/{answer.headers['X-Request-ID']}/undo"
    assert api.call("POST", again).status_code == 200
    assert kept()[OLD] == first.pk and Contact.get(first.pk).mobile == "0172 1"


def test_its_past_has_them() -> None:
    first = ada()
    then = clock.now()
    Contact.update(first.pk, email=HOME)
    assert Contact.get(first.pk, as_of=then).other_emails == [HOME]
    assert [c.pk for c in Contact.find({"otherEmails": HOME}, as_of=then)] == [first.pk]
    assert [c.pk for c in Contact.find(q="home.example", as_of=then)] == [first.pk]
    found = Contact.rollback(first.pk, as_of=then)
    assert (found.email, found.other_emails) == (WORK, [HOME])


# -- where they are kept ----------------------------------------------------------------------------


def test_addresses_that_were_there_before_the_table_are_taken_up() -> None:
    first = ada()
    gone = Contact.create(name="Gone", email=OLD)
    gone.delete()
    with every_tenant(), connection.cursor() as cursor:
        for event in ("insert", "update", "delete"):
            cursor.execute(f"DROP TRIGGER crm_contact_other_emails_{event} ON crm_contact")
        cursor.execute("DELETE FROM headlessly_uniquevalue WHERE tenant_id = %s", [first.tenant_id])
        unique_values.install_triggers([Contact])  # as `migrate` does
    assert kept() == {WORK: first.pk, HOME: first.pk}
    with refused(Conflict):
        Contact.create(name="Eve", email=HOME)


def test_it_says_which_field_is_wrong_in_python() -> None:
    with refused(Invalid) as caught:
        Contact.create(name="Ada", other_emails=["nonsense"])
    assert list(details(caught)) == ["other_emails"]


def test_somebody_who_sees_the_card_finds_them_by_another_address(people: SimpleNamespace) -> None:
    names = {field.name for field in Contact.schema.card}
    assert names >= {"other_emails", "other_phones"}


@pytest.mark.parametrize(
    ("wire", "wrong", "says"),
    [
        ("otherEmails", "ada@home.example", 'send a list like ["ada@home.example"].'),
        ("otherEmails", {"remove": [1]}, 'send a list like ["ada@home.example"].'),
        (
            "otherEmails",
            {"take": []},
            '{"add": ["ada@home.example"], "remove": ["ada@home.example"]}',
        ),
        ("otherEmails", ["home"], "home: This is not an email address."),
        ("otherPhones", 7, 'send a list like ["+49 30 1234567"].'),
        ("otherPhones", {}, '{"add": ["+49 30 1234567"], "remove": ["+49 30 1234567"]}'),
        ("tags", "VIP", 'send a list like ["VIP"].'),
        ("tags", {"take": []}, '{"add": ["VIP"], "remove": ["Cold"]}'),
    ],
)
def test_what_is_wrong_with_them_is_said_with_an_example_of_them(
    api: Any, wire: str, wrong: Any, says: str
) -> None:
    answer = api.call("PATCH", f"/contacts/{ada().pk}", {wire: wrong})
    (detail,) = problem(answer, 422, "validation_error")["details"]
    assert detail["field"] == wire and says in detail["message"]
