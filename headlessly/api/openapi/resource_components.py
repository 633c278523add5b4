"""The schemas of the platform's resources: what their serializers answer and take."""

from __future__ import annotations

from headlessly.api import (
    fields,
    following,
    keys,
    notifications,
    proposals,
    saved_views,
    undo,
    value_lists,
    webhooks,
)
from headlessly.api import import_serializers as imports
from headlessly.api.json_schema import Schema, ref
from headlessly.api.openapi.components import list_schema
from headlessly.api.openapi.serializers import serializer_schema

#: The components of which there is a list, ``ViewList`` of ``View``.
LISTED = (
    "Notification", "View", "Following", "Field", "List", "Webhook", "Delivery", "ApiKey", "LargeUndo",
    "StayingRecord",
)  # fmt: skip


def resource_components() -> dict[str, Schema]:
    """What is answered and taken, by name."""
    changes = serializer_schema(webhooks.WebhookInput())
    del changes["required"]
    preferences = serializer_schema(notifications.PreferencesInput())
    del preferences["required"]
    serializers = {
        "Field": fields.FieldSerializer,
        "FieldInput": fields.FieldInput,
        "List": value_lists.ListSerializer,
        "ListInput": value_lists.ListInput,
        "ListMerge": value_lists.MergedSerializer,
        "ListMergeInput": value_lists.MergeInput,
        "Webhook": webhooks.WebhookSerializer,
        "WebhookMade": webhooks.WebhookWithSecretSerializer,
        "WebhookInput": webhooks.WebhookInput,
        "Delivery": webhooks.DeliverySerializer,
        "ApiKey": keys.ApiKeySerializer,
        "ApiKeyIssued": keys.IssuedApiKeySerializer,
        "ApiKeyInput": keys.ApiKeyInput,
        "Import": imports.ImportSerializer,
        "ImportListed": imports.ListedImportSerializer,
        "Proposal": proposals.ProposalSerializer,
        "ProposalShort": proposals.ListedProposalSerializer,
        "ProposalDifference": proposals.DifferenceSerializer,
        "ProposalInput": proposals.ProposalInput,
        "ProposalRefusal": proposals.ProposalRefusal,
        "Notification": notifications.NotificationSerializer,
        "NotificationInput": notifications.NotificationInput,
        "NotificationsRead": notifications.ReadSerializer,
        "NotificationPreferences": notifications.PreferencesSerializer,
        "Following": following.FollowingSerializer,
        "Undo": undo.UndoSerializer,
        "UndoInput": undo.UndoInput,
        "LargeUndo": undo.LargeUndoSerializer,
        "View": saved_views.ViewSerializer,
        "StayingRecord": undo.StayingRecordSerializer,
    }
    return {
        **{name: serializer_schema(serializer()) for name, serializer in serializers.items()},
        "WebhookChanges": changes,
        "NotificationPreferencesInput": preferences,
        **{f"{name}List": list_schema(ref(name)) for name in LISTED},
        "ImportList": list_schema(ref("ImportListed")),
        "RefusedRowList": list_schema(serializer_schema(imports.RefusedRowSerializer())),
        "ProposalList": list_schema(ref("ProposalShort")),
    }
