"""The board of a noun: a column for each state of its machine, the most urgent cards on top.

It shows the same records as the list, filtered by the same addresses. However many columns and records
there are, it takes three statements (the keys of all columns, their records, counts and sums) and a
constant few more. Only a search reads the keys of each column by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db import connection, models
from django.http import QueryDict
from django.urls import reverse

from headlessly.access import tenancy, visibility
from headlessly.admin import display
from headlessly.admin.boards.board_address import BoardAddress
from headlessly.admin.boards.cards import BoardCards
from headlessly.admin.moves import DropOffers, drop_offers, moves_hint, possible_moves
from headlessly.admin.sites import TenantSite
from headlessly.database import timeouts
from headlessly.declaration import labels
from headlessly.declaration.next_steps import NextStep
from headlessly.declaration.schema import Machine
from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun
from headlessly.query import cursors, money, reads, sorting
from headlessly.query import scope as query_scope
from headlessly.query.list_statements import union_sql
from headlessly.query.paging import RecordList

#: How many cards a column shows at once: of open records, and of ended ones.
CARDS, ENDED_CARDS = 25, 8
#: Timeout of a statement, in milliseconds.
PATIENCE = 2_000
#: How far back a column of ended records goes.
RECENT = timedelta(days=30)


@dataclass
class BoardColumn:
    """The column of one state: its numbers, its cards, and the moves from here."""

    state: str
    label: str
    tone: str
    ended: bool
    is_target: bool  #: whether cards only go there: its own are filtered out
    url: str  #: its records as a list
    moves: list[NextStep] = field(default_factory=list)
    hint: str = ""
    count: str = "0"
    is_capped: bool = False  #: whether it has more records than are counted
    sum: str = ""
    cards: list[dict[str, Any]] = field(default_factory=list)
    more: str = ""  #: the address of the next cards
    offers: DropOffers | None = None

    @property
    def numbers(self) -> dict[str, str]:
        return {"count": self.count, "sum": self.sum}

    @property
    def targets(self) -> str:
        return ",".join(str(move.target) for move in self.moves)


class NounBoard:
    """The board of an address."""

    def __init__(self, query: QueryDict, noun: type[Noun], site: TenantSite) -> None:
        self.noun = noun
        if (declared := noun.Surface.board) is None:
            raise TypeError(f"{noun.__name__} has no board.")
        self.declared, self.machine = declared, noun.schema.require_machine()
        self.field = self.noun.schema.by_name[self.machine.name]
        self.address = BoardAddress(noun, query, site)
        self.problem = self.address.problem
        # Columns chosen for the list are shown on the cards, too.
        chosen = self.address.columns if self.address.given.get("columns") else ()
        self.cards = BoardCards(noun, declared, chosen)
        self.refusal: dict[str, Any] = {}

    # -- what the columns are ---------------------------------------------------------------------

    @cached_property
    def states(self) -> list[str]:
        """All states, or those by which the board is narrowed; beside the open ones stand the others, for
        cards to be moved to."""
        shown = set(self._chosen_states)
        ends = {state for state in self.path.states if self.cards.has_ended(state)}
        if shown and shown >= set(self.path.states) - ends:
            shown |= ends
        return [state for state in self.path.states if state in shown or not shown]

    @cached_property
    def _chosen_states(self) -> list[str]:
        """Those by which the board is narrowed."""
        facets = self.address.facets
        chosen = next((f.values() for f in facets if f.name == self.field.wire), [])
        keys = {name: key for key, name in self.machine.names.items()}
        return [keys.get(each, each) for each in chosen]

    @cached_property
    def path(self) -> Machine:
        """The machine of the board: that of one path, where there are several."""
        path = self.address.path
        return self.machine if path is None else self.machine.on(path)

    def order(self, state: str) -> list[sorting.SortKey]:
        """Returns the order of a column: open records by urgency, ended ones with the latest first."""
        ended = self.cards.has_ended(state)
        sort = f"-{self.declared.end_field}" if ended else self.declared.order
        return sorting.sort_keys(query_scope.Scope(self.noun), sort)

    def within(self, state: str) -> models.QuerySet:
        """Returns the records of a column in its order."""
        found = self._narrowed.filter(**{self.machine.name: state})
        if self.cards.has_ended(state):
            found = found.filter(**{f"{self.declared.end_field}__gte": self.cards.now - RECENT})
        return found.order_by(*(column.expression for column in self.order(state)))

    def _record_list(self, state: str) -> RecordList:
        scope, search = self.address.scope, self.address.search
        return RecordList(scope, self.order(state), search=search, narrowed_to=self.within(state))

    @cached_property
    def _narrowed(self) -> models.QuerySet:
        return self.address.narrowed()

    @staticmethod
    def size(ended: bool) -> int:
        return ENDED_CARDS if ended else CARDS

    @cached_property
    def columns(self) -> list[BoardColumn]:
        """All columns with their numbers and first cards."""
        columns = [self.column(state) for state in self.states]
        steps = [move for column in columns for move in column.moves]
        for column in columns:
            column.offers = drop_offers(self.noun, steps, column.state)
        if not columns or self.problem:
            return columns
        try:
            with timeouts.statement_timeout(PATIENCE):
                self.count(columns)
                rows = self.cards.rows(self._keys(c for c in columns if not c.is_target))
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
        return all(column.is_target or column.count == "0" for column in self.columns)

    def after(self, state: str, cursor: str) -> BoardColumn:
        """Returns a column with its next cards. Raises InvalidFilter for an invalid cursor."""
        column, order = self.column(state), self.order(state)
        _moment, row = cursors.decode_cursor(cursor, self._mark(state), order)
        with timeouts.statement_timeout(PATIENCE):
            sought = self._record_list(state).page_keys(
                self.size(column.ended), 0, cursors.conditions_after(order, row)
            )
            self._fill(column, _sort_rows(self.cards.rows([key for key, *_ in sought.keys]), order))
        return column

    def column(self, state: str) -> BoardColumn:
        moves = possible_moves(self.noun, state, self.path)
        start = display.page_url(self.noun, "changelist")
        is_target = bool(self._chosen_states) and state not in self._chosen_states
        return BoardColumn(
            state=state,
            label=labels.choice_label(self.field, state),
            tone=display.state_tone(self.noun, state),
            ended=self.cards.has_ended(state),
            is_target=is_target,
            count="" if is_target else "0",
            url=start
            + self.address.but(
                {self.field.wire: self.field.to_json(state), **self.address.of_path}
            ),
            moves=moves,
            hint=moves_hint(self.noun, state, moves),
        )

    # -- numbers ----------------------------------------------------------------------------------

    def count(self, columns: Iterable[BoardColumn]) -> None:
        """Counts and sums in one statement; each column is read up to the cap and no further. Of one that is
        only moved to nothing is counted."""
        columns = [column for column in columns if not column.is_target]
        schema, measure = self.noun.schema, self.declared.measure
        read = {"state": self.machine.name}
        if measure:
            read["amount"] = measure
            if schema.currency:
                read["unit"] = schema.currency.name
            if (converted := money.converted_name(self.noun, schema.by_name[measure])) != measure:
                read["own"] = converted
        inner: list[str] = []
        parameters: list[Any] = []
        for column in columns:
            within = self.within(column.state).order_by()
            parts = [within] if self.address.search is None else self.address.search.parts(within)
            found = union_sql(
                [p.values_list("pk", *read.values())[: reads.COUNT_CAP + 1] for p in parts]
            )
            if found is not None:  # None: no record can match the filter
                inner.append(f"(SELECT * FROM ({found[0]}) AS united LIMIT {reads.COUNT_CAP + 1})")
                parameters += found[1]
        if not inner:
            return
        unit = "unit" if "unit" in read else "NULL"
        amount = "sum(amount)" if measure else "NULL"
        own = "CASE WHEN count(own) = count(amount) THEN sum(own) END" if "own" in read else "NULL"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT state, {unit}, count(*), {amount}, {own} FROM ({' UNION ALL '.join(inner)}) "
                f"AS found (id, {', '.join(read)}) GROUP BY 1, 2 ORDER BY 3 DESC",
                parameters,
            )
            found = cursor.fetchall()
        for column in columns:
            mine = [row for row in found if row[0] == column.state]
            count = sum(number for _state, _unit, number, *_sums in mine)
            column.is_capped = count > reads.COUNT_CAP
            more = "+" if column.is_capped else ""
            column.count = f"{display.number(min(count, reads.COUNT_CAP))}{more}"
            if measure:
                column.sum = self._sum_text(mine, more)

    def _sum_text(self, groups: Sequence[tuple[Any, ...]], more: str) -> str:
        """Returns the value of a column's records: converted where there are rates, else by currency."""
        own = tenancy.require().currency
        worth = [
            (unit or own, amount, converted) for _, unit, _, amount, converted in groups if amount
        ]
        sums = [(amount, unit) for unit, amount, _converted in worth]
        if len(worth) > 1 and all(converted is not None for *_group, converted in worth):
            sums = [(sum(converted for *_group, converted in worth), own)]
        return " · ".join(display.money(f"{display.amount(a)}{more}", unit) for a, unit in sums)

    # -- cards ------------------------------------------------------------------------------------

    def _keys(self, columns: Iterable[BoardColumn]) -> list[str]:
        """Returns the keys of the first cards of all columns, and of one more per column: in one statement
        unless there is a search.

        On a filtered board, the records of a column that is not capped are collected before they are
        sorted: an index in the right order might find them last. In a capped column matches are frequent
        enough for the index.
        """
        if self.address.search is not None:
            pages = [self._record_list(c.state).page_keys(self.size(c.ended)).keys for c in columns]
            return [key for page in pages for key, *_ in page]
        parts: list[str] = []
        parameters: list[Any] = []
        for column in columns:
            found = self._record_list(column.state).first_keys_sql(
                self.size(column.ended) + 1, gathered=self._is_narrowed and not column.is_capped
            )
            if found is not None:
                parts.append(found[0])
                parameters += found[1]
        if not parts:
            return []
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), parameters)
            return [key for (key,) in cursor.fetchall()]

    @property
    def _is_narrowed(self) -> bool:
        """Whether the columns have only some of the records in their state."""
        limited = visibility.visible_owner() is not None
        return limited or bool(self.address.active) or self.address.path is not None

    def _fill(self, column: BoardColumn, rows: Sequence[Noun]) -> None:
        size = self.size(column.ended)
        column.cards = [self.card(row) for row in rows[:size]]
        if len(rows) > size:
            order = self.order(column.state)
            last = [getattr(rows[size - 1], c.name) for c in order]
            cursor = cursors.encode_cursor(self._mark(column.state), None, last)
            meta = self.noun._meta
            place = f"admin:{meta.app_label}_{meta.model_name}_board_more"
            column.more = (
                reverse(place, args=(column.state, cursor)) + f"?{self.address.query_string}"
            )

    def _mark(self, state: str) -> str:
        path = self.address.path
        of = path.id if path else None
        return cursors.fingerprint(self.noun.__name__, state, self.declared, self.address.given, of)

    def card(self, record: Noun) -> dict[str, Any]:
        """Returns the card of a record, with the reason if it could not be moved."""
        refused = self.refusal if self.refusal.get("id") == record.pk else None
        return self.cards.card(record) | {"refusal": refused}


def _sort_rows(rows: Iterable[Noun], order: Sequence[sorting.SortKey]) -> list[Noun]:
    """Returns the rows sorted as the database would sort them, because a UNION keeps no order."""
    found = list(rows)
    for column in reversed(order):
        filled = [row for row in found if getattr(row, column.name) is not None]
        empty = [row for row in found if getattr(row, column.name) is None]
        filled.sort(key=lambda row: getattr(row, column.name), reverse=column.descending)
        found = filled + empty
    return found
