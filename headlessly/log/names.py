"""Names of events that no verb of a noun records."""

from __future__ import annotations

#: What a script leaves beside the events of its verbs, which name it as their cause. No noun is called so,
#: and nobody can track an event with such a name.
SCRIPT_RAN = "Script.Ran"

#: What an import leaves when it starts, in the same way.
IMPORT_STARTED = "Import.Started"

#: What taking back a request leaves, in the same way.
REQUEST_UNDONE = "Request.Undone"

#: The names of events that the platform itself leaves.
PLATFORM_EVENTS = (SCRIPT_RAN, IMPORT_STARTED, REQUEST_UNDONE)

#: What a list leaves in the log when a record comes into it or is no longer in it: a saved view that somebody
#: follows. The event is about that record, which it did not change, so it has no version of it.
VIEW = "View"
VIEW_ENTERED = "View.Entered"
VIEW_LEFT = "View.Left"
VIEW_EVENTS = (VIEW_ENTERED, VIEW_LEFT)

#: Stands between the name of such an event and a view: ``View.Entered:view_fX9bL5nRdK2a`` is of that one.
OF = ":"


def names_of(name: str, view: str | None) -> tuple[str, ...]:
    """The names by which an event can be wanted: its own, and that of a ``view`` with it."""
    return (name, f"{name}{OF}{view}") if view and name in VIEW_EVENTS else (name,)


def without_view(name: str) -> str:
    """A name by which an event can be wanted, without the view that narrows it."""
    return name.partition(OF)[0]


#: Under this name an event's data has what a file said of its record that no field holds, by heading.
LEFT_OUT = "$leftOut"

#: The type of what admins alone read of the log: who got in, and who changed how one gets in.
SECURITY = "Security"

SIGNED_IN = "Session.Started"
SIGN_IN_FAILED = "Session.Refused"
SESSIONS_ENDED = "Session.Ended"
LINK_MADE = "PasswordLink.Made"
PASSWORD_CHANGED = "Password.Changed"
FACTOR_ADDED = "SecondFactor.Added"
FACTOR_REMOVED = "SecondFactor.Removed"
INVITED = "Invitation.Sent"
INVITATION_WITHDRAWN = "Invitation.Withdrawn"
INVITATION_ACCEPTED = "Invitation.Accepted"
ROLE_CHANGED = "Member.Changed"
MEMBER_REMOVED = "Member.Removed"
KEY_ISSUED = "ApiKey.Issued"
KEY_REVOKED = "ApiKey.Revoked"
SETTINGS_CHANGED = "Settings.Changed"
WEBHOOK_CREATED = "Webhook.Created"
WEBHOOK_CHANGED = "Webhook.Changed"
WEBHOOK_DELETED = "Webhook.Deleted"
EXPORTED = "Export.Started"
FIELD_CREATED = "Field.Created"
FIELD_CHANGED = "Field.Changed"
FIELD_ARCHIVED = "Field.Archived"
FIELD_RESTORED = "Field.Restored"
FIELD_DELETED = "Field.Deleted"
LIST_CHANGED = "List.Changed"

SECURITY_EVENTS = (
    SIGNED_IN, SIGN_IN_FAILED, SESSIONS_ENDED, LINK_MADE, PASSWORD_CHANGED, FACTOR_ADDED,
    FACTOR_REMOVED, INVITED, INVITATION_WITHDRAWN, INVITATION_ACCEPTED, ROLE_CHANGED, MEMBER_REMOVED,
    KEY_ISSUED, KEY_REVOKED, SETTINGS_CHANGED, WEBHOOK_CREATED, WEBHOOK_CHANGED, WEBHOOK_DELETED,
    EXPORTED, FIELD_CREATED, FIELD_CHANGED, FIELD_ARCHIVED, FIELD_RESTORED, FIELD_DELETED,
    LIST_CHANGED,
)  # fmt: skip
