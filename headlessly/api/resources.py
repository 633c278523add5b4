"""The platform's own resources by their addresses."""

from __future__ import annotations

from headlessly.api.base import ResourceViewSet
from headlessly.api.fields import FieldViewSet
from headlessly.api.following import FollowingViewSet
from headlessly.api.keys import ApiKeyViewSet
from headlessly.api.notifications import NotificationViewSet
from headlessly.api.proposals import ProposalViewSet
from headlessly.api.saved_views import ViewViewSet
from headlessly.api.transfers import ImportViewSet
from headlessly.api.undo import RequestViewSet, UndoViewSet
from headlessly.api.value_lists import ListViewSet
from headlessly.api.webhooks import WebhookViewSet

RESOURCES: dict[str, type[ResourceViewSet]] = {
    "imports": ImportViewSet,
    "apikeys": ApiKeyViewSet,
    "fields": FieldViewSet,
    "lists": ListViewSet,
    "notifications": NotificationViewSet,
    "proposals": ProposalViewSet,
    "requests": RequestViewSet,
    "undos": UndoViewSet,
    "following": FollowingViewSet,
    "views": ViewViewSet,
    "webhooks": WebhookViewSet,
}
