"""A real mail server that keeps the emails it accepts."""

from __future__ import annotations

import email
import socket
from collections.abc import Iterator
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller


class Mailbox:
    """The emails that a mail server has accepted."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self.broken = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.broken:
            self.broken -= 1
            return "451 Try again later"
        self.letters.append(email.message_from_bytes(envelope.content, policy=default))
        return "250 OK"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    found = Mailbox()
    server = Controller(found, hostname="127.0.0.1", port=free_port())
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.MAIL_IS_SET_UP = True
    yield found
    server.stop()


def plain(letter: Any) -> str:
    """Returns the text of an email."""
    return letter.get_body(("plain",)).get_content().replace("\r\n", "\n")


def html(letter: Any) -> str:
    """Returns the HTML of an email."""
    return letter.get_body(("html",)).get_content()
