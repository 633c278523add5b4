"""The names of actors; the log has only their ids."""

from __future__ import annotations

from django.db.models import Q, Value
from django.db.models.functions import Concat, Trim
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, User
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.errors import did_you_mean

#: Among this many members and keys a name that is near is looked for.
MOST_NEAR = 500
MOST_TOLD = 3


def acts_by_itself(id: str) -> bool:
    """Whether this actor is a rule or the product itself, not a person, a key or a visitor."""
    return id != actors.PUBLIC.id and not id.startswith((User.prefix, ApiKey.prefix))


def find_actor(said: str) -> str:
    """The id of who is called so: by the name or the address of a member, or the name of a key. An id stays
    as it is. Raises ValueError for who is nobody, and for several."""
    own = (actors.SYSTEM.id, actors.PUBLIC.id)
    prefixes = (User.prefix, ApiKey.prefix, *(noun.prefix for noun in registry.values()))
    if said in own or said.startswith(tuple(f"{prefix}_" for prefix in prefixes)):
        return said
    tenant, name = tenancy.require().pk, " ".join(said.split())
    called = Trim(Concat("first_name", Value(" "), "last_name"))
    members = User.objects.filter(memberships__tenant=tenant).annotate(called=called)
    keys = ApiKey.objects.filter(tenant=tenant)
    wanted = Q(called__iexact=name) | Q(email__iexact=name)
    found = [
        *members.filter(wanted).order_by("pk").values_list("pk", flat=True)[:MOST_TOLD],
        *keys.filter(name__iexact=name).order_by("pk").values_list("pk", flat=True)[:MOST_TOLD],
    ]
    if len(found) == 1:
        return str(found[0])
    if found:
        several = _("Several are called %(name)r. Give the id of one, such as %(ids)s.")
        raise ValueError(several % {"name": name, "ids": ", ".join(found[:MOST_TOLD])})
    known = [
        *members.values_list("called", flat=True)[:MOST_NEAR],
        *keys.values_list("name", flat=True)[:MOST_NEAR],
    ]
    nobody = _("nobody here is called %(name)r.%(near)s")
    raise ValueError(nobody % {"name": name[:64], "near": did_you_mean(name, filter(None, known))})


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
