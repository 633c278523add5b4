"""The addresses of REST under a tenant, made from the registry: a new noun has them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, include, path

from headlessly.api.about import MeView, SchemaView, StatusView
from headlessly.api.batch import BatchView
from headlessly.api.keys import KeysView, KeyView
from headlessly.api.log import EventViewSet
from headlessly.api.openapi.views import DocsView, OpenApiView
from headlessly.api.proposals import ApproveView, ProposalsView, ProposalView, RefuseView
from headlessly.api.public import PublicViewSet
from headlessly.api.records import NounViewSet, at_collection, at_record
from headlessly.api.transfers import (
    CancelView,
    ExportView,
    ImportRecordView,
    ImportsView,
    ImportView,
    RefusedCsvView,
    RefusedView,
)
from headlessly.api.webhooks import (
    DeliveriesView,
    PingView,
    RedeliverView,
    WebhooksView,
    WebhookView,
)
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import wire_name
from headlessly.nouns import Noun

METHODS = ("get", "post", "put", "patch", "delete")


def of(noun: type[Noun]) -> Iterator[URLPattern | URLResolver]:
    """The addresses of one noun."""

    def view(methods: dict[str, str], **more: Any) -> Callable[..., Any]:
        verb = more.get("verb")
        is_public = verb is not None and verb.public is not None
        return (PublicViewSet if is_public else NounViewSet).as_view(methods, noun=noun, **more)

    below: list[URLPattern] = [
        path(wire_name(v.name), view({"post": "execute"}, verb=v), name=f"{noun.plural}-{v.name}")
        for v in noun.verbs.values()
        if at_collection(v)
    ]
    record = {"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}
    below += [
        path("<id>", view(record), name=f"{noun.plural}-record"),
        path("<id>/events", view({"get": "history"}), name=f"{noun.plural}-events"),
    ]
    below += [
        path(
            f"<id>/{wire_name(v.name)}",
            view({"post": "execute"}, verb=v),
            name=f"{noun.plural}-{v.name}",
        )
        for v in noun.verbs.values()
        if at_record(v)
    ]
    below.append(path("<id>/<what>", view(dict.fromkeys(METHODS, "no_such_verb"))))
    yield path(noun.plural, view({"get": "list", "post": "create"}), name=noun.plural)
    yield path(f"{noun.plural}/", include(below))
    files = {"import": ImportView, "export": ExportView}
    for what, each in files.items():
        yield path(f"{what}/{noun.plural}", each.as_view(noun=noun), name=f"{noun.plural}-{what}")


urlpatterns = [pattern for noun in registry.values() for pattern in of(noun)] + [
    path("events", EventViewSet.as_view({"get": "list", "post": "create"}), name="events"),
    path("events/<id>", EventViewSet.as_view({"get": "retrieve"}), name="events-record"),
    path("imports", ImportsView.as_view(), name="imports"),
    path("imports/<id>", ImportRecordView.as_view(), name="imports-import"),
    path("imports/<id>/refused", RefusedView.as_view(), name="imports-refused"),
    path("imports/<id>/refused.csv", RefusedCsvView.as_view(), name="imports-refused-csv"),
    path("imports/<id>/cancel", CancelView.as_view(), name="imports-cancel"),
    path("batch", BatchView.as_view(), name="batch"),
    path("apikeys", KeysView.as_view(), name="apikeys"),
    path("apikeys/<id>", KeyView.as_view(), name="apikeys-key"),
    path("proposals", ProposalsView.as_view(), name="proposals"),
    path("proposals/<id>", ProposalView.as_view(), name="proposals-record"),
    path("proposals/<id>/approve", ApproveView.as_view(), name="proposals-approve"),
    path("proposals/<id>/refuse", RefuseView.as_view(), name="proposals-refuse"),
    path("webhooks", WebhooksView.as_view(), name="webhooks"),
    path("webhooks/<id>", WebhookView.as_view(), name="webhooks-record"),
    path("webhooks/<id>/ping", PingView.as_view(), name="webhooks-ping"),
    path("webhooks/<id>/deliveries", DeliveriesView.as_view(), name="webhooks-deliveries"),
    path(
        "webhooks/<id>/deliveries/<delivery>/redeliver",
        RedeliverView.as_view(),
        name="webhooks-redeliver",
    ),
    path("schema", SchemaView.as_view(), name="schema"),
    path("schema/<name>", SchemaView.as_view(), name="schema-noun"),
    path("me", MeView.as_view(), name="me"),
    path("status", StatusView.as_view(), name="status"),
    path("openapi.json", OpenApiView.as_view(), name="openapi"),
    path("docs", DocsView.as_view(), name="docs"),
]
