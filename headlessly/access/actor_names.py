"""The names of actors; the log has only their ids."""

from __future__ import annotations

from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, User
from headlessly.declaration import labels
from headlessly.declaration.registry import registry


def actor_names(ids: set[str]) -> dict[str, str]:
    """Returns the names of actors by their ids, as people call them."""
    names = {actors.SYSTEM.id: _("System"), actors.PUBLIC.id: _("A visitor")}
    users = [id for id in ids if id.startswith(User.prefix)]
    keys = [id for id in ids if id.startswith(ApiKey.prefix)]
    if users:
        names |= {user.pk: str(user) for user in User.objects.filter(pk__in=users)}
    if keys:
        own = ApiKey.objects.filter(tenant=tenancy.require().pk, pk__in=keys)
        names |= {key.pk: _("API key “%s”") % key.name for key in own}
    for noun in registry.values():
        # A record that acts, such as a rule, is named like itself.
        own_ids = [id for id in ids if id.startswith(f"{noun.prefix}_")]
        if own_ids:
            said = {"noun": labels.noun_title(noun)}
            names |= {
                each.pk: _("%(noun)s “%(name)s”") % (said | {"name": each})
                for each in noun.with_deleted.filter(pk__in=own_ids)
            }
    return names
