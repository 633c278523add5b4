"""The browser: the tenant's workplace, the operator's pages, the entrance.

A noun is shown without being mentioned here. To change more than its declaration can say,
register a subclass in the app's ``admin.py``::

    @admin.register(Lead, site=workplace)
    class LeadAdmin(NounAdmin):
        list_per_page = 50
"""

from __future__ import annotations

from headlessly.admin.base import NounAdmin
from headlessly.admin.site import workplace

workplace.noun_admin = NounAdmin

__all__ = ["NounAdmin", "workplace"]
