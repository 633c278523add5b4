"""Webhooks and their deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from headlessly.access.encryption import EncryptedText
from headlessly.access.models import Tenant
from headlessly.access.tenant_rows import TenantRow, TenantRowManager
from headlessly.context import running as context_running
from headlessly.database import prepared
from headlessly.database.tenant_joins import TenantForeignKey
from headlessly.declaration.fields import PublicId
from headlessly.ids import public_id
from headlessly.log import offsets
from headlessly.log.events import LogPosition
from headlessly.webhooks import patterns

#: Selects everything that had happened when a webhook was created: the snapshot of its transaction, and its
#: own events so far. Transactions are positions in the log of a tenant (see :mod:`headlessly.log.offsets`).
NOW = """
SELECT s.low, s.high, s.running, s.own, coalesce(
    (SELECT max(seq) FROM headlessly_event AS e
     WHERE e.tenant_id = s.tenant_id AND e.xid = s.own::text::xid8), 0)
FROM (
    SELECT t.id AS tenant_id,
        pg_snapshot_xmin(now)::text::bigint + log_offset AS low,
        pg_snapshot_xmax(now)::text::bigint + log_offset AS high,
        ARRAY(SELECT x::text::bigint + log_offset FROM pg_snapshot_xip(now) AS x) AS running,
        pg_current_xact_id()::text::bigint + log_offset AS own
    FROM headlessly_tenant AS t, pg_current_snapshot() AS now WHERE t.id = %s
) AS s"""


class LogSnapshot:
    """What had happened at a moment: all finished transactions, and a part of the current one.

    A position in the log is not enough, because a transaction that began earlier may end later. The text is a
    snapshot as PostgreSQL writes it, with the numbers of the log, followed by the position that the current
    transaction had reached: ``780:791:783,786/790.4711``.
    """

    def __init__(self, text: str) -> None:
        snapshot, _, own = text.partition("/")
        low, high, running = snapshot.split(":")
        self.low, self.high = int(low), int(high)
        self.running = {int(xid) for xid in running.split(",") if xid}
        self.own = LogPosition.parse(own)

    def __contains__(self, place: LogPosition) -> bool:
        if place.xid == self.own.xid:
            return place.seq <= self.own.seq
        return place.xid < self.high and place.xid not in self.running

    @classmethod
    def now(cls, tenant: int) -> str:
        """Returns the past of this moment as text; within a transaction."""

        context_running.flush_events()
        low, high, running, own, last = prepared.execute_prepared(NOW, (tenant,))[0]
        return f"{low}:{high}:{','.join(map(str, running))}/{LogPosition(own, last)}"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def with_fails(self) -> Self:
        """Annotates whether a webhook has deliveries that were given up."""
        given_up = Delivery.objects.filter(
            tenant=OuterRef("tenant"), webhook=OuterRef("pk"), status=Delivery.FAILING
        )
        return self.annotate(fails=Exists(given_up))


class WebhookManager(TenantRowManager.from_queryset(WebhookQuerySet)):  # type: ignore[misc]
    """Webhooks without their secrets, which are only read for signing: a secret that no key of the
    environment can decrypt does not break other queries."""

    def get_queryset(self) -> Any:
        return super().get_queryset().defer("secret")


class Webhook(TenantRow):
    """An address that is sent events, from its creation on.

    The secret is encrypted and not hashed, because it is needed for signing. Only its creation ever returns
    it.
    """

    prefix: ClassVar[str] = "webhook"
    GONE, FAILED = "gone", "failed"

    id = PublicId()
    tenant = models.ForeignKey(
        "headlessly.Tenant", models.CASCADE, related_name="webhooks", db_index=False
    )
    url = models.CharField(max_length=2000)
    events = models.JSONField()
    secret = EncryptedText(editable=False)
    active = models.BooleanField(default=True)
    #: Since when no delivery has succeeded; None if the last one did.
    failing_since = models.DateTimeField(null=True, editable=False)
    #: When and why it was disabled, until somebody has dealt with it.
    disabled_at = models.DateTimeField(null=True, editable=False)
    disabled_because = models.CharField(max_length=16, null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    #: The last event that was read, by its position in the log.
    xid = models.BigIntegerField(editable=False)
    seq = models.BigIntegerField(editable=False)
    past = models.TextField(editable=False)

    objects: ClassVar = WebhookManager()

    def __str__(self) -> str:
        return self.pk

    @property
    def position(self) -> LogPosition:
        return LogPosition(self.xid, self.seq)

    @position.setter
    def position(self, place: LogPosition) -> None:
        self.xid, self.seq = place

    def start_from_now(self) -> None:
        """Let it receive events from now on; within the transaction that creates it."""
        # Resumed now if necessary, so that existing events come before its position.
        offsets.resume_log(self.tenant)
        self.past = LogSnapshot.now(self.tenant_id)
        # Read from the first transaction that was still running; the snapshot excludes finished ones.
        self.position = LogPosition(LogSnapshot(self.past).low, 0)

    def wants(self, name: str, target_type: str | None, view: str | None = None) -> bool:
        return patterns.matches_any(self.events, name, target_type, view)

    @property
    def status(self) -> str:
        """``active``, ``paused``, ``disabled``, or ``failing``: with deliveries that were given up."""
        if not self.active:
            return "disabled" if self.disabled_at else "paused"
        return "failing" if getattr(self, "fails", False) else "active"


def update_has_webhooks(tenant: Tenant) -> None:
    """Save on the tenant whether it has active webhooks; within the transaction that changes them, with the
    tenant locked."""
    has = Webhook.objects.filter(tenant=tenant, active=True).exists()
    Tenant.objects.filter(pk=tenant.pk).update(has_webhooks=has)
    tenant.has_webhooks = has


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def next_in_order(self) -> Self:
        """Returns those that wait only for their time: no earlier event of their record is pending.

        Numbers of events grow with the versions of their record, even if transactions overlap. Deliveries
        that an admin sends again are out of order, and nothing waits for them.
        """
        earlier = Delivery.objects.filter(
            tenant=OuterRef("tenant"),
            webhook=OuterRef("webhook"),
            target=OuterRef("target"),
            event__lt=OuterRef("event"),
            status=Delivery.PENDING,
            again=False,
        )
        return self.filter(Q(again=True) | ~Exists(earlier), status=Delivery.PENDING)

    def due(self, now: datetime) -> Self:
        """Returns those to be sent now that nobody is sending."""
        free = Q(held_until=None) | Q(held_until__lte=now)
        return self.next_in_order().filter(free, next_at__lte=now)


class Delivery(TenantRow):
    """One event on its way to one webhook."""

    PENDING, DELIVERED, FAILING = "pending", "delivered", "failing"
    prefix: ClassVar[str] = "delivery"

    id = PublicId()
    webhook = TenantForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_index=False)
    #: None for a ping.
    event = TenantForeignKey(
        "headlessly.Event", models.PROTECT, related_name="+", null=True, db_index=False
    )
    name = models.CharField(max_length=255)
    target = models.CharField(max_length=32, null=True, db_collation="C")
    status = models.CharField(max_length=16, default=PENDING)
    #: Whether it was sent again by hand, out of order.
    again = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    #: Until when a sender holds it; if that one has died, another takes over then.
    held_until = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    response_status = models.PositiveSmallIntegerField(null=True)
    duration = models.PositiveIntegerField(null=True)  #: of the last attempt, in milliseconds
    error = models.CharField(max_length=255, null=True)
    created_at = models.DateTimeField()

    objects: ClassVar = TenantRowManager.from_queryset(DeliveryQuerySet)()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "webhook", "event"], name="delivered_once")
        ]
        indexes: ClassVar = [
            models.Index(
                F("tenant"),
                F("webhook"),
                F("created_at").desc(),
                F("id").desc(),
                name="delivery_newest",
            ),
            models.Index(
                fields=["tenant", "webhook", "next_at", "event"],
                condition=Q(status="pending"),
                name="delivery_pending",
            ),
            models.Index(
                fields=["tenant", "webhook", "target", "event"],
                condition=Q(status="pending", again=False),
                name="delivery_in_order",
            ),
            models.Index(fields=["tenant", "created_at"], name="delivery_by_created"),
            models.Index(
                fields=["tenant", "webhook"],
                condition=Q(status="failing"),
                name="delivery_given_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} to {self.webhook_id}"

    @property
    def state(self) -> str:
        """pending, retrying, delivered or failing."""
        return "retrying" if self.status == self.PENDING and self.tried_at else self.status

    @property
    def next_attempt_at(self) -> datetime | None:
        """The time of the next attempt; None if it is over."""
        return self.next_at if self.status == self.PENDING else None

    @classmethod
    def make(cls, webhook: Webhook, now: datetime, **what: Any) -> Delivery:
        what |= {"tenant_id": webhook.tenant_id, "webhook": webhook}
        return cls(id=public_id(cls.prefix), created_at=now, next_at=now, **what)
