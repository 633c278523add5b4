"""A browser in which somebody is signed in, without the page that signs in."""

from __future__ import annotations

from typing import Any

from django.test import Client


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client
