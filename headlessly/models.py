"""The platform's own tables: users, tenants, memberships and keys; and the log.

None of these is a noun. They know nothing of a tenant's business, and are not created by verbs.
"""

from __future__ import annotations

from headlessly.access.lists import ListValue
from headlessly.access.models import (
    ApiKey,
    IdempotentReply,
    KeyUse,
    Membership,
    Presence,
    Tenant,
    User,
)
from headlessly.accounts.models import Device, Guess, Invitation, SecondFactor, Session
from headlessly.contents.models import ContentPart, ContentUse
from headlessly.log.events import Event
from headlessly.log.external_ids import ExternalId
from headlessly.log.indexed_values import IndexedValue
from headlessly.log.unique_values import UniqueValue
from headlessly.notifications.models import Follower, Notification, NotificationReader
from headlessly.query.saved_views import (
    Pin,
    Start,
    View,
)
from headlessly.scripts.models import Proposal
from headlessly.shaping import composing as composing  # its fields join every schema
from headlessly.shaping import value_lists as value_lists  # so do its lists of values
from headlessly.shaping.models import CustomField
from headlessly.subscriptions.models import ListMember, ListReader, WatchedList
from headlessly.transfer.models import (
    Import,
    ImportPart,
    RefusedRow,
    RowWarning,
)
from headlessly.undo.models import Undo, UndoRecord
from headlessly.webhooks.models import (
    Delivery,
    Webhook,
)

__all__ = [
    "ApiKey",
    "ContentPart",
    "ContentUse",
    "CustomField",
    "Delivery",
    "Device",
    "Event",
    "ExternalId",
    "Follower",
    "Guess",
    "IdempotentReply",
    "Import",
    "ImportPart",
    "IndexedValue",
    "Invitation",
    "KeyUse",
    "ListMember",
    "ListReader",
    "ListValue",
    "Membership",
    "Notification",
    "NotificationReader",
    "Pin",
    "Presence",
    "Proposal",
    "RefusedRow",
    "RowWarning",
    "SecondFactor",
    "Session",
    "Start",
    "Tenant",
    "Undo",
    "UndoRecord",
    "UniqueValue",
    "User",
    "View",
    "WatchedList",
    "Webhook",
]
