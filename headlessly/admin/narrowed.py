"""What the board takes from the list: its filters, its search, its chips and its addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

from .changelist import NounList

if TYPE_CHECKING:
    from ..schema import Field


class Narrowed(NounList):
    """The list that an address asks for, without its page of rows."""

    def __init__(self, request: HttpRequest, admin: Any) -> None:
        columns = admin.get_list_display(request)
        super().__init__(
            request, admin.model, columns, (), (), None, (), False, 0, 0, (), admin, (), ""
        )  # fmt: skip

    def get_results(self, request: HttpRequest) -> None:
        """A board reads its columns instead."""
        self.result_list: list[Any] = []
        self.result_count = 0

    def chosen(self, field: Field) -> list[str]:
        """The values of ``field`` that the address asks for; empty when it does not."""
        return next((s.values() for s in self.filter_specs if s.name == field.wire), [])
