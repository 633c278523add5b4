"""What is over does not stay for ever."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.utils import timezone

from headlessly.access.models import IdempotentReply, KeyUse
from headlessly.api import cleaning, idempotency
from headlessly.models import Delivery, Webhook
from headlessly.webhooks import deliveries


def test_it_deletes_counts_and_answers_that_are_over_and_keeps_the_others(
    acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaning, "AT_ONCE", 2)
    now = timezone.now()
    for number in range(5):
        KeyUse.objects.create(key=f"old{number}", since=now - timedelta(hours=2), count=1)
        IdempotentReply.objects.create(
            tenant=acme, actor="a", key=str(number), fingerprint="f", status=200,
            created_at=now - idempotency.KEEP_FOR - timedelta(minutes=1),
        )  # fmt: skip
    KeyUse.objects.create(key="new", since=now, count=1)
    IdempotentReply.objects.create(
        tenant=acme, actor="a", key="new", fingerprint="f", status=200, created_at=now
    )
    cleaning.delete_what_is_over.func(timestamp=0)
    assert list(KeyUse.objects.values_list("key", flat=True)) == ["new"]
    assert list(IdempotentReply.objects.values_list("key", flat=True)) == ["new"]


def test_it_ends_sessions_whose_time_is_over(db: None, settings: Any) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    old, new = store(), store()
    for session, seconds in ((old, -60), (new, 60)):
        session["step"] = "second"
        session.set_expiry(seconds)
        session.save()
    cleaning.delete_what_is_over.func(timestamp=0)
    assert not store().exists(old.session_key)
    assert store().exists(new.session_key)


def test_it_deletes_old_deliveries_however_many(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "DELETED_AT_ONCE", 2)
    webhook = Webhook(tenant=acme, url="https://hooks.example/", events=["*"], secret="s")
    webhook.start_from_now()
    webhook.save(force_insert=True)
    old = timezone.now() - deliveries.KEPT_FOR - timedelta(minutes=1)
    made = [
        Delivery.make(webhook, old, name=f"{n}", status=status)
        for n, status in enumerate(["delivered"] * 5 + ["pending"])
    ]
    Delivery.objects.bulk_create(made)
    deliveries.delete_old_deliveries()
    assert [each.status for each in Delivery.objects.all()] == ["pending"]
