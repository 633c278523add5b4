"""Who sees what: strangers nothing, members their tenant, roles their buttons."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import Client

from headlessly.access import actors
from headlessly.declaration.registry import registry
from tests.contract import samples
from tests.headlessly.admin.signed_in import client_of

NOUNS = list(registry.values())
nouns = pytest.mark.parametrize("noun", NOUNS, ids=[n.__name__ for n in NOUNS])


def pages_of(record: Any, address: Any) -> list[str]:
    """Every address of a noun that GET could be tried on, posting ones included. The verbs of a record have
    one page, with one of them."""
    noun = type(record)
    verb = [*noun.verbs][NOUNS.index(noun) % len(noun.verbs)]
    return [
        address(noun),
        address(noun, "add"),
        *(address(noun, f"add/{v.name}") for v in noun.verbs.values() if v.creates),
        *(address(record, name) for name in ("change", "edit", "history", "delete", "move")),
        address(record, "do", verb),
        address(noun) + record.pk + "/",
    ]


@pytest.mark.parametrize("rest", ["", "crm/lead/", "crm/lead/lead_x/change/", "nothing/", "login/"])
def test_sends_a_stranger_to_the_entrance_whether_or_not_the_tenant_exists(acme, rest):
    there = Client().get(f"/~acme/admin/{rest}")
    nowhere = Client().get(f"/~nowhere/admin/{rest}")
    assert there.status_code == nowhere.status_code == 302
    if rest != "login/":
        assert there.headers["Location"] == f"/?next=/~acme/admin/{rest}"
    assert nowhere.headers["Location"] == there.headers["Location"].replace("acme", "nowhere")


@pytest.mark.parametrize("rest", ["", "crm/lead/", "crm/lead/lead_x/change/", "nothing/"])
@pytest.mark.parametrize("who", ["eve", "nobody", "olga"])
def test_shows_others_the_same_404_as_for_a_tenant_that_does_not_exist(users, rest, who):
    client = client_of(getattr(users, who))
    there = client.get(f"/~acme/admin/{rest}")
    nowhere = client.get(f"/~nowhere/admin/{rest}")
    assert there.status_code == nowhere.status_code == 404
    assert there.content == nowhere.content


def test_a_post_of_a_stranger_does_nothing(qualified, address, unchanged):
    with unchanged():
        response = Client().post(address(qualified, "do", "convert"))
    assert response.status_code == 302


def test_a_post_of_another_tenants_admin_does_nothing(users, qualified, address, unchanged):
    with unchanged():
        response = client_of(users.eve).post(address(qualified, "do", "convert"))
    assert response.status_code == 404


@nouns
def test_another_tenants_record_is_not_there(users, rival, acme, noun, address, unchanged):
    from headlessly.access import tenancy

    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        theirs = samples.create(noun)
        name = str(theirs)  # which may be made of what it refers to
    ann = client_of(users.ann)
    with unchanged():
        for url in pages_of(theirs, address):
            if theirs.pk in url:
                shown, done = ann.get(url, follow=True), ann.post(url, {"name": "Mine now"})
                assert {shown.status_code, done.status_code} <= {302, 404, 405}, url
                assert name not in shown.content.decode() + done.content.decode()
                if url in (address(theirs, "delete"), address(theirs, "edit")):
                    assert done.status_code == 404
    assert theirs.pk not in ann.get(address(noun)).content.decode()


@nouns
def test_a_viewer_sees_no_buttons_and_may_do_nothing(vic, acme, noun, address, unchanged):
    """Each verb is refused to a viewer, on its page and where it is sent, in
    ``tests/contract/test_permissions.py``; here, whatever is sent wherever."""
    record = samples.create(noun)
    for url in (address(noun), address(record)):
        html = vic.get(url).content.decode()
        for form in ("logout-form", "palette-does"):
            html = html.replace(f'id="{form}" method="post"', "")
        for own in ("views/", "bulk/export/"):  # a view of one's own, and a file of what one sees
            html = html.replace(f'method="post" action="{address(noun)}{own}', "")
        # Who may read a record may follow it.
        html = html.replace('method="post" action="/~acme/admin/follow/"', "")
        assert 'method="post"' not in html
        assert "/add/" not in html
        assert "/edit/" not in html
        assert "/delete/" not in html
    with unchanged():
        for url in pages_of(record, address):
            response = vic.post(url, {"name": "x", "to": "Contacted"})
            assert response.status_code in (200, 302, 403, 404, 405), url
            if url == address(record, "delete"):
                assert response.status_code == 403


def test_a_rep_works_leads_but_does_not_delete_them(bob, lead, address, unchanged):
    html = bob.get(address(lead)).content.decode()
    assert "Move to Contacted" in html
    assert "Delete" not in html
    with unchanged():
        assert bob.post(address(lead, "delete")).status_code == 403


def test_a_rep_only_reads_campaigns(bob, people, address):
    html = bob.get(address(people.spring)).content.decode()
    assert ">Launch</button>" not in html
    assert "/do/launch/" not in html
    assert "/edit/" not in html


def test_what_is_done_is_done_by_the_one_who_is_signed_in(bob, users, lead, address):
    from headlessly.log.events import Event

    bob.post(address(lead, "move"), {"to": "Contacted"})
    assert Event.objects.order_by("-seq").first().actor == users.bob.pk


def test_one_who_lost_their_membership_is_out_at_once(bob, users, lead, address):
    assert bob.get(address(lead)).status_code == 200
    users.bob.memberships.all().delete()
    assert bob.get(address(lead)).status_code == 404


def test_the_choices_come_best_match_first_and_page_by_page(bob, acme):
    from crm import Organization

    for number in range(30):
        Organization.create(name=f"Old Émber {number:02}")
    Organization.create(name="Ember")

    def answer(page: str) -> Any:
        named = {"app_label": "crm", "model_name": "lead", "field_name": "organization"}
        asked = named | {"term": "ember", "page": page}
        return bob.get("/~acme/admin/autocomplete/", asked).json()

    first, second = answer("1"), answer("2")
    assert [item["text"] for item in first["results"]][:2] == ["Ember", "Old Émber 00"]
    assert first["pagination"]["more"] and not second["pagination"]["more"]
    assert len({item["id"] for page in (first, second) for item in page["results"]}) == 31
    for no_page in ("0", "-1", "two", "00001" + "9" * 20, "00001" + "0" * 4400):
        assert answer(no_page) == first


def test_the_choices_of_a_reference_are_the_tenants_own(bob, people, theirs):
    def found(**params: str) -> list[str]:
        response = bob.get("/~acme/admin/autocomplete/", params)
        return [item["text"] for item in response.json()["results"]]

    named = SimpleNamespace(app_label="crm", model_name="lead", field_name="contact")
    assert found(**vars(named), term="ada") == ["Ada Chen · ada@acme.example"]
    assert found(**vars(named), term="eve") == []
    assert found(app_label="crm", model_name="contact", field_name="id", term="eve") == []
    assert found(**vars(named), term="&") == []
    nothing = {"app_label": "auth", "model_name": "user", "field_name": "id"}
    assert bob.get("/~acme/admin/autocomplete/", nothing).status_code == 403
    assert bob.get("/~acme/admin/autocomplete/").status_code == 403


# -- choices ----------------------------------------------------------------------------------


def options(client: Any, **params: str) -> list[tuple[str, str]]:
    answer = client.get("/~acme/admin/autocomplete/", {"app_label": "crm", **params})
    assert answer.status_code == 200
    return [(item["id"], item["text"]) for item in answer.json()["results"]]


def test_who_works_on_something_is_chosen_among_the_members(bob, people, users):
    from crm import Contact

    Contact.create(name="Bobby Customer", email="bobby@customer.example")
    among = {"model_name": "contact", "field_name": "member"}
    mine = (people.bob.pk, f"{people.bob} · {people.bob.email} (me)")
    cleo = (people.cleo.pk, f"{people.cleo} · {people.cleo.email}")
    assert options(bob, **among) == [mine, cleo]
    assert options(bob, **among, term="bob") == [mine]
    assert options(bob, **among, term="customer") == []
    assert options(bob, **among, term="ob") == [mine]


def test_a_name_that_begins_so_comes_before_one_that_has_it_within(bob, people, users, acme):
    from crm import Contact
    from headlessly.access.models import Membership, User

    for name in ("Rana Best", "Ana Zorn", "Best Ana"):
        person = Contact.create(name=name, email=f"{name[:4].strip().lower()}@seller.example")
        user = User.objects.create_user(person.email)
        Membership.objects.create(user=user, tenant=acme, role="rep", contact_id=person.pk)
    found = options(bob, model_name="contact", field_name="member", term="ana")
    assert [text.split(" · ")[0] for _id, text in found] == ["Ana Zorn", "Best Ana", "Rana Best"]


def test_a_filter_by_who_works_on_it_offers_me_and_nobody_first(bob, vic, people, users):
    among = {"model_name": "contact", "field_name": "member-filter"}
    assert options(bob, **among)[:2] == [("me", "Me"), ("-", "Nobody")]
    assert options(bob, **among, term="no") == [("-", "Nobody")]
    assert options(vic, **among)[0] == ("-", "Nobody")


def test_a_rivals_members_are_nobody_here(bob, people, users, theirs):
    found = options(bob, model_name="contact", field_name="member")
    assert {id for id, _text in found} == {people.bob.pk, people.cleo.pk}


@pytest.fixture
def deals(people: Any, qualified: Any) -> SimpleNamespace:
    """Deals of the lead's organization, of its contact, of others, and one that is lost."""
    from crm import Deal, Organization

    other = Organization.create(name="Brackenridge Civil Works")
    ours = qualified.organization or Organization.create(name="Brackenridge Scaffolding")
    qualified.update(organization=ours)
    made = SimpleNamespace(
        theirs=Deal.create(name="Theirs", value=5_000, organization=other),
        person=Deal.create(name="Person", value=10, contact=qualified.contact),
        ours=Deal.create(name="Ours", value=20, organization=ours),
        lost=Deal.create(name="Gone", value=20, organization=ours),
        newest=Deal.create(name="Newest", value=1),
    )
    made.lost.lose(lost_reason="Price")
    return made


def test_a_lead_goes_on_as_an_open_deal_of_its_own_organization_first(bob, qualified, deals):
    found = options(bob, model_name="deal", field_name=f"suits-{qualified.pk}")
    assert [id for id, _text in found] == [
        deals.ours.pk, deals.person.pk, deals.newest.pk, deals.theirs.pk
    ]  # fmt: skip
    assert found[-1][1] == "Theirs · Brackenridge Civil Works · Prospecting · $5,000"
    sought = options(bob, model_name="deal", field_name=f"suits-{qualified.pk}", term="theirs")
    assert [id for id, _text in sought] == [deals.theirs.pk]
    params = {"app_label": "crm", "model_name": "deal", "field_name": "suits-lead_nothing"}
    assert bob.get("/~acme/admin/autocomplete/", params).status_code == 403


def test_another_organizations_deal_is_warned_about_before_it_is_done(
    bob, qualified, deals, address
):
    place = address(qualified, "do", "convert")
    assert f'data-field-name="suits-{qualified.pk}"' in bob.get(place).content.decode()

    def foretold(**sent: str) -> str:
        return bob.post(place, {"preview": "1", **sent}).content.decode()

    assert foretold(**{"deal-how": "existing", "deal": ""}).strip() == ""
    warned = foretold(**{"deal-how": "existing", "deal": deals.theirs.pk})
    assert "“Theirs” is about Brackenridge Civil Works" in warned
    assert "becomes" in warned
    assert "is about" not in foretold(**{"deal-how": "existing", "deal": deals.ours.pk})
    assert "A deal is created" in foretold(**{"deal-how": "new"})


@pytest.mark.parametrize("page", ["400", "403", "404", "500", "503", "headlessly/busy"])
def test_a_page_of_what_went_wrong_is_in_the_products_font_and_leads_back(page, bob):
    html = render_to_string(f"{page}.html", {"message": "Busy.", "problem": {"message": "Busy."}})
    sheets = re.findall(r'rel="stylesheet" href="/static/([^"]+)"', html)
    styles = "".join(Path(finders.find(each)).read_text(encoding="utf-8") for each in sheets)
    (body,) = re.findall(r"body \{[^}]*font: [^ ]+ ([^,]+),", styles)
    assert re.search(rf'@font-face \{{\s*font-family: "{body}"', styles)
    (way,) = re.findall(r'<a href="([^"]+)"', html)
    assert bob.get(way).headers["Location"].endswith("/~acme/admin/")
