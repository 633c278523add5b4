"""The organization: enriching, scoring, and no company above itself."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Organization
from headlessly.errors import Conflict, Invalid
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("domain", ["acme.com", "Sub.Acme.co.uk"], ["acme", "ada@acme.org", "a b.com", "a..b"]),
        ("slug", ["acme", "Acme-2"], ["acme 3", "acme_2", "-acme", "a--b", "acme!"]),
        ("health_score", [0, 100], [-1, 101]),
        ("nps_score", [-100, 100], [-101, 101]),
        ("employee_count", [0, 100_000], [-1, 1.5]),
        ("annual_revenue", [0, 1.25], [-1, 1.255]),
        ("type", ["Prospect", "Customer", "Partner", "Vendor", "Competitor"], ["Friend"]),
        ("status", ["Active", "Inactive", "Churned", "Archived"], ["Gone"]),
        ("tier", ["Enterprise", "Business", "Startup", "SMB"], ["Gold"]),
    ],
)
def test_it_takes_only_sensible_values(field: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        Organization.create(name="Acme", **{field: value})
    for value in bad:
        with refused(Invalid) as caught:
            Organization.create(name="Acme", **{field: value})
        assert list(details(caught)) == [field]


def test_it_enriches_only_what_is_empty() -> None:
    org = Organization.create(name="Acme", industry="Tools")
    org.enrich(industry="Software", city="Ulm", annual_revenue=5)
    assert (org.industry, org.city, org.annual_revenue) == ("Tools", "Ulm", 5)
    for closed in ("type", "status"):
        with refused(Invalid):
            org.enrich(**{closed: "Partner"})


def test_it_is_scored() -> None:
    org = Organization.create(name="Acme", nps_score=5)
    org.score(health_score=80)
    assert (org.health_score, org.nps_score) == (80, 5)
    org.score(health_score=0, nps_score=-100)
    assert (org.health_score, org.nps_score) == (0, -100)
    assert Organization.scored_by("system")[0].previous == {"healthScore": 80, "npsScore": 5}
    for wrong in ({"health_score": 101}, {"nps_score": -101}, {"lifetime_value": 1}):
        with refused(Invalid):
            org.score(**wrong)


def tower(*names: str) -> list[Organization]:
    """Companies, each the parent of the next."""
    found: list[Organization] = []
    for name in names:
        found.append(Organization.create(name=name, parent=found[-1] if found else None))
    return found


@pytest.mark.parametrize("above", [0, 1, 2, 3], ids=["itself", "child", "grandchild", "deeper"])
def test_it_is_not_its_own_ancestor(above: int) -> None:
    top, *below = tower("Top", "Child", "Grandchild", "Deeper")
    with refused(Invalid, "ancestor") as caught:
        top.update(parent=[top, *below][above])
    assert list(details(caught)) == ["parent"]


def test_it_may_be_moved_to_another_parent() -> None:
    a, b, c = tower("A", "B", "C")
    c.update(parent=a)
    b.update(parent=c)
    assert list(a.subsidiaries.all()) == [c]
    a.update(name="Still fine")


def test_it_does_not_become_its_own_ancestor_by_rolling_back() -> None:
    a, b = tower("A", "B")
    then = b.updated_at
    b.update(parent=None)
    a.update(parent=b)
    with refused((Conflict, Invalid), "ancestor"):
        b.rollback(as_of=then)
