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

#: Under this name an event's data has what a file said of its record that no field holds, by heading.
LEFT_OUT = "$leftOut"
