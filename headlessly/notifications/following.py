"""Which records somebody follows: they are told of what becomes of them."""

from __future__ import annotations

from django.db import models, transaction

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.declaration.registry import registry
from headlessly.notifications.models import Follower


def is_following(user: str, record: str) -> bool:
    """Whether somebody follows a record. Nothing is asked where nobody follows any."""
    if not tenancy.require().has_followers:
        return False
    return Follower.objects.filter(record=record, user=user).exists()


def followed_by(user: str) -> models.QuerySet[Follower]:
    """What of records somebody follows, in the order of their ids; views are not among them."""
    prefixes = models.Q()
    for noun in registry.values():
        prefixes |= models.Q(record__startswith=f"{noun.prefix}_")
    return Follower.objects.filter(prefixes, user=user).order_by("record")


@transaction.atomic
def follow(user: str, record: str) -> None:
    """Have somebody told of what becomes of a record, which they see."""
    tenant = tenancy.require()
    Follower.objects.bulk_create(
        [Follower(tenant=tenant, record=record, user_id=user)], ignore_conflicts=True
    )
    if not tenant.has_followers:
        Tenant.objects.filter(pk=tenant.pk).update(has_followers=True)
        tenant.has_followers = True


def follow_instead(record: str, successor: str) -> None:
    """Whoever follows a record follows the one that it becomes, too."""
    tenant = tenancy.require()
    if not tenant.has_followers:
        return
    users = Follower.objects.filter(record=record).values_list("user_id", flat=True)
    Follower.objects.bulk_create(
        [Follower(tenant=tenant, record=successor, user_id=user) for user in users],
        ignore_conflicts=True,
    )


def unfollow(user: str, record: str) -> None:
    """Tell somebody of it no more."""
    Follower.objects.filter(record=record, user=user).delete()
