"""How a noun with a machine stands on a board: what its declaration says of columns and cards."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Board:
    """A noun's ``Surface.board``: a column per state, a card per record, moved through the machine.

    A board reads the first cards of each column, however many records there are: an index has to have
    ``(tenant, state, order, id)`` for the open states and ``(tenant, state, -updated_at, -id)`` for
    those in which a record has ended, of which a board shows the latest.
    """

    order: str = "-created_at"  #: most urgent first within a column
    measure: str | None = None  #: the money that a card shows and a column adds up
    shows: tuple[str, ...] = ()  #: what else a card shows
    touched: str = "updated_at"  #: the moment whose age a card shows

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that is named, for the check of declarations."""
        measure = (self.measure,) if self.measure else ()
        return (self.order.lstrip("-"), *measure, *self.shows, self.touched)
