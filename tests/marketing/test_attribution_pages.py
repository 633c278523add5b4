"""Attribution in the browser: the models side by side, the deals behind a figure, a deal's path."""

from __future__ import annotations

import re
from typing import Any

import pytest

from crm.models import Contact, Deal, Lead
from marketing.models import Campaign, Touchpoint
from tests.headlessly.admin.conftest import ann, bob, users  # noqa: F401  (fixtures)

PLACE = "/~acme/admin/marketing/touchpoint/attribution/"


@pytest.fixture
def deal(people: Any) -> Deal:
    spring = Campaign.create(name="Spring", slug="spring", actual_cost=400)
    contact = Contact.create(name="Somebody")
    Touchpoint.create(contact=contact, occurred_at="2024-05-01T10:00:00Z", source="ads")
    lead = Lead.create(name="L", source="x", contact=contact, campaign=spring)
    lead.update(status="Contacted")
    lead.update(status="Qualified")
    lead.convert(deal={"value": 1000})
    return Deal.get(Lead.get(lead.pk).deal_id).win()


def text_of(page: Any) -> str:
    assert page.status_code == 200
    return page.content.decode()


def test_each_figure_opens_its_deals_and_each_deal_its_touches(deal: Deal, ann: Any) -> None:  # noqa: F811
    html = text_of(ann.get(PLACE))
    assert html.count('<th scope="col">') == 10
    cells = re.findall(r'<a href="(/[^"]*attribution/deals/[^"]*)">([^<]*)</a>', html)
    assert {text for _url, text in cells} >= {"$1,000", "$500", "$333", "$667"}
    url = next(url for url, text in cells if text == "$500").replace("&amp;", "&")
    listed = text_of(ann.get(url, follow=True))
    assert deal.name in listed and f"attribution/{deal.pk}/" in listed
    path = text_of(ann.get(f"{PLACE}{deal.pk}/"))
    for touch in Touchpoint.objects.all():
        assert f"touchpoint/{touch.pk}/change/" in path
        assert f"touchpoint/{touch.pk}/history/" in path
    assert path.count("<td>$500</td>") == 4


def test_it_is_as_of_a_day_with_the_banner_of_lists(deal: Deal, ann: Any) -> None:  # noqa: F811
    html = text_of(ann.get(f"{PLACE}?asOf=2024-06-01"))
    assert "This is how it was on" in html and "Back to now" in html
    assert "$1,000" not in html


@pytest.mark.parametrize("query", ["by=colour", "from=soon", "asOf=2999-01-01", "colour=red"])
def test_it_says_in_its_place_what_is_wrong(query: str, ann: Any) -> None:  # noqa: F811
    for page in ("", "deals/"):
        assert 'class="notice bad"' in text_of(ann.get(f"{PLACE}{page}?{query}"))


def test_a_deal_and_a_campaign_lead_to_it(deal: Deal, ann: Any) -> None:  # noqa: F811
    page = text_of(ann.get(f"/~acme/admin/crm/deal/{deal.pk}/change/"))
    assert f"attribution/{deal.pk}/" in page and "Lead · Spring" in page
    for noun, record in (("lead", Lead.objects.get()), ("contact", deal.contact)):
        touch = Touchpoint.objects.filter(kind="Lead").get()
        page = text_of(ann.get(f"/~acme/admin/crm/{noun}/{record.pk}/change/"))
        assert f"touchpoint/{touch.pk}/change/" in page
    campaign = Campaign.objects.get(slug="spring")
    assert PLACE in text_of(ann.get(f"/~acme/admin/marketing/campaign/{campaign.pk}/change/"))
    assert PLACE in text_of(ann.get("/~acme/admin/dashboard/"))


def test_a_limited_rep_sees_their_own_deals_alone(
    deal: Deal,
    bob: Any,  # noqa: F811
    people: Any,
    acme: Any,
) -> None:
    deal.update(owner=people.cleo)
    acme.limits_reps = True
    acme.save()
    assert "$500" not in text_of(bob.get(PLACE))
    assert bob.get(f"{PLACE}{deal.pk}/").status_code == 404


def test_it_leads_to_utm_values_that_belong_to_no_campaign(deal: Deal, ann: Any) -> None:  # noqa: F811
    known = Touchpoint.objects.filter(campaign__isnull=False).first()
    for name, campaign in (("srping-26", None), ("spring-26", known and known.campaign_id)):
        Touchpoint.create(
            contact=deal.contact_id,
            occurred_at="2024-05-02T10:00:00Z",
            utm_campaign=name,
            campaign=campaign,
        )
    (url,) = re.findall(r'<a href="([^"]*)">Touchpoints with a UTM', text_of(ann.get(PLACE)))
    listed = text_of(ann.get(url, follow=True))
    assert "srping-26" in listed and "spring-26" not in listed.replace("srping-26", "")
    assert "Touchpoints with a UTM" not in text_of(ann.get(f"{PLACE}?by=source"))
