"""The resources of the platform that are no nouns, as they are answered and taken."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.serializers import (
    BooleanField,
    CharField,
    ChoiceField,
    DictField,
    IntegerField,
    ListField,
)

from headlessly.access import actors
from headlessly.access.models import ApiKey
from headlessly.api.json_schema import (
    COUNT,
    TEXT,
    TEXTS,
    Schema,
    id_schema,
    nullable,
    object_schema,
)
from headlessly.api.serializers import (
    CheckedField,
    Count,
    InputSerializer,
    Moment,
    ResourceSerializer,
    SchemaField,
    WireSerializer,
    declared_field,
)
from headlessly.context import clock
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field
from headlessly.models import Delivery, Proposal, Webhook
from headlessly.scripts.limits import LIMITS
from headlessly.scripts.proposals import LONGEST_NOTE, LONGEST_REASON
from headlessly.transfer import formats
from headlessly.transfer.models import Import, RefusedRow, RowWarning
from headlessly.webhooks import addresses, patterns
from headlessly.webhooks.signing import LONGEST_SECRET, check_secret, new_secret

# -- webhooks -------------------------------------------------------------------------------------


class WebhookSerializer(ResourceSerializer):
    kind, prefix = "Webhook", Webhook.prefix
    meta: ClassVar = {
        "$createdAt": Moment(source="created_at"),
        "$updatedAt": Moment(source="updated_at"),
    }

    url = CharField()
    events = ListField(child=CharField())
    active = BooleanField()
    status = ChoiceField(
        ["active", "paused", "failing", "disabled"],
        help_text="failing: with deliveries that were given up. disabled: after three days without one that "
        "arrived, or an answer 410; set active to true to go on.",
    )
    disabled_at = Moment(allow_null=True)


class WebhookWithSecretSerializer(WebhookSerializer):
    secret = CharField(required=False, help_text="Signs what is sent. Only this answer has it.")


def check_address(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("Send the address to call, such as https://example.com/hook.")
    addresses.WebhookUrl.parse(value.strip())
    return value.strip()


def patterns_schema() -> Schema:
    """The names that there are, and those that somebody tracks."""
    named = [patterns.ALL, *(f"{noun}.*" for noun in registry), *patterns.known_event_names()]
    names = list(dict.fromkeys(named))
    tracked = TEXT | {
        "pattern": r"^[^.*\s]+$",
        "maxLength": 255,
        "description": "The name of a tracked event.",
    }
    return {
        "type": "array",
        "items": {"anyOf": [TEXT | {"enum": names}, tracked]},
        "minItems": 1,
        "maxItems": patterns.MAX_PATTERNS,
        "examples": [[f"{next(iter(registry))}.*"], [patterns.ALL]],
    }


def check_or_make_secret(value: Any) -> str:
    """The secret to sign with; one that we make where none is given."""
    return new_secret() if value is None else check_secret(value)


def check_active(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("This is true, or false for a webhook that is paused.")
    return value


class WebhookInput(InputSerializer):
    kind = "Webhook"

    url = CheckedField(
        TEXT | {"maxLength": addresses.MAX_URL_LENGTH, "examples": ["https://example.com/hook"]},
        check_address,
        help_text="https, on the public internet; no user name, no fragment.",
    )
    events = CheckedField(patterns_schema, patterns.check_patterns)
    secret = CheckedField(
        nullable(TEXT | {"pattern": r"^[ -~]+$", "maxLength": LONGEST_SECRET, "writeOnly": True}),
        check_or_make_secret,
        default=None,
        help_text="To sign with; one is made where it is left out, or null. whsec_ and base64, as Standard "
        "Webhooks has it, or any text.",
    )
    active = CheckedField(
        {"type": "boolean"},
        check_active,
        required=False,
        help_text="false: paused. A new one is active.",
    )


class WebhookNothing(InputSerializer):
    """Of an address that takes no body, or an empty one."""

    kind = "Webhook"


class DeliverySerializer(ResourceSerializer):
    kind, prefix = "Delivery", Delivery.prefix

    webhook = SchemaField(id_schema(Webhook.prefix), source="webhook_id")
    event = SchemaField(
        id_schema("evt"), source="event.id", allow_null=True, help_text="Null for a ping."
    )
    name = CharField()
    target = CharField(allow_null=True)
    status = ChoiceField(
        ["pending", "retrying", "delivered", "failing"],
        source="state",
        help_text="failing: given up, after three days or an answer 410.",
    )
    attempts = Count()
    response_status = IntegerField(allow_null=True)
    duration = IntegerField(allow_null=True, help_text="Milliseconds.")
    error = CharField(allow_null=True)
    last_attempt_at = Moment(source="tried_at", allow_null=True)
    next_attempt_at = Moment(allow_null=True)
    delivered_at = Moment(allow_null=True)


# -- API keys -------------------------------------------------------------------------------------


class ApiKeySerializer(ResourceSerializer):
    """Nothing of it gives the secret away."""

    kind, prefix = ApiKey.__name__, ApiKey.prefix

    name = CharField()
    scope = ChoiceField(list(actors.SCOPES))
    hint = CharField()
    rate_limit = Count()
    expires_at = Moment(allow_null=True)
    last_used_at = Moment(allow_null=True)
    revoked_at = Moment(allow_null=True)


class IssuedApiKeySerializer(ApiKeySerializer):
    key = CharField(required=False)


EXPIRY = Field("expires_at", "expiresAt", "expires_at", "datetime")


def check_expiry(value: Any) -> Any:
    moment = EXPIRY.clean(value)
    if moment and moment <= clock.now():
        raise ValueError("This is in the past.")
    return moment


class ApiKeyInput(InputSerializer):
    kind = ApiKey.__name__

    name = declared_field(Field("name", "name", "name", "string", required=True, max_length=255))
    scope = declared_field(
        Field("scope", "scope", "scope", "enum", choices=tuple(actors.SCOPES), default="write")
    )
    expires_at = declared_field(EXPIRY, check_expiry)


# -- imports --------------------------------------------------------------------------------------


def reading_schema() -> Schema:
    """How a file was understood: what its options say, as it was found."""
    parts: dict[str, Schema] = {
        "encoding": nullable(TEXT),
        "delimiter": nullable(TEXT),
        "linesAbove": COUNT | {"description": "Lines above the header."},
        "linesBelow": TEXTS | {"description": "Lines below the rows: totals, copyrights."},
        "numbers": {
            "type": "object",
            "additionalProperties": TEXT,
            "description": "The mark before the decimals of a column: comma or point.",
        },
        "days": {
            "type": "object",
            "additionalProperties": nullable(TEXT),
            "description": "The order of the days of a column: dmy or mdy; null where nobody knows.",
        },
        "zone": nullable(TEXT),
        "language": nullable(TEXT),
    }
    return object_schema(parts, parts)


class ListedImportSerializer(ResourceSerializer):
    kind, prefix = "Import", Import.prefix
    meta: ClassVar = {
        "$createdAt": Moment(source="created_at"),
        "$createdBy": CharField(source="created_by"),
    }

    type = SchemaField(lambda: TEXT | {"enum": list(registry)})
    filename = CharField(allow_null=True)
    format = ChoiceField(list(formats.FORMATS))
    size = Count(help_text="Bytes.")
    match = CharField(allow_null=True)
    dry_run = BooleanField()
    status = ChoiceField(list(Import.Status.values))
    message = CharField(allow_null=True, help_text="Why it failed.")
    started_at = Moment(allow_null=True)
    finished_at = Moment(allow_null=True)
    total = Count(allow_null=True, help_text="Rows in the file; null until they are counted.")
    done = Count(help_text="Rows that are dealt with.")
    created = Count()
    updated = Count()
    unchanged = Count(help_text="Found, and the same already.")
    refused = Count()
    warned = Count(help_text="Rows that are in without some of their cells.")
    unknown_columns = ListField(
        child=CharField(),
        source="unknown",
        help_text="What the file has that is no field, and was left out.",
    )
    already_here = Count(
        allow_null=True,
        help_text="Rows that are probably here already; null where nobody can tell.",
    )
    made = SchemaField(
        {"type": "object", "additionalProperties": COUNT},
        help_text="How many records beside their own the rows made, by noun.",
    )
    reading = SchemaField(reading_schema, help_text="How the file was understood.")


class RowErrorSerializer(WireSerializer):
    row = Count()
    field = CharField(allow_null=True)
    message = CharField()


class ImportSerializer(ListedImportSerializer):
    """With what is wrong with a page of its refused rows, and what was left out of rows that are in."""

    errors = ListField(child=RowErrorSerializer())
    has_more_errors = BooleanField()
    warnings = ListField(child=RowErrorSerializer())
    has_more_warnings = BooleanField()

    def to_representation(
        self,
        instance: tuple[Import, tuple[list[RefusedRow], bool], tuple[list[RowWarning], bool]],
    ) -> dict[str, Any]:
        source, (refused, more_refused), (warned, more_warned) = instance
        return ListedImportSerializer.to_json(source) | {
            "errors": [error for row in refused for error in row.errors()],
            "hasMoreErrors": more_refused,
            "warnings": [error for row in warned for error in row.errors()],
            "hasMoreWarnings": more_warned,
        }


class RefusedRowSerializer(WireSerializer):
    row = Count()
    errors = ListField(child=RowErrorSerializer())
    values = SchemaField()


# -- proposals ------------------------------------------------------------------------------------


class DifferenceSerializer(WireSerializer):
    name = CharField()
    target = CharField(allow_null=True)
    field = CharField(allow_null=True)
    was = SchemaField()
    now = SchemaField()


class BriefEventSerializer(WireSerializer):
    """An event in few words."""

    meta: ClassVar = {"$id": CharField()}

    name = CharField()
    target = CharField(allow_null=True)
    version = IntegerField(allow_null=True)
    cause = CharField(allow_null=True)
    data = DictField(required=False, help_text="Of a new record, and of a tracked event.")
    changes = SchemaField(
        {"type": "object", "examples": [{"score": [82, 90]}]},
        required=False,
        help_text="By field: the value before and after.",
    )


class ListedProposalSerializer(ResourceSerializer):
    kind, prefix = "Proposal", Proposal.prefix
    meta: ClassVar = {
        "$version": IntegerField(
            source="version",
            min_value=1,
            help_text="+1 whenever what it would do has changed.",
        ),
        "$createdAt": Moment(source="proposed_at"),
        "$createdBy": CharField(source="proposed_by"),
    }

    note = CharField(allow_null=True)
    code = CharField()
    status = ChoiceField(
        list(Proposal.STATUSES),
        help_text="Stale: it no longer works, and may be refused or tried again.",
    )
    event_count = Count()
    problem = DictField(allow_null=True, help_text="Why it no longer works.")
    differences = ListField(
        child=DifferenceSerializer(),
        allow_null=True,
        help_text="What it would do differently from when it was first looked at.",
    )
    decided_at = Moment(allow_null=True)
    decided_by = CharField(allow_null=True)
    reason = CharField(allow_null=True)
    event = CharField(allow_null=True, help_text="The event of the script that was approved.")

    def to_representation(self, instance: Proposal) -> dict[str, Any]:
        return instance.as_json(whole=False)  # as scripts answer it to whoever proposed it


class ProposalSerializer(ListedProposalSerializer):
    value = SchemaField(help_text="What the script answers.")
    output = CharField(help_text="What it prints.")
    events = ListField(child=BriefEventSerializer())
    events_left_out = IntegerField(required=False)

    def to_representation(self, instance: Proposal) -> dict[str, Any]:
        return instance.as_json()


def unchecked(value: Any) -> Any:
    """A value that is checked where all scripts are, from whatever surface they come."""
    return value


class ProposalInput(InputSerializer):
    kind = "Proposal"

    code = CheckedField(
        TEXT
        | {
            "minLength": 1,
            "maxLength": max(limits.code for limits in LIMITS.values()),
            "examples": ["Lead.count()"],
        },
        unchecked,
        help_text="A short Python script against the nouns.",
    )
    note = CheckedField(
        nullable(TEXT | {"maxLength": LONGEST_NOTE}),
        unchecked,
        default=None,
        help_text="What it is for, in short.",
    )


class ProposalRefusal(InputSerializer):
    kind = "Proposal"

    reason = CheckedField(
        TEXT | {"minLength": 1, "maxLength": LONGEST_REASON, "pattern": r"\S"}, unchecked
    )


class ProposalNothing(InputSerializer):
    """Of an address that takes no body, or an empty one."""

    kind = "Proposal"
