"""What is spelled in many ways is stored and compared in one."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Contact, Lead, Organization
from headlessly.declaration import normalization
from headlessly.errors import Conflict, Invalid
from headlessly.query import querystring
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("Jose\u0301", "José"),
        ("\ufeffAda\u200b Ch\u00aden\u202c", "Ada Chen"),
        ("\u00a0Ada\u00a0Chen\u2009 ", "Ada Chen"),
        ("Ada  \t Chen", "Ada Chen"),
        ("Ada\r\nChen\u2028Example", "Ada\nChen\nExample"),
        ("A\u200dda \u2067Chen\x08", "Ada Chen"),
        ("👩\u200d💻 Dana", "👩\u200d💻 Dana"),
        ("نمی\u200cخواهم", "نمی\u200cخواهم"),
    ],
)
def test_it_keeps_of_a_line_what_is_seen(sent: str, stored: str) -> None:
    contact = Contact.create(name=sent)
    assert contact.name == stored
    assert list(Contact.find({"name": sent})) == [contact]


def test_it_keeps_the_lines_of_a_text() -> None:
    lead = Lead.create(name="L", source="x", need=" one\r\ntwo\u2028three\u200b\n")
    assert lead.need == " one\ntwo\nthree\n"
    assert lead.update(need=" one\r\ntwo\r\nthree\n").version == 1


def test_it_refuses_a_name_of_which_nothing_is_seen() -> None:
    with refused(Invalid) as caught:
        Contact.create(name="\u200b\ufeff")
    assert details(caught) == {"name": "This is required."}


@pytest.mark.parametrize(
    "spelled",
    [
        "ada@münchen.example",
        "ADA@MÜNCHEN.EXAMPLE",
        " Ada@xn--mnchen-3ya.example",
        "mailto:ada@mu\u0308nchen.example",
    ],
)
def test_it_knows_an_address_however_it_is_spelled(spelled: str) -> None:
    first = Contact.create(name="Ada", email=spelled)
    assert first.email == "ada@münchen.example"
    for other in ("ada@münchen.example", "ADA@xn--mnchen-3ya.example", spelled):
        assert list(Contact.find({"email": other})) == [first]
        assert list(Contact.find({"email": {"$in": [other, "x@y.example"]}})) == [first]
        assert not Contact.find({"email": {"$ne": other}})
        assert not Contact.find({"email": {"$nin": [other]}})
        assert list(Contact.find(querystring.lookup_filter(Contact, "email", "exact", other))) == [
            first
        ]
        assert Contact.capture(email=other, title="CTO").pk == first.pk
        with refused(Conflict):
            Contact.create(name="Again", email=other)


def test_it_compares_behind_a_reference_too() -> None:
    ada = Contact.create(name="Ada", email="ada@acme.example")
    Lead.create(name="L", source="x", contact=ada)
    assert Lead.count({"contact.email": "ADA@Acme.example"}) == 1


@pytest.mark.parametrize(
    ("spelled", "stored"),
    [
        ("https://www.Acme.com:8443/about?x=1#y", "acme.com"),
        ("WWW.ACME.COM.", "acme.com"),
        ("//acme.com/", "acme.com"),
        ("http://xn--mnchen-3ya.de", "münchen.de"),
        ("MÜNCHEN.de", "münchen.de"),
        ("www.de", "www.de"),
    ],
)
def test_it_knows_a_domain_however_it_is_spelled(spelled: str, stored: str) -> None:
    known = Organization.create(name="O", domain=spelled)
    assert known.domain == stored
    assert list(Organization.find({"domain": spelled})) == [known]
    assert list(Organization.find({"domain": {"$in": [f"https://{stored}/"]}})) == [known]
    with refused(Conflict):
        Organization.create(name="Again", domain=stored.upper())


@pytest.mark.parametrize(
    ("noun", "words"),
    [
        (Organization, "https://www.xn--mnchen-3ya.de/kontakt?x=1"),
        (Organization, "WWW.MÜNCHEN.DE"),
        (Organization, "xn--mnchen-3ya.de"),
        (Organization, "bakery.example/kontakt"),
        (Organization, '"Bakery"'),
        (Contact, "mailto:ADA@München.de"),
        (Contact, "Ada <ada@xn--mnchen-3ya.de>,"),
        (Contact, "tel:+49-171-5551234"),
        (Contact, "p:+491715551234"),
    ],
)
def test_it_finds_what_was_copied_from_a_browser_a_mail_or_a_link(noun: Any, words: str) -> None:
    bakery = Organization.create(name="Bakery, bakery.example", domain="münchen.de")
    ada = Contact.create(name="Ada", email="ada@münchen.de", phone="+49 171 5551234")
    assert list(noun.find(q=words)) == [bakery if noun is Organization else ada]


@pytest.mark.parametrize(
    ("lookup", "value"),
    [
        ("startswith", "ADA@"),
        ("istartswith", "ADA@"),
        ("contains", "Acme"),
        ("icontains", "ACME\u200b"),
        ("iexact", "mailto:ADA@ACME.example"),
    ],
)
def test_it_knows_a_part_of_an_address_in_any_case(lookup: str, value: str) -> None:
    ada = Contact.create(name="Ada", email="ada@acme.example")
    assert list(Contact.find(querystring.lookup_filter(Contact, "email", lookup, value))) == [ada]


def test_it_knows_a_slug_in_any_case() -> None:
    known = Organization.create(name="O", slug="Acme-2")
    assert known.slug == "acme-2"
    assert list(Organization.find({"slug": "ACME-2"})) == [known]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("=+491715551234", "+491715551234"),
        ('="+491715551234"', "+491715551234"),
        ("'+491715551234", "+491715551234"),
        ("p:+491715551234", "+491715551234"),
        ("tel:+49-171-5551234", "+49-171-5551234"),
        ("\u202a+49\u00a0171\u00a05551234\u202c", "+49 171 5551234"),
        ("+49 171 555\u201112", "+49 171 555-12"),
        ("491715551234.0", "491715551234"),
        ("030/1234567", "030/1234567"),
        ("+49 30 123456-78 ext. 9", "+49 30 123456-78 ext. 9"),
    ],
)
def test_it_cleans_a_number_of_a_telephone(sent: str, stored: str) -> None:
    contact = Contact.create(name="A", phone=sent)
    assert contact.phone == stored
    assert list(Contact.find({"phone": sent})) == [contact]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("4.91715E+11", "A spreadsheet has rounded this number"),
        ("4,91715e+11", "A spreadsheet has rounded this number"),
        ("+49 171 5551234 / +49 30 9876543", "These are 2 numbers"),
        ("+491715551234; 0309876543", "These are 2 numbers"),
    ],
)
def test_it_says_why_a_number_of_a_telephone_is_none(sent: str, why: str, acme: Any) -> None:
    with refused(Invalid) as caught:
        Contact.create(name="A", phone=sent)
    assert why in details(caught)["phone"]


@pytest.mark.parametrize(
    "spelling",
    [
        normalization.normalize_email,
        normalization.normalize_domain,
        normalization.normalize_slug,
        normalization.normalize_phone,
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "Ada@MÜNCHEN.de",
        "https://www.acme.com/x",
        "Acme-2",
        "tel:=+49 171",
        "p:p:1",
        "xn--mnchen-3ya.de",
    ],
)
def test_it_spells_its_own_spelling_the_same(spelling: Any, text: str) -> None:
    try:
        once = spelling(text)
    except ValueError:
        return
    assert spelling(once) == once
