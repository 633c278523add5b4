"""What a row says: values by field, what is wrong with them, and what is left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from headlessly.transfer.currency_signs import Named
from headlessly.transfer.rows import Row


@dataclass
class RowValues:
    """What one row says, by wire name."""

    row: Row
    text: bool = True  #: whether its values are text, as those of a table are
    data: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  #: for which it is refused
    left_out: dict[str, str] = field(default_factory=dict)  #: without which it is taken
    #: The paths of which it says more than their fields hold, and nothing needs to be told.
    beside: set[str] = field(default_factory=set)
    #: States that it says yes or no to: ``{"Converted": ("convertedAt", True)}``.
    flags: dict[str, tuple[str, bool]] = field(default_factory=dict)
    #: What it says of records beside its own, by the reference to them.
    described: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The references to those of them that the row itself is, by its headings: a person with an "Email".
    row_is: set[str] = field(default_factory=set)
    #: What it says more of telephones, to be put where there is room when all of it is read.
    others: list[tuple[Any, Any]] = field(default_factory=list)
    plain_name: bool = False  #: whether its name stands under "Name", which may be a person's
    created_at: Any = None
    key: Any = None  #: what its record is found by
    again: bool = False  #: whether it refers to what a row above it may have created
    #: The currencies that amounts name, by where the record says its own and by the amounts.
    currencies: dict[str, dict[str, Named]] = field(default_factory=dict)
    twin: bool = False  #: whether a record like it is here already

    def values_of(self, path: str) -> tuple[dict[str, Any], str]:
        """Where the value of a path belongs, and under which name."""
        reference, _dot, wire = path.rpartition(".")
        return (self.described.setdefault(reference, {}) if reference else self.data), wire

    def take_currencies(self, lenient: bool) -> None:
        """Let the record have the currency of its amounts, where the row says no other; an amount in another
        than the first is left out, or the row refused. Signs of several currencies wait for
        :meth:`check_currencies`."""
        for path, named in self.currencies.items():
            found, wire = self.values_of(path)
            if wire in found:
                named.clear()  # it was said, and not read off an amount
                continue
            own = next((each.code for each in named.values() if each.code), None)
            if own is not None:
                found[wire] = own
                self.check_currencies(path, own, lenient)

    def check_currencies(self, path: str, own: str, lenient: bool) -> None:
        """Do without the amounts that are in another currency than ``own``, or refuse the row."""
        for amount, named in self.currencies.get(path, {}).items():
            if (told := named.refusal(own)) is None:
                continue
            if not lenient:
                self.problems[amount] = told
                continue
            found, wire = self.values_of(amount)
            found.pop(wire, None)
            self.leave_out(amount, told)

    def leave_out(self, path: str, message: str) -> None:
        known = self.left_out.get(path)
        self.left_out[path] = f"{known} {message}" if known and message not in known else message
