"""The paths that are measured: what the limit does, what the product does, and their allowed ratio."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import attribution, databases
from .calls import Caller, by_key, by_session
from .measuring import Measured, in_turns

if TYPE_CHECKING:
    from .limit import Limit

Work = Callable[[], Any]


@dataclass(frozen=True)
class Path:
    label: str
    goal: float | None
    pair: Callable[[Bench], tuple[Work, Work]]
    share: float = 1.0  #: of the rounds: fewer for slow paths

    def measured(self, bench: Bench, rounds: int) -> Measured:
        rounds = max(3, round(rounds * self.share))
        return Measured(self.label, *in_turns(*self.pair(bench), rounds), self.goal)


class Bench:
    """What the paths work with: the first tenant, which has half of all leads."""

    def __init__(self, leads: int) -> None:
        import psycopg

        from headlessly.access.models import Tenant

        from .limit import Limit

        self.leads = leads
        self.tenant = Tenant.objects.get(pk=1)
        self.raw = psycopg.connect(**databases.parameters())
        self.limit = Limit(self.raw, self.tenant.pk)

    @staticmethod
    def caller() -> Caller:
        """Returns a caller with a key of the first tenant, for a process that only makes calls."""
        from headlessly.access.models import Tenant

        return by_key(Tenant.objects.get(pk=1))

    def close(self) -> None:
        self.raw.close()

    @contextmanager
    def open(self) -> Iterator[None]:
        from headlessly.access import actors, tenancy

        with tenancy.active(self.tenant), actors.acting(actors.SYSTEM):
            yield

    @cached_property
    def call(self) -> Caller:
        return by_key(self.tenant)

    @cached_property
    def of_a_smaller_tenant(self) -> tuple[Limit, Caller]:
        """The limit and a caller for the second tenant, one of the nineteen that share the other half."""
        from headlessly.access.models import Tenant

        from .limit import Limit

        tenant = Tenant.objects.get(pk=2)
        return Limit(self.raw, tenant.pk), by_key(tenant)

    @cached_property
    def browse(self) -> Caller:
        return by_session(self.tenant)

    @cached_property
    def empty(self) -> Caller:
        """A caller with a session in a tenant without records."""
        from headlessly.access.models import Tenant

        found, _ = Tenant.objects.get_or_create(slug="empty", defaults={"name": "Empty"})
        return by_session(found)

    @cached_property
    def known(self) -> tuple[str, str, list[str]]:
        """A contact, a company, and leads to read."""
        from crm import Contact, Lead, Organization

        with self.open():
            ids = list(Lead.objects.values_list("pk", flat=True)[:500])
            return Contact.create(name="A person").pk, Organization.create(name="A firm").pk, ids

    def people(self, count: int) -> list[str]:
        """Returns contacts that the tables of the limit contain too."""
        return [key for (key,) in self.limit.rows("SELECT id FROM limit_contact LIMIT %s", [count])]

    def qualified(self, count: int) -> list[str]:
        """Returns leads to convert, each with a contact whose stage the conversion changes."""
        from crm import Contact, Lead

        found = []
        with self.open():
            for _ in range(count):
                person = Contact.create(name="A person").pk
                lead = Lead.create(name="A new lead", source="website", contact=person)
                lead.update(organization=self.known[1], status="Contacted")
                found.append(lead.update(status="Qualified").pk)
        return found

    @cached_property
    def rare(self) -> str:
        """A word that only one lead has."""
        from crm import Lead

        with self.open():
            return Lead.objects.filter(name__startswith="Lead ").first().name.split()[-1]


LIST = "status=Qualified&sort=-score&include=contact,organization,campaign"
PATHS: dict[str, Path] = {}


def path(name: str, label: str, goal: float | None = None, share: float = 1.0) -> Callable:
    def register(pair: Callable[[Bench], tuple[Work, Work]]) -> Any:
        PATHS[name] = Path(label, goal, pair, share)
        return pair

    return register


@path("list", "list 25 leads + count + 3 includes", 2)
def _list(b: Bench) -> tuple[Work, Work]:
    return b.limit.list(), lambda: b.call("GET", "/leads", LIST)


@path("get", "get by id", 8, 4)
def _get(b: Bench) -> tuple[Work, Work]:
    ids, again = itertools.cycle(b.known[2]), itertools.cycle(b.known[2])
    return b.limit.get(ids), lambda: b.call("GET", f"/leads/{next(again)}")


@path("create", "create + event", 6)
def _create(b: Bench) -> tuple[Work, Work]:
    contact, company, _ = b.known
    body = {"name": "A new lead", "source": "website", "score": 50, "budget": 500,
            "contact": contact, "organization": company}  # fmt: skip
    return b.limit.create(contact, company), lambda: b.call("POST", "/leads", body=body)


@path("convert", "convert (lock, deal, contact, 5 events)", 6)
def _convert(b: Bench) -> tuple[Work, Work]:
    contact, company, _ = b.known
    ids = iter(b.qualified(600))
    limit = b.limit.convert(contact, company)
    return limit, lambda: b.call("POST", f"/leads/{next(ids)}/convert")


def _search(name: str, label: str, words: Callable[[Bench], str], goal: float | None = 2) -> None:
    @path(name, label, goal, 0.3)
    def _pair(b: Bench) -> tuple[Work, Work]:
        said = words(b)
        return b.limit.search(said), lambda: b.call("GET", "/leads", f"q={said.replace(' ', '+')}")


_search("search-rare", "search: a word of one lead", lambda b: b.rare, None)
_search("search-common", "search: a word of every lead", lambda b: "lead")
_search("search-some", "search: a word of one lead in 20", lambda b: "platform")
_search("search-two", "search: two words, each of one in 20", lambda b: "platform berlin")


@path("search-two-smaller", "the same of a tenant with one lead in 38 of all", None, 0.3)
def _search_smaller(b: Bench) -> tuple[Work, Work]:
    limit, call = b.of_a_smaller_tenant
    return limit.search("platform berlin"), lambda: call("GET", "/leads", "q=platform+berlin")


_search("search-person", "search: a word of contacts", lambda b: "chen")
_search("search-company", "search: a word of every company", lambda b: "company")


@path("as-of", "list as of a moment", 2, 0.3)
def _as_of(b: Bench) -> tuple[Work, Work]:
    limit = b.limit.as_of("true", "created_at DESC, id DESC", days=90)
    return limit, lambda: b.call("GET", "/leads", "asOf=90d ago".replace(" ", "+"))


@path("as-of-state", "the same of one status, by score", 2, 0.3)
def _as_of_state(b: Bench) -> tuple[Work, Work]:
    limit = b.limit.as_of(
        "status = 'Qualified'", "score DESC NULLS LAST, id DESC", days=90
    )  # fmt: skip
    return limit, lambda: b.call("GET", "/leads", "asOf=90d+ago&status=Qualified&sort=-score")


def _page(
    name: str, label: str, goal: float | None, where: Callable[[Bench], tuple[str, str]]
) -> None:
    @path(name, label, goal, 0.3)
    def _pair(b: Bench) -> tuple[Work, Work]:
        address, query = where(b)
        return (
            lambda: b.empty("GET", "/crm/lead/", "view=all"),
            lambda: b.browse("GET", address, query),
        )


_page("admin-list", "admin list, filtered", 3,
      lambda b: ("/crm/lead/", "status=Qualified&o=-score"))  # fmt: skip
_page("admin-hot", "admin list, the view Hot", 3,
      lambda b: ("/crm/lead/", "status=New,Contacted,Qualified&score__gte=80&o=-score"))  # fmt: skip
_page("admin-search", "admin search, a rare word", 5, lambda b: ("/crm/lead/", f"q={b.rare}"))
_page("admin-search-common", "admin search, a word of every lead", 5,
      lambda b: ("/crm/lead/", "q=lead"))  # fmt: skip
_page("admin-today", "the day of the team", None, lambda b: ("/", "of=team"))
_page("admin-team", "the team of a month", None,
      lambda b: ("/dashboard/tables/team/", "from=2026-06-01&to=2026-06-30"))  # fmt: skip
_page("admin-calendar", "a month of all activities", None,
      lambda b: ("/crm/activity/calendar/month/2026-06-01/", "view=all"))  # fmt: skip
_page("admin-lead", "the page of a lead", 3,
      lambda b: (f"/crm/lead/{b.known[2][0]}/change/", ""))  # fmt: skip


@path("dashboard", "dashboard of a year", None, 0.1)
def _dashboard(b: Bench) -> tuple[Work, Work]:
    days = "from=2026-01-01&to=2026-12-31"
    return (
        lambda: b.empty("GET", "/dashboard/", days),
        lambda: b.browse("GET", "/dashboard/", days),
    )


@path("funnel", "funnel over half of all leads", 1.2, 0.2)
def _funnel(b: Bench) -> tuple[Work, Work]:
    from crm import reports
    from headlessly.query import periods
    from headlessly.query.reports import Slice

    def product() -> Any:
        with b.open():
            year = periods.read_period({"from": "2026-01-01", "to": "2026-12-31"})
            return reports.lead_funnel(Slice(year))

    return b.limit.funnel(), product


@path("aggregate", "count, sum and average by source over half of all leads", 1.3, 0.2)
def _aggregate(b: Bench) -> tuple[Work, Work]:
    from crm import Lead

    def product() -> Any:
        with b.open():
            return Lead.aggregate(group="source", measure="count,sum(budget),avg(score)")

    return b.limit.aggregate(), product


@path("attribution", "attribution of 10,000 won deals with 100,000 touchpoints", 2, 0.1)
def _attribution(b: Bench) -> tuple[Work, Work]:
    return attribution.pair(b)


@path("growth", "growth of the list", 1.15)
@path("conversions", "conversions a second, 8 at once", 0.25)
@path("export ndjson", "export of all leads as NDJSON", 3.2)
@path("export csv", "export of all leads as CSV", 1.3)
@path("import", "import of 100,000 leads with events", 4)
def _measured_elsewhere(b: Bench) -> tuple[Work, Work]:
    # Measured in __main__, as they need databases or processes of their own.
    raise NotImplementedError
