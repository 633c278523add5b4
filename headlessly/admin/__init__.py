"""The browser's pages: the tenant's workplace, the operator's pages, signing in.

Nouns get their pages without being mentioned here. To change more than a declaration can say, register a
subclass in the app's ``admin.py``::

    @admin.register(Lead, site=workplace)
    class LeadAdmin(NounAdmin):
        list_per_page = 50
"""

from __future__ import annotations

from headlessly.admin.base import NounAdmin
from headlessly.admin.site import workplace

workplace.noun_admin = NounAdmin

__all__ = ["NounAdmin", "workplace"]
