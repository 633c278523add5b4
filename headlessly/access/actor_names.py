"""Who acted, by name: of an actor the log keeps the id alone."""

from __future__ import annotations

from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, User
from headlessly.declaration import labels
from headlessly.declaration.registry import registry


def acts_by_itself(id: str) -> bool:
    """Whether this actor is a rule or the product: no person, and nobody from outside with a key or as a
    visitor."""
    return id != actors.PUBLIC.id and not id.startswith((User.prefix, ApiKey.prefix))


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
    for noun in registry.values():
        # What acts by itself has a record that says how, and is called like it.
        own_ids = [id for id in ids if id.startswith(f"{noun.prefix}_")]
        if own_ids:
            said = {"noun": labels.noun_title(noun)}
            names |= {
                each.pk: _("%(noun)s “%(name)s”") % (said | {"name": each})
                for each in noun.with_deleted.filter(pk__in=own_ids)
            }
    return names
