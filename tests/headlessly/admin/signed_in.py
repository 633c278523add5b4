"""A browser in which somebody is signed in, without the page that signs in."""

from __future__ import annotations

from typing import Any

from django.test import Client

from headlessly.admin.sites import PART

#: What asks for a page as its scripts do: without the menu and the bar around it. The rows of lists are
#: drawn by the scripts then.
WITHOUT_FRAME = {PART: "1"}


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def without_frame(client: Client, address: str) -> str:
    return client.get(address, headers=WITHOUT_FRAME).content.decode()
