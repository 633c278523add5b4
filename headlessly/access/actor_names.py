"""Who acted, by name: of an actor the log keeps the id alone."""

from __future__ import annotations

from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, User


def actor_names(ids: set[str]) -> dict[str, str]:
    """Who acted, as people call them."""
    names = {actors.SYSTEM.id: _("System"), actors.PUBLIC.id: _("A visitor")}
    users = [id for id in ids if id.startswith(User.prefix)]
    keys = [id for id in ids if id.startswith(ApiKey.prefix)]
    if users:
        names |= {user.pk: str(user) for user in User.objects.filter(pk__in=users)}
    if keys:
        own = ApiKey.objects.filter(tenant=tenancy.require().pk, pk__in=keys)
        names |= {key.pk: _("API key “%s”") % key.name for key in own}
    return names
