"""Followed records: people are notified of their changes."""

from __future__ import annotations

from django.db import models, transaction

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.declaration.registry import registry
from headlessly.notifications.models import Follower


def is_following(user: str, record: str) -> bool:
    """Whether somebody follows a record. There is no query in a tenant where nobody follows any."""
    if not tenancy.require().has_followers:
        return False
    return Follower.objects.filter(record=record, user=user).exists()


def followed_by(user: str) -> models.QuerySet[Follower]:
    """Returns the records that somebody follows, ordered by id, without views."""
    prefixes = models.Q()
    for noun in registry.values():
        prefixes |= models.Q(record__startswith=f"{noun.prefix}_")
    return Follower.objects.filter(prefixes, user=user).order_by("record")


@transaction.atomic
def follow(user: str, record: str) -> None:
    """Makes somebody follow a record that they see."""
    tenant = tenancy.require()
    Follower.objects.bulk_create(
        [Follower(tenant=tenant, record=record, user_id=user)], ignore_conflicts=True
    )
    if not tenant.has_followers:
        Tenant.objects.filter(pk=tenant.pk).update(has_followers=True)
        tenant.has_followers = True


def follow_instead(record: str, successor: str) -> None:
    """Makes the followers of a record also follow the one that it becomes."""
    tenant = tenancy.require()
    if not tenant.has_followers:
        return
    users = Follower.objects.filter(record=record).values_list("user_id", flat=True)
    Follower.objects.bulk_create(
        [Follower(tenant=tenant, record=successor, user_id=user) for user in users],
        ignore_conflicts=True,
    )


def unfollow(user: str, record: str) -> None:
    """Makes somebody no longer follow a record."""
    Follower.objects.filter(record=record, user=user).delete()
