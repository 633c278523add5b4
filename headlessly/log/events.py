"""The log: one row per executed verb, never changed and never deleted, which the database enforces.

There are two exceptions: the log that a tenant leaves behind when it moves to another database, and old
months that have been moved to files (:mod:`.kept`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import orjson
from django.db import models, transaction
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KT
from django.dispatch import Signal
from psycopg.types.json import Jsonb

from headlessly.access import actors, tenancy
from headlessly.context import clock, running
from headlessly.database import copying
from headlessly.database import prepared as statements
from headlessly.declaration.registry import registry
from headlessly.declaration.values import to_json_value
from headlessly.errors import Moving
from headlessly.ids import public_id
from headlessly.log import event_visibility, offsets
from headlessly.log.names import VIEW_EVENTS

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: Enforces in the database that events are never changed or deleted.
APPEND_ONLY = """
CREATE OR REPLACE FUNCTION headlessly_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A tenant that has moved to another database leaves a copy, which may go; so may what is in files.
    IF TG_LEVEL = 'ROW' AND TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT FROM headlessly_tenant WHERE id = OLD.tenant_id
            AND (log_cluster = 'closed' OR OLD.timestamp < past_begins)) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'Events are never changed and never deleted.'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE OR REPLACE TRIGGER headlessly_append_only
    BEFORE UPDATE OR DELETE ON headlessly_event FOR EACH ROW EXECUTE FUNCTION headlessly_append_only();
CREATE OR REPLACE TRIGGER headlessly_append_only_truncate
    BEFORE TRUNCATE ON headlessly_event FOR EACH STATEMENT EXECUTE FUNCTION headlessly_append_only();
"""

#: Returns the oldest transaction of this database that is still running, if any. It runs with the rights of
#: the function's owner, because the role of statements cannot see the transactions of others.
OLDEST_RUNNING = """
CREATE OR REPLACE FUNCTION headlessly_oldest_running() RETURNS xid8 LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog AS $$
    SELECT x FROM pg_snapshot_xip(pg_current_snapshot()) AS x
    JOIN pg_stat_activity AS a ON a.backend_xid = x::xid
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() ORDER BY x LIMIT 1
$$;
"""


def dump_json(value: Any) -> bytes:
    """Returns JSON with UTC as ``Z`` and amounts as numbers."""
    return orjson.dumps(value, default=_encode_decimal, option=orjson.OPT_UTC_Z)


def plain_json(value: Any) -> Any:
    """Returns ``value`` as it is after a round trip through JSON: moments as text, amounts as numbers."""
    return orjson.loads(dump_json(value))


def _encode_decimal(value: Any) -> float | int:
    if isinstance(value, Decimal):
        return to_json_value(value)
    raise TypeError(f"{type(value).__name__} is not JSON.")


class EventJson(models.JSONField):
    """JSON written and read by orjson, which knows moments and days.

    It can write whatever it reads. The standard library reads ``1e29``, which PostgreSQL spells out, as an
    integer beyond 64 bits.
    """

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return orjson.loads(value) if isinstance(value, str) else value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value if value is None else Jsonb(value, dump_json)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs


class TransactionId(models.Field):
    """The number of the transaction that wrote a row, plus the offset of its log; 64 bits, never reused."""

    def db_type(self, connection: Any) -> str:
        return "xid8"


class LogPosition(NamedTuple):
    """A position in the log: the last event read, by its transaction and its number."""

    xid: int
    seq: int

    def __str__(self) -> str:
        return f"{self.xid}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> LogPosition:
        """Returns the position in a cursor. Raises ValueError."""
        parts = text.split(".")
        if len(parts) != 2 or not all(p.isascii() and p.isdecimal() and len(p) < 19 for p in parts):
            raise ValueError("This is no cursor of the log.")
        return cls(*map(int, parts))


LOG_START = LogPosition(0, 0)


#: Selects the transaction up to which the log is settled, and the current one, as positions in the log of a
#: tenant.
#:
#: The first is the oldest transaction of this database that is still running, else the next one. It is the
#: oldest of all databases if a transaction's database cannot be known: on a standby, where transactions run
#: elsewhere, and with prepared transactions, which have no process.
HORIZON = """
SELECT t.log_offset + (CASE
    WHEN pg_is_in_recovery() OR current_setting('max_prepared_transactions')::integer > 0
    THEN pg_snapshot_xmin(pg_current_snapshot())
    ELSE coalesce(
        headlessly_oldest_running(),
        pg_snapshot_xmax(pg_current_snapshot()))
    END)::text::bigint,
    t.log_offset + pg_current_xact_id_if_assigned()::text::bigint
FROM headlessly_tenant AS t WHERE t.id = %s
"""


def settled_horizon() -> tuple[int, int | None]:
    """Returns the transaction up to which the log is settled (all earlier ones have ended, and the next query
    sees them), and the current transaction, if it writes.

    A transaction that is still running may have drawn its numbers long ago. Whoever read past them now would
    never see its events.
    """
    if transaction.get_connection().in_atomic_block:
        # Inside a transaction, PostgreSQL would repeat its first answer about who is running.
        statements.execute_prepared("SELECT pg_stat_clear_snapshot()", ())
    # Together with the offset, which grows when the log is resumed (see :mod:`.offsets`).
    ((horizon, own),) = statements.execute_prepared(HORIZON, (tenancy.require().pk,))
    return horizon, own


class EventQuerySet(models.QuerySet["Event"]):
    def settled_after(
        self, position: LogPosition, horizon: tuple[int, int | None] | None = None
    ) -> Self:
        """Returns the events after ``position`` in the order of the log, none skipped and none twice.
        ``horizon`` saves the query for it.

        The order is by transaction and number: everything that becomes readable later comes after everything
        that is readable now.
        """
        until, own = horizon or settled_horizon()
        settled = RawSQL(
            "headlessly_event.xid < %s::text::xid8"
            " OR headlessly_event.xid = %s::text::xid8",  # the current transaction, in a hook
            (str(until), str(own or 0)),
            models.BooleanField(),
        )
        return self.filter(settled).all_after(position).order_by("xid", "seq")

    def all_after(self, position: LogPosition) -> Self:
        """Returns all events after ``position``, even if earlier ones may still appear among them."""
        return self._placed(">", position)

    def all_before(self, position: LogPosition) -> Self:
        """Returns the events before ``position``, excluding it."""
        return self._placed("<", position)

    def up_to(self, position: LogPosition) -> Self:
        """Returns the events up to ``position``, including it."""
        return self._placed("<=", position)

    def _placed(self, operator: str, position: LogPosition) -> Self:
        place = "(headlessly_event.xid, headlessly_event.seq)"
        compared = f"{place} {operator} (%s::text::xid8, %s)"
        given = (str(position.xid), position.seq)
        return self.filter(RawSQL(compared, given, models.BooleanField()))

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Events are never changed and never deleted.")

    update = delete = bulk_create = bulk_update = _refuse


_Manager = models.Manager.from_queryset(EventQuerySet)


class UnfilteredEventManager(_Manager["Event"]):
    """All events of the active tenant, whether the actor sees them or not."""

    def get_queryset(self) -> models.QuerySet[Event]:

        running.flush_events()
        return super().get_queryset().filter(tenant_id=tenancy.require().pk)


class EventManager(UnfilteredEventManager):
    """The active tenant's events that the actor sees."""

    def get_queryset(self) -> models.QuerySet[Event]:
        return event_visibility.visible_events(super().get_queryset())


class Event(models.Model):
    """The record of one executed verb, or of something tracked from outside."""

    prefix: ClassVar[str] = "evt"

    seq = models.BigAutoField(primary_key=True)
    id = models.CharField(max_length=32, db_collation="C")
    tenant = models.ForeignKey(
        "headlessly.Tenant", models.PROTECT, related_name="+", db_index=False
    )
    name = models.CharField(max_length=255)
    target = models.CharField(max_length=32, null=True, db_collation="C")
    target_type = models.CharField(max_length=64, null=True)
    actor = models.CharField(max_length=32, db_collation="C")
    timestamp = models.DateTimeField()
    version = models.PositiveIntegerField(null=True)
    data = EventJson()
    previous = EventJson(null=True)
    cause = models.CharField(max_length=32, null=True, db_collation="C")
    request_id = models.CharField(max_length=64, db_collation="C")
    xid = TransactionId(db_default=models.Func(function="pg_current_xact_id"), editable=False)

    objects = EventManager()
    log = UnfilteredEventManager()

    class Meta:
        default_manager_name = "objects"
        ordering: ClassVar = ["seq"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "id"], name="event_by_id")
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "xid", "seq"], name="event_by_place"),
            models.Index(fields=["tenant", "timestamp", "xid", "seq"], name="event_by_time"),
            # Tracked events have no target and are not in this one.
            models.Index(
                fields=["tenant", "target", "seq"],
                name="event_by_target",
                condition=models.Q(target__isnull=False),
            ),
            models.Index(fields=["tenant", "name", "xid", "seq"], name="event_by_name"),
            models.Index(fields=["tenant", "actor", "xid", "seq"], name="event_by_actor"),
            # Finds what a request did, to undo it.
            models.Index(fields=["tenant", "request_id"], name="event_by_request"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def position(self) -> LogPosition:
        return LogPosition(int(self.xid), self.seq)

    @property
    def verb(self) -> str:
        """The second half of the name: ``Converted``."""
        return self.name.rpartition(".")[2]

    @property
    def noun(self) -> Any | None:
        """The noun of the record that it is about; None if it is about none."""
        return registry.get(self.target_type or "")

    def told_data(self, tenant: str) -> dict[str, Any] | None:
        """Returns the data as surfaces show it: for a record with the tenant's address, which the log leaves
        out."""
        if self.target is None or not self.data or "$id" not in self.data:
            return self.data
        return {**self.data, "$context": tenancy.address_of(tenant)}

    def as_json(self) -> dict[str, Any]:
        """Returns the event for JSON. Tracked events have no target and no version."""
        return {
            "$id": self.id,
            "$type": "Event",
            "$context": tenancy.context_url(),
            "seq": self.seq,
            "name": self.name,
            "target": self.target,
            "targetType": self.target_type,
            "actor": self.actor,
            "timestamp": self.timestamp,
            "version": self.version,
            "data": self.told_data(tenancy.require().slug),
            "previous": self.previous,
            "cause": self.cause,
            "requestId": self.request_id,
            "tenant": tenancy.require().slug,
        }

    def save(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("An event is the record of a verb; nothing else writes one.")

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Events are never changed and never deleted.")


#: The columns that an event is written with, and their types in PostgreSQL.
EVENT_COLUMNS = {
    "id": "text",
    "tenant_id": "bigint",
    "name": "text",
    "target": "text",
    "target_type": "text",
    "actor": "text",
    "timestamp": "timestamptz",
    "version": "integer",
    "data": "jsonb",
    "previous": "jsonb",
    "cause": "text",
    "request_id": "text",
}


def _append_sql(columns: dict[str, str]) -> str:
    """Returns one statement for any number of events, which are one parameter, so that it is prepared once.

    It inserts nothing if the tenant's log is closed, or has not been resumed on this cluster. It takes the
    lock that the reference to the tenant takes at the commit anyway: whoever closes the log waits for it.
    """
    return (
        f"INSERT INTO headlessly_event ({', '.join(columns)}, xid) SELECT e.*, "
        "(pg_current_xact_id()::text::bigint + t.log_offset)::text::xid8 "
        f"FROM headlessly_tenant AS t, jsonb_to_recordset(%s) "
        f"AS e({', '.join(f'{name} {type}' for name, type in columns.items())}) "
        f"WHERE t.id = %s AND t.log_cluster = {offsets.CURRENT_CLUSTER} FOR KEY SHARE OF t RETURNING seq"
    )


#: From this many events on they are written by COPY, which takes PostgreSQL half the time.
MANY = 100
#: Draws the ``seq`` of many events, and their transaction, under the same condition and lock.
DRAW_SQL = f"""
SELECT nextval('headlessly_event_seq_seq'), t.xid FROM (
    SELECT pg_current_xact_id()::text::bigint + log_offset AS xid FROM headlessly_tenant
    WHERE id = %s AND log_cluster = {offsets.CURRENT_CLUSTER} FOR KEY SHARE) AS t,
    generate_series(1, %s)"""

APPEND_SQL = _append_sql(EVENT_COLUMNS)
APPEND_RESERVED_SQL = _append_sql({"seq": "bigint", **EVENT_COLUMNS})


#: Sent in the transaction that appended events; provides ``tenant`` and ``events``.
events_appended = Signal(use_caching=True)


def append_events(events: Sequence[Event]) -> None:
    """Append events, in order, and set the ``seq`` of each."""
    if not events:
        return
    if len(events) < MANY:
        rows = [{column: event.__dict__[column] for column in EVENT_COLUMNS} for event in events]
        for event, seq in zip(events, _append(APPEND_SQL, rows), strict=True):
            event.seq = seq
    else:
        _copy(events)
    events_appended.send(sender=Event, tenant=tenancy.require(), events=events)


def append_event(
    name: str,
    data: dict[str, Any],
    request_id: str,
    *,
    timestamp: datetime | None = None,
    **columns: Any,
) -> Event:
    """Append an event that is not a verb's, in the active tenant and by the current actor. It is about no
    record, unless ``columns`` says so."""
    event = Event(
        id=public_id(Event.prefix),
        tenant_id=tenancy.require().pk,
        name=name,
        actor=actors.current().id,
        timestamp=timestamp or clock.now(),
        data=data,
        request_id=request_id,
        **columns,
    )
    append_events([event])
    return event


def _append(sql: str, rows: list[dict[str, Any]]) -> list[int]:
    """Write events, and return the ``seq`` of each. Raises Moving."""
    written = _ask_open_log(sql, [Jsonb(rows, dump_json), tenancy.require().pk])
    return [seq for (seq,) in written]


def _copy(events: Sequence[Event]) -> None:
    """Write many events, and set the ``seq`` of each. Raises Moving."""
    tenant = tenancy.require().pk
    drawn = _ask_open_log(DRAW_SQL, [tenant, len(events)])
    rows = []
    for event, (seq, xid) in zip(events, sorted(drawn), strict=True):
        if event.tenant_id != tenant:  # COPY bypasses row-level security
            raise ValueError("An event is of another tenant than the one that is open.")
        event.seq = seq
        values = {column: event.__dict__[column] for column in EVENT_COLUMNS}
        for column in ("data", "previous"):
            if values[column] is not None:
                values[column] = Jsonb(values[column], dump_json)
        rows.append([seq, *values.values(), xid])
    copying.copy_rows("headlessly_event", ("seq", *EVENT_COLUMNS, "xid"), rows)


def _ask_open_log(sql: str, given: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Returns the rows of a statement that finds some only if the tenant's log is open. On a new cluster it
    resumes the log first. Raises Moving if the log is closed."""
    if not (found := statements.execute_prepared(sql, given)):
        offsets.resume_log(tenancy.require())  # unless somebody else has just done so
        if not (found := statements.execute_prepared(sql, given)):
            raise Moving
    return found


def reserve_seq() -> int:
    """Returns the ``seq`` of an event that :func:`append_reserved` writes later in this transaction."""
    ((seq,),) = statements.execute_prepared("SELECT nextval('headlessly_event_seq_seq')", ())
    return seq


def append_reserved(event: Event) -> None:
    row = {column: getattr(event, column) for column in ("seq", *EVENT_COLUMNS)}
    _append(APPEND_RESERVED_SQL, [row])


def record_history(noun: type[Record], id: str) -> EventQuerySet:
    """Returns the events of one record, newest first; also of a deleted one."""
    return Event.objects.filter(target=id, target_type=noun.__name__).order_by("-seq")


#: Selects the last event of each record after ``seq`` that changed one of ``fields``; without fields, any
#: event with a version, which excludes the events of views.
LAST_SINCE_SQL = """
SELECT last.seq FROM jsonb_to_recordset(%s) AS asked(target text, seq bigint, fields jsonb),
LATERAL (
    SELECT e.seq FROM headlessly_event AS e
    WHERE e.tenant_id = %s AND e.target = asked.target AND e.seq > asked.seq
      AND e.version IS NOT NULL
      AND (asked.fields = '[]' OR e.previous ?| ARRAY(SELECT jsonb_array_elements_text(asked.fields)))
    ORDER BY e.seq DESC LIMIT 1) AS last
"""


def view_of_event() -> models.Case:
    """Returns the view of an event of a view. Other events are not read any further than their first
    columns."""
    return models.Case(models.When(name__in=VIEW_EVENTS, then=KT("data__view")), default=None)


def last_events_since(asked: Sequence[Mapping[str, Any]]) -> dict[str, Event]:
    """Returns the last event of each record since one of its events, by the record's id.

    ``asked`` has for each record ``target``, ``seq`` and ``fields``, the wire names of which one must have
    changed.
    """
    if not asked:
        return {}
    given = [Jsonb(list(asked), dump_json), tenancy.require().pk]
    seqs = [seq for (seq,) in statements.execute_prepared(LAST_SINCE_SQL, given)]
    return {event.target: event for event in Event.log.filter(seq__in=seqs) if event.target}


def events_by_actor(name: str, actor: str) -> EventQuerySet:
    """Returns the executions of one verb by one actor, newest first."""
    return Event.objects.filter(name=name, actor=actor).order_by("-xid", "-seq")
