"""A server on a standby answers what is read, and sends those who write elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm import Lead
from headlessly.access.models import Membership, User
from headlessly.api import limits
from tests.answered import answered, problem
from tests.conftest import Api

from .clusters import Cluster, acme_at

pytestmark = pytest.mark.django_db

#: Beside the list of each noun.
READ = [
    "/leads/{lead}", "/leads/{lead}?include=contact,deal", "/leads/{lead}/events",
    "/leads?name__contains=lead",
    "/leads?asOf=now", "/leads/aggregate?group=status", "/events", "/events?wait=0.1", "/me",
    "/schema", "/openapi.json", "/reports", "/webhooks", "/imports", "/proposals",
]  # fmt: skip
PAGES = [
    "/admin/", "/admin/crm/lead/", "/admin/crm/lead/{lead}/change/", "/admin/crm/deal/", "/admin/dashboard/",
    "/admin/settings/", "/admin/settings/webhooks/",
]  # fmt: skip


def test_it_answers_all_that_is_read_on_a_standby(
    original: Cluster, new_cluster: Callable[[], Cluster], settings: Any
) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    browser = Client()
    with acme_at(original) as acme:
        lead = Lead.objects.first()
        api = Api(acme)
        user = User.objects.create_user("ada@acme.example", "pass-word-1")
        Membership.objects.create(user=user, tenant=acme, role="admin")
        browser.force_login(user)
    standby = new_cluster().become_standby_of(original).start()
    settings.READ_ONLY = True
    limits.leases.forget()
    with acme_at(standby):
        assert Client().get("/readyz").status_code == 200
        documented = answered(api.call("GET", "/openapi.json"))["paths"]
        lists = [p for p, does in documented.items() if "get" in does and "{" not in p]
        answers = {path: api.call("GET", path.format(lead=lead.pk)) for path in [*lists, *READ]}
        answers |= {page: browser.get("/~acme" + page.format(lead=lead.pk)) for page in PAGES}
        # An export leaves an event; the others ask for more than their address.
        exports = {path for path in answers if path.startswith("/export/")}
        for path in exports:
            problem(answers.pop(path), 503, "read_only")
        # The key is nobody's.
        for path in [path for path in answers if path.startswith(("/notifications", "/following"))]:
            problem(answers.pop(path), 403, "forbidden")
        refused = {p: (a.status_code, a.content[:200]) for p, a in answers.items()}
        assert {p: told for p, told in refused.items() if told[0] not in (200, 400)} == {}
        assert sum(status == 400 for status, _ in refused.values()) <= 2
        assert exports
        problem(api.call("POST", "/leads", {"name": "New", "source": "website"}), 503, "read_only")
        problem(api.call("PATCH", f"/leads/{lead.pk}", {"need": "more"}), 503, "read_only")
        settings.READ_ONLY = False
        assert Client().get("/readyz").status_code == 503
