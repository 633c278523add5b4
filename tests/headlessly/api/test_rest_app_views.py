"""What an app serves beside its nouns, in views that know nothing of this platform."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm import Lead
from headlessly.access import actors, visibility
from headlessly.access.models import Membership, User
from headlessly.log.events import Event
from headlessly.query import counts, reads
from tests.answered import answered, problem
from tests.refusals import refused


class PlainView(APIView):
    """As Django REST framework's tutorial has it: it says nothing of who may come."""

    def get(self, request: Request) -> Response:
        return Response({"leads": Lead.objects.count(), "actor": actors.current().id})

    def post(self, request: Request) -> Response:
        return Response({"id": Lead.create(**request.data).id}, status=201)


class OpenView(APIView):
    """It says that anybody may come, and then reads records with nobody acting."""

    authentication_classes: ClassVar = []
    permission_classes: ClassVar = []

    def get(self, request: Request) -> Response:
        return Response({"leads": Lead.objects.count() if "read" in request.GET else None})


def forgotten(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(Lead.objects.count()))


urlpatterns = [
    path("plain", PlainView.as_view()),
    path("open", OpenView.as_view()),
    path("forgotten", forgotten),
    path("", include("headlessly.tenant_urls")),
]
handler500 = "headlessly.api.handlers.server_error"


@pytest.fixture(autouse=True)
def app(settings: Any, acme: Any) -> None:
    """These views are served under every tenant."""
    settings.TENANT_URLCONF = __name__


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_is_closed_to_strangers(method: str, rival_api: Any) -> None:
    wrong = {"Authorization": "Bearer hly_sk_nothing"}
    theirs = {"Authorization": f"Bearer {rival_api.secret}"}
    for headers in ({}, wrong, theirs):
        for slug in ("acme", "nobodys"):
            answer = Client(headers=headers).generic(method, f"/~{slug}/plain")
            assert problem(answer, 401, "unauthorized")
            assert answer["WWW-Authenticate"] == "Bearer"


def test_it_is_open_to_a_key_of_the_tenant_which_then_acts(api: Any, lead: Lead) -> None:
    answer = api.call("GET", "/plain")
    assert answered(answer) == {"leads": 1, "actor": api.key.id}
    assert answer["X-RateLimit-Remaining"] == "99999"
    made = answered(
        api.call("POST", "/plain", {"name": "By an app's view", "source": "website"}), 201
    )
    assert Lead.get(made["id"]).created_by == api.key.id


def test_it_is_open_to_a_member_who_writes_with_a_token_only(lead: Lead, acme: Any) -> None:
    user = User.objects.create_user("ann@sign.example", first_name="Ann")
    Membership.objects.create(user=user, tenant=acme, role="viewer")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    assert answered(browser.get("/~acme/plain"))["leads"] == 1
    problem(browser.post("/~acme/plain", {}, content_type="application/json"), 403, "forbidden")
    assert Lead.objects.count() == 1


def test_it_stops_a_key_that_has_used_up_its_minute(api: Any) -> None:
    api.key.rate_limit = 1
    api.key.save()
    answered(api.call("GET", "/plain"))
    assert problem(api.call("GET", "/plain"), 429, "rate_limited")


def test_it_answers_what_is_wrong_in_the_shape_of_the_house(api: Any) -> None:
    problem(api.call("POST", "/plain", b"{"), 400, "bad_request")
    problem(api.call("POST", "/plain", {"name": "x", "score": -1}), 422, "validation_error")
    assert problem(api.call("DELETE", "/plain"), 405, "method_not_allowed")


def test_it_reads_nothing_with_nobody_acting_even_where_a_view_is_open(lead: Lead) -> None:
    browser = Client(raise_request_exception=False)
    assert answered(browser.get("/~acme/open")) == {"leads": None}
    problem(browser.get("/~acme/open?read"), 500, "internal_error")
    problem(browser.get("/~acme/forgotten"), 500, "internal_error")


@pytest.mark.parametrize(
    "read",
    [
        lambda lead: Lead.objects.count(),
        lambda lead: Lead.with_deleted.count(),
        lambda lead: Lead.get(lead.pk),
        lambda lead: Lead.find({"name": lead.name}).count(),
        lambda lead: Event.objects.count(),
        lambda lead: reads.record_page(Lead),
        lambda lead: reads.record_json(Lead, lead.pk),
        lambda lead: counts.counts_by_state(),
        lambda lead: visibility.visible_rows(Lead, "r"),
    ],
)
def test_it_raises_for_a_read_as_for_a_write_when_nobody_acts(read: Any, lead: Lead) -> None:
    read(lead)
    with actors.acting(None), refused(PermissionError, "Nobody is acting"):
        read(lead)
