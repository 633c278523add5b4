"""A Python client for the REST API: the same verbs on the same nouns as in process. It needs no Django.

    from headlessly.client import Headlessly

    with Headlessly("https://crm.example.com/~acme", "hly_sk_...") as acme:
        for lead in acme.Lead.find({"status": "Qualified", "score": {"$gte": 80}}, sort="-score"):
            lead.convert()

The client asks the server which nouns and verbs there are, so a new one needs no change here.
"""

from headlessly.client.batches import AsyncBatch, Batch
from headlessly.client.calls import Retries
from headlessly.client.clients import AsyncHeadlessly, Headlessly
from headlessly.client.declarations import UnknownInput, UnknownName
from headlessly.client.errors import (
    ApiError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    DependencyFailed,
    Forbidden,
    HeadlesslyError,
    ImportFailed,
    Invalid,
    InvalidFilter,
    LimitExceeded,
    MethodNotAllowed,
    NotFound,
    NotSignedIn,
    NotUnderstood,
    RateLimited,
    Refused,
    ScriptFailed,
    ServerFailed,
    Stale,
    TooLarge,
    Unauthorized,
    UndoFailed,
    UnsupportedMediaType,
    ValidationFailed,
    VerbRefused,
)
from headlessly.client.lists import AsyncEvents, AsyncFound, Events, Found, Page
from headlessly.client.records import DryRun, Event, Import, Record
from headlessly.client.scripts import Ran
from headlessly.client.webhooks import NotVerified, verify

__all__ = [
    "ApiError",
    "AsyncBatch",
    "AsyncEvents",
    "AsyncFound",
    "AsyncHeadlessly",
    "BadRequest",
    "Batch",
    "Conflict",
    "ConnectionFailed",
    "DependencyFailed",
    "DryRun",
    "Event",
    "Events",
    "Forbidden",
    "Found",
    "Headlessly",
    "HeadlesslyError",
    "Import",
    "ImportFailed",
    "Invalid",
    "InvalidFilter",
    "LimitExceeded",
    "MethodNotAllowed",
    "NotFound",
    "NotSignedIn",
    "NotUnderstood",
    "NotVerified",
    "Page",
    "Ran",
    "RateLimited",
    "Record",
    "Refused",
    "Retries",
    "ScriptFailed",
    "ServerFailed",
    "Stale",
    "TooLarge",
    "Unauthorized",
    "UndoFailed",
    "UnknownInput",
    "UnknownName",
    "UnsupportedMediaType",
    "ValidationFailed",
    "VerbRefused",
    "verify",
]
