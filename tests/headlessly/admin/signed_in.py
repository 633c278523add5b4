"""Browsers in which somebody is signed in, without using the sign-in page."""

from __future__ import annotations

from typing import Any

from django.test import Client

from headlessly.admin.sites import PART

#: The header with which scripts request a page: without the menu and the bar around it, and with list rows
#: that the scripts render.
WITHOUT_FRAME = {PART: "1"}


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def without_frame(client: Client, address: str) -> str:
    return client.get(address, headers=WITHOUT_FRAME).content.decode()
