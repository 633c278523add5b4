"""The addresses of REST under a tenant, made from the registry: a new noun has them at once."""

from __future__ import annotations

from django.urls import path

from headlessly.api.about import MeView, SchemaView, StatusView
from headlessly.api.batch import BatchView
from headlessly.api.fields import FieldViewSet
from headlessly.api.following import FollowingViewSet
from headlessly.api.keys import ApiKeyViewSet
from headlessly.api.log import EventViewSet
from headlessly.api.notifications import NotificationViewSet
from headlessly.api.openapi.views import DocsView, OpenApiView
from headlessly.api.proposals import ProposalViewSet
from headlessly.api.public import public_viewset_for
from headlessly.api.records import viewset_for
from headlessly.api.reports import ReportView
from headlessly.api.routers import TenantRouter
from headlessly.api.saved_views import ViewViewSet
from headlessly.api.transfers import ExportView, ImportFileView, ImportViewSet
from headlessly.api.undo import RequestViewSet, UndoViewSet
from headlessly.api.value_lists import ListViewSet
from headlessly.api.webhooks import WebhookViewSet
from headlessly.declaration.registry import registry

router = TenantRouter()
for noun in registry.values():
    for verb in noun.verbs.values():
        if verb.public is not None:
            name = f"{noun.plural}-{verb.name}"
            router.register(noun.plural, public_viewset_for(verb), basename=name)
    router.register(noun.plural, viewset_for(noun), basename=noun.plural)
router.register("events", EventViewSet, basename="events")
router.register("following", FollowingViewSet, basename="following")
router.register("imports", ImportViewSet, basename="imports")
router.register("apikeys", ApiKeyViewSet, basename="apikeys")
router.register("fields", FieldViewSet, basename="fields")
router.register("lists", ListViewSet, basename="lists")
router.register("notifications", NotificationViewSet, basename="notifications")
router.register("proposals", ProposalViewSet, basename="proposals")
router.register("requests", RequestViewSet, basename="requests")
router.register("undos", UndoViewSet, basename="undos")
router.register("views", ViewViewSet, basename="views")
router.register("webhooks", WebhookViewSet, basename="webhooks")

urlpatterns = [
    *router.urls,
    *(
        path(
            f"{what}/{noun.plural}",
            view.of_noun(noun).as_view(),
            name=f"{noun.plural}-{what}",
        )
        for noun in registry.values()
        for what, view in (("import", ImportFileView), ("export", ExportView))
    ),
    path("batch", BatchView.as_view(), name="batch"),
    path("schema", SchemaView.as_view(), name="schema"),
    path("schema/<name>", SchemaView.as_view(), name="schema-noun"),
    path("me", MeView.as_view(), name="me"),
    # A report with an address of its own stands before these.
    path("reports", ReportView.as_view(), name="reports"),
    path("reports/<name>", ReportView.as_view(), name="report"),
    path("status", StatusView.as_view(), name="status"),
    path("openapi.json", OpenApiView.as_view(), name="openapi"),
    path("docs", DocsView.as_view(), name="docs"),
]
