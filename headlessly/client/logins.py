"""Finds the address of a tenant and its API key: from arguments, the environment, or ``headlessly login``."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path, user_config_path

from headlessly.client.errors import NotSignedIn

#: Matches the address of a tenant, and anything a browser may have after it.
TENANT = re.compile(
    r"(https?://[^/\s?#]+(?:/[^\s?#]*?)?/~([a-z0-9][a-z0-9-]*))(?:[/?#]\S*)?\Z", re.I
)
URL, KEY, PROFILE = "HEADLESSLY_URL", "HEADLESSLY_API_KEY", "HEADLESSLY_PROFILE"
HOW_TO_SIGN_IN = (
    f"Sign in with `headlessly login`, set {URL} and {KEY}, or give the address and a key: "
    'Headlessly("https://crm.example.com/~acme", "hly_sk_...").'
)


@dataclass(frozen=True)
class Login:
    """A tenant's address and a key for it; ``profile`` is its name if it is stored."""

    url: str
    api_key: str
    profile: str | None = None

    def __repr__(self) -> str:
        return f"<Login {self.url}>"  # never the key


def tenant_url(url: str) -> str:
    """Returns the address of a tenant, also from that of one of its pages. Raises ValueError."""
    if not (match := TENANT.match(url.strip())):
        raise ValueError(
            f"{url!r} is no address of a tenant: it looks like https://crm.example.com/~acme."
        )
    return match.group(1)


def resolve_login(
    url: str | None = None, api_key: str | None = None, profile: str | None = None
) -> Login:
    """Returns the login to use. Raises NotSignedIn, or ValueError for an invalid address.

    Arguments come first, then a named profile, then the environment, then the current profile. A key is
    only used for the address that it was given for.
    """
    if url is not None and api_key is not None:
        return Login(tenant_url(url), api_key)
    if profile is not None:
        return _with_given(stored_login(profile), url, api_key)
    there, key = os.environ.get(URL), os.environ.get(KEY)
    address = url or there
    wanted = tenant_url(address) if address else None
    if wanted is None:
        return _with_given(stored_login(os.environ.get(PROFILE)), None, api_key or key)
    if api_key is not None:
        return Login(wanted, api_key)
    if key and (not there or tenant_url(there) == wanted):
        return Login(wanted, key)
    for each in profiles().values():
        if each.url == wanted:
            return each
    raise NotSignedIn(f"There is no key for {wanted}. {HOW_TO_SIGN_IN}")


def _with_given(login: Login, url: str | None, api_key: str | None) -> Login:
    if url is not None and tenant_url(url) != login.url:
        raise ValueError(f"Profile {login.profile} is for {login.url}, not {url}.")
    return login if api_key is None else Login(login.url, api_key, login.profile)


# -- stored ---------------------------------------------------------------------------------------


def logins_file() -> Path:
    """Returns the path of the file with the logins, in the platform's folder for settings."""
    return user_config_path("headlessly", appauthor=False) / "logins.json"


def cache_path() -> Path:
    """Returns the path of the cache folder."""
    return user_cache_path("headlessly", appauthor=False)


def profiles() -> dict[str, Login]:
    """Returns the stored logins by profile."""
    return {
        name: Login(each["url"], each["apiKey"], name)
        for name, each in _read_file()["profiles"].items()
    }


def current_profile() -> str | None:
    """Returns the profile that is used if none is named."""
    return _read_file().get("current")


def stored_login(profile: str | None = None) -> Login:
    """Returns a stored login, by default the current one. Raises NotSignedIn."""
    known = profiles()
    name = profile or current_profile()
    if name is None:
        raise NotSignedIn(f"You are not signed in. {HOW_TO_SIGN_IN}")
    if name not in known:
        there = f"There are: {', '.join(known)}." if known else HOW_TO_SIGN_IN
        raise NotSignedIn(f"There is no profile {name!r}. {there}")
    return known[name]


def store(login: Login, profile: str) -> None:
    """Stores a login under a name, and makes it the current one."""
    data = _read_file()
    data["profiles"][profile] = {"url": login.url, "apiKey": login.api_key}
    data["current"] = profile
    write_json(logins_file(), data)


def use(profile: str) -> Login:
    """Makes a stored login the current one. Raises NotSignedIn."""
    login = stored_login(profile)
    write_json(logins_file(), _read_file() | {"current": profile})
    return login


def forget(profile: str) -> None:
    """Deletes a stored login. Raises NotSignedIn."""
    stored_login(profile)
    data = _read_file()
    del data["profiles"][profile]
    if data.get("current") == profile:
        data["current"] = next(iter(data["profiles"]), None)
    write_json(logins_file(), data)


def _read_file() -> dict[str, Any]:
    try:
        data = json.loads(logins_file().read_text(encoding="utf-8"))
        assert isinstance(data["profiles"], dict)
    except FileNotFoundError:
        return {"current": None, "profiles": {}}
    except (ValueError, KeyError, TypeError, AssertionError):
        raise NotSignedIn(
            f"{logins_file()} cannot be read: delete it, and sign in again."
        ) from None
    return data


def write_json(target: Path, data: Any) -> None:
    """Replaces a file atomically. Only its owner can read it, even while it is being written."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # It has the mode 0600 from the start.
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
