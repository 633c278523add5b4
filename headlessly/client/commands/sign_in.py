"""Signing in and out. Logins of several tenants are stored by name."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

import typer

from headlessly.client import logins
from headlessly.client.clients import Headlessly
from headlessly.client.commands import output
from headlessly.client.commands.failures import UsageError

LOCAL = ("127.0.0.1", "localhost", "::1")


def sign_in(url: str | None, profile: str | None, api_key: str | None) -> None:
    """Asks for missing values, checks the key with the server, and stores it. Raises the server's errors."""
    asks = sys.stdin.isatty()
    url = url or os.environ.get(logins.URL)
    if not url:
        if not asks:
            raise UsageError("Say which tenant: headlessly login https://crm.example.com/~acme")
        url = typer.prompt("Address of the tenant, like https://crm.example.com/~acme")
    address = logins.tenant_url(url)
    if not api_key:
        api_key = (
            typer.prompt("API key", hide_input=True) if asks else sys.stdin.readline()
        ).strip()
    if not api_key or not api_key.isascii() or not api_key.isprintable():
        raise UsageError("There is no API key: it looks like hly_sk_...")
    parts = urlsplit(address)
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        output.write_note("Warning: over http anybody on the way can read the key. Use https.")
    with Headlessly(address, api_key) as client:
        me = client.me()
    name = profile or me["tenant"]["slug"]
    logins.store(logins.Login(address, api_key), name)
    output.write_note(
        f"Signed in to {me['tenant']['name']} as {me['name']} ({me['role']}), profile {name}."
    )


def sign_out(profile: str | None) -> None:
    """Deletes a login. Raises NotSignedIn."""
    name = logins.stored_login(profile).profile
    assert name is not None
    logins.forget(name)
    left = logins.current_profile()
    output.write_note(f"Signed out of {name}." + (f" In use now: {left}." if left else ""))


def write_profiles(name: str | None, form: str) -> None:
    """Lists the logins; with a name, makes that one the current one first."""
    if name is not None:
        logins.use(name)
    used = logins.current_profile()
    rows = [
        {"profile": each.profile, "url": each.url, "inUse": each.profile == used}
        for each in logins.profiles().values()
    ]
    columns = ("profile", "url", "inUse")
    output.write_rows(rows, form, columns, columns)
