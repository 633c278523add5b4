"""The values of a row by field, with its problems, and what is left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from headlessly.transfer.currency_signs import Named
from headlessly.transfer.rows import Row


@dataclass
class RowValues:
    """The values of one row, by wire name."""

    row: Row
    text: bool = True  #: whether the values are text, as in a table
    data: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  #: why it is refused
    left_out: dict[str, str] = field(default_factory=dict)  #: values left out, with the reasons
    #: The paths of further values that their fields cannot hold, without a message.
    beside: set[str] = field(default_factory=set)
    #: Flags for states: ``{"Converted": ("convertedAt", True)}``.
    flags: dict[str, tuple[str, bool]] = field(default_factory=dict)
    #: Values of described records, by the reference to them.
    described: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The references to described records that the row itself is, by its headings: a person with an "Email".
    row_is: set[str] = field(default_factory=set)
    #: Further telephone numbers, to be put into free fields after the whole row is read.
    others: list[tuple[Any, Any]] = field(default_factory=list)
    plain_name: bool = False  #: whether its name is under "Name", which may be a person's
    created_at: Any = None
    key: Any = None  #: by which its record is found
    again: bool = False  #: whether it refers to a record that a row above may create
    #: The currencies of amounts, by the path of the record's currency and that of the amount.
    currencies: dict[str, dict[str, Named]] = field(default_factory=dict)
    twin: bool = False  #: whether a similar record exists already

    def values_of(self, path: str) -> tuple[dict[str, Any], str]:
        """Returns where the value at a path belongs, and its key there."""
        reference, _dot, wire = path.rpartition(".")
        return (self.described.setdefault(reference, {}) if reference else self.data), wire

    def take_currencies(self, lenient: bool) -> None:
        """Set the record's currency to that of its amounts, unless the row has one. An amount in another
        currency than the first is left out, or the row refused. Ambiguous signs are left for
        :meth:`check_currencies`."""
        for path, named in self.currencies.items():
            found, wire = self.values_of(path)
            if wire in found:
                named.clear()  # given explicitly, and not taken from an amount
                continue
            own = next((each.code for each in named.values() if each.code), None)
            if own is not None:
                found[wire] = own
                self.check_currencies(path, own, lenient)

    def check_currencies(self, path: str, own: str, lenient: bool) -> None:
        """Remove amounts in other currencies than ``own``, or refuse the row."""
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
