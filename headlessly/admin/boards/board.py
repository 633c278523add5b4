"""The board of a noun: a column for each state of its machine, the most urgent cards on top.

It shows what the list shows, narrowed by the same addresses. Whatever there is, a board takes three
statements and a constant few: the keys of all columns, their records, and the counts and sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from headlessly.access import visibility
from headlessly.admin import display
from headlessly.admin.boards.moves import moves_hint, possible_moves
from headlessly.admin.boards.narrowing import Narrowing
from headlessly.context import clock
from headlessly.database import timeouts
from headlessly.declaration import days
from headlessly.errors import InvalidFilter
from headlessly.query import cursors, reads, sorting
from headlessly.query import scope as query_scope
from headlessly.query.paging import RecordList, union_sql

if TYPE_CHECKING:
    from headlessly.admin.sites import TenantSite
    from headlessly.declaration.next_steps import NextStep
    from headlessly.declaration.schema import Field
    from headlessly.nouns import Noun

#: How many cards a column shows at once; one whose records have ended shows the latest.
CARDS, ENDED_CARDS = 25, 8
#: How long one of its statements may take, in milliseconds.
PATIENCE = 2_000
#: How far back a column goes whose records have ended.
RECENT = timedelta(days=30)


@dataclass
class BoardColumn:
    """One state: its numbers, its cards, and where a card may go from here."""

    state: str
    label: str
    tone: str
    ended: bool
    url: str  #: its records as a list
    moves: list[NextStep] = field(default_factory=list)
    hint: str = ""
    count: str = "0"
    sum: str = ""
    cards: list[dict[str, Any]] = field(default_factory=list)
    more: str = ""  #: where the next cards are

    @property
    def numbers(self) -> dict[str, str]:
        return {"count": self.count, "sum": self.sum}

    @property
    def targets(self) -> str:
        return " ".join(str(move.target) for move in self.moves)


class NounBoard:
    """The board that an address asks for."""

    def __init__(self, request: HttpRequest, noun: type[Noun], site: TenantSite) -> None:
        self.noun = noun
        self.declared, self.machine = self.noun.Surface.board, self.noun.schema.machine
        self.field = self.noun.schema.by_name[self.machine.name]
        self.list = Narrowing(request, noun, site)
        self.problem = self.list.problem
        self.stale_after, self.now = self.noun.stale_after(), clock.now()
        self.refusal: dict[str, Any] = {}

    # -- what the columns are ---------------------------------------------------------------------

    @cached_property
    def states(self) -> list[str]:
        """All states, or those by which the board is narrowed."""
        chosen = self.list.chosen(self.field) or self.machine.states
        return [state for state in self.machine.states if state in chosen]

    def has_ended(self, state: str) -> bool:
        return state not in getattr(self.noun, "OPEN", self.machine.states)

    def order(self, state: str) -> list[sorting.SortKey]:
        """Open records by urgency, ended ones with the latest first."""
        sort = f"-{self.declared.end_field}" if self.has_ended(state) else self.declared.order
        return sorting.sort_keys(query_scope.Scope(self.noun), sort)

    def within(self, state: str) -> models.QuerySet:
        """The records of a column in its order."""
        found = self.list.queryset.filter(**{self.machine.name: state})
        if self.has_ended(state):
            found = found.filter(**{f"{self.declared.end_field}__gte": self.now - RECENT})
        return found.order_by(*(column.expression for column in self.order(state)))

    def _seeking(self, state: str) -> RecordList:
        scope, search = self.list.address.scope, self.list.search
        return RecordList(scope, self.order(state), search=search, narrowed_to=self.within(state))

    @staticmethod
    def size(ended: bool) -> int:
        return ENDED_CARDS if ended else CARDS

    @cached_property
    def columns(self) -> list[BoardColumn]:
        """Every column with its numbers and its first cards."""
        columns = [self.column(state) for state in self.states]
        if not columns or self.problem:
            return columns
        try:
            with timeouts.statement_timeout(PATIENCE):
                self.count(columns)
                rows = self.rows(self._keys(columns))
        except InvalidFilter as problem:
            self.problem = problem.message
            return columns
        for column in columns:
            mine = [row for row in rows if getattr(row, self.machine.name) == column.state]
            self._fill(column, _sort_rows(mine, self.order(column.state)))
        return columns

    @property
    def open_columns(self) -> list[BoardColumn]:
        return [column for column in self.columns if not column.ended]

    @property
    def ended_columns(self) -> list[BoardColumn]:
        return [column for column in self.columns if column.ended]

    @property
    def is_empty(self) -> bool:
        return all(column.count == "0" for column in self.columns)

    def after(self, state: str, cursor: str) -> BoardColumn:
        """The next cards of a column. Raises InvalidFilter for a cursor that is none."""
        column, order = self.column(state), self.order(state)
        _moment, row = cursors.decode_cursor(cursor, self._mark(state), order)
        with timeouts.statement_timeout(PATIENCE):
            sought = self._seeking(state).page(
                self.size(column.ended), 0, cursors.conditions_after(order, row)
            )
            self._fill(column, _sort_rows(self.rows([key for key, *_ in sought.keys]), order))
        return column

    def column(self, state: str) -> BoardColumn:
        moves = possible_moves(self.noun, state)
        start = display.page_url(self.noun, "changelist")
        return BoardColumn(
            state=state,
            label=display.state_label(state),
            tone=display.state_tone(self.noun, state),
            ended=self.has_ended(state),
            url=start + self.list.get_query_string({self.field.wire: state}),
            moves=moves,
            hint=moves_hint(self.noun, state, moves),
        )

    # -- numbers ----------------------------------------------------------------------------------

    def count(self, columns: Iterable[BoardColumn]) -> None:
        """Counts and sums in one statement; each column is read up to the cap and no further."""
        schema, measure = self.noun.schema, self.declared.measure
        currency = "currency" if measure and "currency" in schema.by_name else None
        names = [self.machine.name, *filter(None, (measure, currency))]
        inner, parameters = [], ()
        for column in columns:
            within = self.within(column.state).order_by()
            parts = [within] if self.list.search is None else self.list.search.parts(within)
            found = union_sql([p.values_list("pk", *names)[: reads.COUNT_CAP + 1] for p in parts])
            if found is not None:  # else a filter that nothing can fit
                inner.append(f"(SELECT * FROM ({found[0]}) AS united LIMIT {reads.COUNT_CAP + 1})")
                parameters += found[1]
        if not inner:
            return
        amount = "sum(amount)" if measure else "NULL"
        unit = "unit" if currency else "NULL"
        titles = ", ".join(
            ["id", "state", *(["amount"] if measure else []), *([unit] if currency else [])]
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT state, {unit}, count(*), {amount} FROM ({' UNION ALL '.join(inner)}) "
                f"AS found ({titles}) GROUP BY 1, 2 ORDER BY 3 DESC",
                parameters,
            )
            found = cursor.fetchall()
        for column in columns:
            mine = [row for row in found if row[0] == column.state]
            count = sum(number for _state, _unit, number, _amount in mine)
            more = "+" if count > reads.COUNT_CAP else ""
            column.count = f"{display.number(min(count, reads.COUNT_CAP))}{more}"
            sums = [(amount, unit) for _state, unit, _number, amount in mine if amount]
            column.sum = " · ".join(
                display.money(f"{display.amount(amount)}{more}", unit) for amount, unit in sums
            )

    # -- cards ------------------------------------------------------------------------------------

    def _keys(self, columns: Iterable[BoardColumn]) -> list[str]:
        """The keys of all first cards and of one more per column, in one statement where nothing is
        searched for."""
        if self.list.search is not None:
            pages = [self._seeking(c.state).page(self.size(c.ended)).keys for c in columns]
            return [key for page in pages for key, *_ in page]
        parts = [
            self.within(column.state).values_list("pk", flat=True)[: self.size(column.ended) + 1]
            for column in columns
        ]
        return list(_union_all(parts))

    def rows(self, keys: Sequence[str]) -> list[Noun]:
        """The records with these keys and the names that their cards show, in no order."""
        owner = self.noun.schema.owner
        shown = dict.fromkeys(f.name for f in (*self.about, owner) if f)
        return list(
            visibility.load_visible_references(self.noun.objects.filter(pk__in=keys), shown)
        )

    def _fill(self, column: BoardColumn, rows: Sequence[Noun]) -> None:
        size = self.size(column.ended)
        column.cards = [self.card(row) for row in rows[:size]]
        if len(rows) > size:
            order = self.order(column.state)
            last = [getattr(rows[size - 1], c.name) for c in order]
            cursor = cursors.encode_cursor(self._mark(column.state), None, last)
            meta = self.noun._meta
            place = f"admin:{meta.app_label}_{meta.model_name}_board_more"
            column.more = reverse(place, args=(column.state, cursor)) + self.list.get_query_string()

    def _mark(self, state: str) -> str:
        return cursors.fingerprint(self.noun.__name__, state, self.declared, self.list.params)

    def card(self, record: Noun) -> dict[str, Any]:
        """What the card of ``record`` shows."""
        schema, declared = self.noun.schema, self.declared
        state = getattr(record, self.machine.name)
        ended = self.has_ended(state)
        touches = schema.by_name.get(declared.age_field)
        touched = getattr(record, declared.end_field if ended else declared.age_field)
        over, said = touched, display.age_html(touched) if touched else ""
        if touches is not None and not ended:
            over = days.deadline(record, touches)
            said = display.field_html(record, touches) if days.whole_day(record, touches) else said
        owner = None
        if schema.owner and getattr(record, schema.owner.column):
            owner = display.visible_name(getattr(record, schema.owner.name))
        measure = schema.by_name[declared.measure] if declared.measure else None
        shows = [schema.by_name[name] for name in declared.shows]
        return {
            "id": record.pk,
            "version": record.version,
            "state": state,
            "url": display.page_url(self.noun, "change", record.pk),
            "name": str(record),
            "below": self._below(record),
            "owner": owner,
            "initials": initials(owner) if owner else "",
            "measure": display.field_html(record, measure, links=False) if measure else "",
            "shows": [
                {"label": display.field_label(f), "value": value, "name": f.name, "type": f.type}
                for f in shows
                if (value := display.field_html(record, f, links=False)) != ""
            ],
            "touched": said,
            "stale": "" if ended else self._stale_text(over),
            "ended": ended,
            "refusal": self.refusal if self.refusal.get("id") == record.pk else None,
        }

    @cached_property
    def about(self) -> tuple[Field, ...]:
        """Whom and what a record is about: what its noun says, else the references of its first groups."""
        schema = self.noun.schema
        named = [name for _title, names in schema.groups[:2] for name in names]
        fields = [f for n in named if (f := schema.by_name[n]).type == "reference"]
        return schema.about or tuple(f for f in fields if f.name not in display.WORKERS)[:2]

    def _below(self, record: Noun) -> str:
        filled = [f for f in self.about if getattr(record, f.column)]
        return " · ".join(display.visible_name(getattr(record, f.name)) for f in filled[:2])

    def _stale_text(self, touched: datetime | None) -> str:
        """What a card says that nobody touched for too long."""
        if self.stale_after is None or touched is None or self.now - touched <= self.stale_after:
            return ""
        return _("stale") if self.stale_after else _("overdue")


def initials(name: str) -> str:
    """``BS`` for Bob Stone."""
    parts = name.split()
    return "".join(part[0] for part in (parts[0], *parts[1:][-1:])).upper() if parts else ""


def _union_all(parts: Sequence[models.QuerySet]) -> models.QuerySet:
    first, *rest = parts
    return first.union(*rest, all=True) if rest else first


def _sort_rows(rows: Iterable[Noun], order: Sequence[sorting.SortKey]) -> list[Noun]:
    """The rows in an order of the database: a union promises none."""
    found = list(rows)
    for column in reversed(order):
        filled = [row for row in found if getattr(row, column.name) is not None]
        empty = [row for row in found if getattr(row, column.name) is None]
        filled.sort(key=lambda row: getattr(row, column.name), reverse=column.descending)
        found = filled + empty
    return found
