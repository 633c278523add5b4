"""The browser: the tenant's workplace, the operator's pages, the entrance.

A noun is shown without being mentioned here. To change more than its declaration can say,
register a subclass in the app's ``admin.py``::

    @register(Lead)
    class LeadAdmin(NounAdmin):
        list_per_page = 50
"""

from __future__ import annotations

from collections.abc import Callable

from headlessly.admin.base import NounAdmin
from headlessly.admin.site import workplace
from headlessly.nouns import Noun

workplace.noun_admin = NounAdmin


def register(noun: type[Noun]) -> Callable[[type[NounAdmin]], type[NounAdmin]]:
    """Show ``noun`` by the decorated subclass of NounAdmin."""

    def decorate(admin: type[NounAdmin]) -> type[NounAdmin]:
        workplace.register(noun, admin)
        return admin

    return decorate


__all__ = ["NounAdmin", "register", "workplace"]
