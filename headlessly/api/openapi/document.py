"""The whole document."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings

from headlessly.access import tenancy
from headlessly.api.openapi import (
    components,
    examples,
    operations,
    parameters,
    platform,
    responses,
    webhooks,
)
from headlessly.declaration.registry import registry
from headlessly.declaration.shapes import cached_by_shape
from headlessly.environment import product_version

ABOUT = """\
Every record is changed by a verb, and every verb leaves an event. Writes take `dryRun=true`; a record's
`ETag` sent as `If-Match` keeps you from overwriting what you have not seen. Every answer, an error too,
has an `X-Request-Id`: quote it when something is wrong, and take back by it what you did
(`POST /requests/{id}/undo`)."""


def tenant_document() -> dict[str, Any]:
    """The document of the active tenant."""
    title = f"{tenancy.require().name} on headlessly"
    found = document_shape()
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": product_version(), "description": ABOUT},
        "servers": [{"url": tenancy.context_url()}],
        **found,
    }


@cached_by_shape
def document_shape() -> dict[str, Any]:
    """What is the same for every tenant: made once per process, never changed."""
    paths: dict[str, Any] = {}
    schemas = platform.platform_components()
    conditions: dict[str, Any] = {}
    for noun in registry.values():
        paths |= operations.noun_paths(noun)
        schemas |= components.noun_components(noun)
        schemas |= operations.operation_components(noun)
        conditions |= parameters.condition_components(noun)
    paths |= platform.platform_paths()
    for described in _described_by_apps():
        paths |= described.paths()
        schemas |= described.components()
    examples.add_body_examples(paths, schemas)
    return _open_free_objects({
        "tags": [
            *({"name": n.__name__, "description": n.schema.description} for n in registry.values()),
            {"name": "Event", "description": "The log: everything that happened."},
            {"name": "Notification", "description": "What you are told."},
            {"name": "View", "description": "Saved views of lists, and who follows them."},
            {"name": "Proposal", "description": "Scripts that wait for somebody to approve them."},
            {"name": "Webhook", "description": "Events told to an address of yours. For admins."},
            {"name": "About", "description": "The API itself, and your place in it."},
        ],
        "paths": paths,
        "webhooks": webhooks.webhook_items(),
        "components": {
            "schemas": schemas | {"WebhookEvent": webhooks.webhook_payload()},
            "parameters": parameters.SHARED | conditions,
            "headers": responses.HEADERS,
            "responses": responses.error_components(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key of this tenant: `hly_sk_...`.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": settings.SESSION_COOKIE_NAME,
                    "description": "A browser that is signed in.",
                },
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRFToken"},
            },
        },
    })  # fmt: skip


def _described_by_apps() -> list[Any]:
    """What apps say of the addresses that they serve beside their nouns."""
    return [
        import_module(config.tenant_openapi)
        for config in apps.get_app_configs()
        if hasattr(config, "tenant_openapi")
    ]


def _open_free_objects(part: Any) -> Any:
    """The document, in which every object that may have more than is named says so.

    It is what JSON Schema means without a word; what makes clients wants the word.
    """
    if isinstance(part, list):
        return [_open_free_objects(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: _open_free_objects(each) for name, each in part.items()}
    types = found.get("type")
    if types == "object" or (isinstance(types, list) and "object" in types):
        found.setdefault("additionalProperties", True)
    return found
