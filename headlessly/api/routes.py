"""The addresses of REST under a tenant, made from the registry: a new noun has them at once."""

from __future__ import annotations

from django.urls import path

from headlessly.api.about import MeView, SchemaView, StatusView
from headlessly.api.batch import BatchView
from headlessly.api.log import EventViewSet
from headlessly.api.openapi.views import DocsView, OpenApiView
from headlessly.api.public import public_viewset_for
from headlessly.api.records import viewset_for
from headlessly.api.reports import ReportView
from headlessly.api.resources import RESOURCES
from headlessly.api.routers import TenantRouter
from headlessly.api.transfers import ExportView, ImportFileView
from headlessly.declaration.registry import registry

router = TenantRouter()
for noun in registry.values():
    for verb in noun.verbs.values():
        if verb.public is not None:
            name = f"{noun.plural}-{verb.name}"
            router.register(noun.plural, public_viewset_for(verb), basename=name)
    router.register(noun.plural, viewset_for(noun), basename=noun.plural)
router.register("events", EventViewSet, basename="events")
for name, viewset in RESOURCES.items():
    router.register(name, viewset, basename=name)

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
