"""The customer's page, its curl lines as they stand, with a key."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.answered import answered
from tests.curl_lines import CurlLine

PAGE = """
# List leads filtered by status
curl https://crm.headless.ly/~acme/leads?status=Qualified
# Get a specific lead
curl https://crm.headless.ly/~acme/leads/lead_pQ8xNfKm
# Create a lead
curl -X POST https://crm.headless.ly/~acme/leads \
-H 'Content-Type: application/json' \
-d '{"name": "Inbound Demo", "contact": "contact_fX9bL5nRd", "source": "website"}'
# Convert a lead
curl -X POST https://crm.headless.ly/~acme/leads/lead_pQ8xNfKm/convert
"""


@pytest.fixture
def curl(api: Any, qualified: Any, people: SimpleNamespace, settings: Any) -> Any:
    """Runs the line of the page below this title, for our records and with our key."""
    settings.ALLOWED_HOSTS = ["crm.headless.ly"]
    page = PAGE.replace("lead_pQ8xNfKm", qualified.pk).replace("contact_fX9bL5nRd", people.ada.pk)

    def run(title: str) -> Any:
        line = page.split(f"# {title}\n")[1].split("\n#")[0].replace("\\\n", " ")
        method, url, headers, body = CurlLine.read(line)
        # Like curl: no content type but a given one, no body but a given one.
        return api.generic(
            method,
            url.removeprefix("https://crm.headless.ly"),
            body,
            content_type=headers.pop("Content-Type", ""),
            headers=headers | {"Authorization": f"Bearer {api.secret}"},
            HTTP_HOST="crm.headless.ly",
            secure=True,
        )

    return run


def test_it_lists_leads_filtered_by_status(curl: Any, qualified: Any, people: Any) -> None:
    from crm import Lead

    Lead.create(name="Another", contact=people.ada, source="website")
    found = answered(curl("List leads filtered by status"))
    assert [lead["$id"] for lead in found["results"]] == [qualified.pk]
    assert (found["total"], found["hasMore"]) == (1, False)


def test_it_gets_a_specific_lead(curl: Any, qualified: Any) -> None:
    found = answered(curl("Get a specific lead"))
    assert found["$id"] == qualified.pk
    assert found["$context"] == "https://crm.headless.ly/~acme"
    assert found["budget"] == 50_000


def test_it_creates_a_lead(curl: Any, people: SimpleNamespace) -> None:
    from crm import Lead

    response = curl("Create a lead")
    made = answered(response, 201)
    lead = Lead.get(made["$id"])
    assert (lead.name, lead.contact_id, lead.source) == ("Inbound Demo", people.ada.pk, "website")
    assert response["Location"] == f"https://crm.headless.ly/~acme/leads/{lead.pk}"


def test_it_converts_a_lead(curl: Any, qualified: Any) -> None:
    from crm import Deal, Lead

    made = answered(curl("Convert a lead"))
    assert made["status"] == "Converted"
    assert Deal.get(made["deal"]).value == 50_000
    assert json.loads(json.dumps(made)) == made
    assert Lead.get(qualified.pk).deal_id == made["deal"]
