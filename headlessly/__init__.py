"""headlessly: a CRM that runs from one declaration per entity."""

from __future__ import annotations

import os
from typing import Any


def boot(tenant: str | None = None, actor: Any = None) -> None:
    """Start the product in a script: ``headlessly.boot(tenant="acme")``, then ``from crm import Lead``.

    Opens ``tenant`` (by slug) and acts as ``actor``, the system unless said. Raises LookupError for a
    tenant that does not exist.
    """
    # Imported here and below: the client needs no Django, and models cannot be imported before its setup.
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headlessly.settings")
    django.setup()

    from headlessly.access import actors, tenancy
    from headlessly.access.models import Tenant

    actors.enter(actor or actors.SYSTEM)
    if tenant is not None:
        found = Tenant.find_by_slug(tenant)
        if found is None:
            raise LookupError(f"There is no tenant {tenant!r}.")
        tenancy.enter(found)
