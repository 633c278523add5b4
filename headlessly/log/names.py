"""Names of events that no verb of a noun records."""

from __future__ import annotations

#: Recorded by a script; the events of its verbs name it as their cause. No noun is called Script, and nobody
#: can track an event with such a name.
SCRIPT_RAN = "Script.Ran"

#: Recorded in the same way when an import starts.
IMPORT_STARTED = "Import.Started"

#: Recorded in the same way when a request is undone.
REQUEST_UNDONE = "Request.Undone"

#: The events that the platform records itself.
PLATFORM_EVENTS = (SCRIPT_RAN, IMPORT_STARTED, REQUEST_UNDONE)

#: Recorded when a record enters or leaves a saved view that somebody follows. The event is about the record
#: but did not change it, so it has no version.
VIEW = "View"
VIEW_ENTERED = "View.Entered"
VIEW_LEFT = "View.Left"
VIEW_EVENTS = (VIEW_ENTERED, VIEW_LEFT)

#: Separates the name of such an event from a view: ``View.Entered:view_fX9bL5nRdK2a`` is of that view.
OF = ":"


def names_of(name: str, view: str | None) -> tuple[str, ...]:
    """Returns the names by which somebody can subscribe to an event: its own, and the one with its
    ``view``."""
    return (name, f"{name}{OF}{view}") if view and name in VIEW_EVENTS else (name,)


def without_view(name: str) -> str:
    """Returns such a name without the view."""
    return name.partition(OF)[0]


#: The key in an event's data for what a file says of the record that no field holds, by heading.
LEFT_OUT = "$leftOut"

#: The type of events that only admins can read: who signed in, and who changed how one signs in.
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
