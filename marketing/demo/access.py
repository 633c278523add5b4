"""How to get into the demo: users with one password, API keys, and the file that remembers them."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.utils import timezone

from headlessly.access.models import ApiKey, Tenant, User
from marketing.demo.cast import CASTS, OPERATOR, Cast

#: For each name in the file: the name of the key, and its scope.
KEYS = {"apiKey": ("Demo", "admin"), "readKey": ("Demo, read only", "read")}
#: Requests a minute for each key. Nobody who tries things out should meet a limit.
RATE_LIMIT = 100_000


def read(file: Path) -> dict[str, Any]:
    """Returns what was remembered; empty if there is no such file or it is damaged."""
    try:
        known = json.loads(file.read_text())
        return {slug: dict(entry) for slug, entry in known["tenants"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write(file: Path, url: str, tenants: dict[str, Any]) -> None:
    """Write the file for this user only, completely or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump({"url": url, "tenants": tenants}, out, indent=2)
        out.write("\n")
    beside.replace(file)


def password_of(known: dict[str, Any]) -> str:
    """Returns the password of all users: the remembered one, else a new one."""
    given = (entry.get("password") for entry in known.values())
    return next((p for p in given if p), None) or secrets.token_urlsafe(9)


def open_up(known: dict[str, Any], password: str, url: str) -> dict[str, Any]:
    """Make sure that users and keys are valid. Returns what to remember of each tenant."""
    _see_to_users(password)
    return {cast.slug: _entry(cast, known.get(cast.slug, {}), password, url) for cast in CASTS}


def _entry(cast: Cast, known: dict[str, Any], password: str, url: str) -> dict[str, Any]:
    tenant = Tenant.objects.get(slug=cast.slug)
    keys = {}
    for word, (name, scope) in KEYS.items():
        secret = known.get(word)
        key = ApiKey.find_valid(secret) if isinstance(secret, str) else None
        if key is None or key.tenant_id != tenant.pk:
            _, secret = ApiKey.issue(tenant, name, scope, rate_limit=RATE_LIMIT)
        elif key.rate_limit != RATE_LIMIT:
            ApiKey.objects.filter(pk=key.pk).update(rate_limit=RATE_LIMIT)
        keys[word] = secret
    admin = next(member for member in cast.members() if member.role == "admin")
    return {"url": f"{url}/~{cast.slug}", **keys, "email": admin.email, "password": password}


def _see_to_users(password: str) -> None:
    """Give every user of the demo the password. It is hashed once, as it is the same secret for all."""
    tenants = list(Tenant.objects.filter(slug__in=[cast.slug for cast in CASTS]))
    emails = {member.email for cast in CASTS for member in cast.members()}
    users = list(User.objects.filter(email__in=emails, memberships__tenant__in=tenants).distinct())
    operator, _ = User.objects.get_or_create(
        email=OPERATOR,
        defaults={
            "first_name": "Otto",
            "last_name": "Perez",
            "is_staff": True,
            "is_superuser": True,
            "email_proven_at": timezone.now(),
        },
    )
    valid: dict[str, bool] = {}
    for user in (*users, operator):
        if user.password not in valid:
            valid[user.password] = bool(user.password) and check_password(password, user.password)
    fresh = None
    for user in (*users, operator):
        if not valid[user.password]:
            user.password = fresh = fresh or make_password(password)
            user.save(update_fields=["password"])
