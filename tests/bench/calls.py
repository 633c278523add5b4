"""Calls the product as a server does: through its WSGI application, with a key or with a session."""

from __future__ import annotations

import io
import sys
from typing import Any

import orjson


class Caller:
    """Calls addresses of one tenant. Anything but success is an error."""

    def __init__(self, mount: str, **headers: str) -> None:
        from headlessly.wsgi import application

        self.application, self.mount = application, mount
        self.headers = {f"HTTP_{name.upper()}": value for name, value in headers.items()}

    def __call__(self, method: str, path: str, query: str = "", body: Any = None) -> bytes:
        sent = b"" if body is None else orjson.dumps(body)
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": self.mount + path, "QUERY_STRING": query,
            "SCRIPT_NAME": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost", "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(sent)), "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(sent), "wsgi.errors": sys.stderr,
            "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": True,
            "wsgi.run_once": False, **self.headers,
        }  # fmt: skip
        status: list[str] = []
        response = self.application(environ, lambda line, headers, *_: status.append(line))
        content = b"".join(response)
        response.close()
        if not status[0].startswith("2"):
            raise RuntimeError(f"{method} {path}?{query}: {status[0]} {content[:300]!r}")
        return content


def by_key(tenant: Any) -> Caller:
    """Returns a caller with an API key."""
    from headlessly.access.models import ApiKey

    _, secret = ApiKey.issue(tenant, "bench", rate_limit=10**9)
    return Caller(f"/~{tenant.slug}", authorization=f"Bearer {secret}")


def by_session(tenant: Any) -> Caller:
    """Returns a caller with the session of a manager, who is one of the contacts that own leads."""
    from django.test import Client

    from crm import Contact
    from headlessly.access import actors, tenancy
    from headlessly.access.models import Membership, User

    email = f"bench@{tenant.slug}.example"
    user = User.objects.filter(email=email).first() or User.objects.create_user(email)
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        person = Contact.objects.filter(owned_leads__isnull=False).first()
    Membership.objects.update_or_create(
        user=user, tenant=tenant, defaults={"role": "manager", "contact": person}
    )
    client = Client()
    client.force_login(user)
    return Caller(f"/~{tenant.slug}/admin", cookie=f"sessionid={client.cookies['sessionid'].value}")
