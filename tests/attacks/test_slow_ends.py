"""Who sends slowly, and who does not read."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

from tests.attacks.site import Site, all_at_once

HALF = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "Content-Length: 100000\r\n\r\n{{"
)


def connect(site: Site, stack: ExitStack, sent: str, window: int | None = None) -> socket.socket:
    connection = stack.enter_context(socket.socket())
    if window:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", site.port))
    connection.sendall(sent.encode())
    return connection


def seconds_of(site: Site, path: str, **options: str) -> float:
    answers = all_at_once([lambda: site.get(path, **options)] * 4)
    assert {each.status for each in answers} == {200}
    return max(each.seconds for each in answers)


def test_answers_everybody_while_bodies_come_slowly(site: Site) -> None:
    usual = seconds_of(site, "/leads", tenant="quiet")
    with ExitStack() as stack:
        path = f"/~{site.tenants['quiet']['slug']}/leads"
        slow = [connect(site, stack, HALF.format(path=path)) for _ in range(24)]
        for probe in ("/healthz", "/readyz"):
            assert seconds_of(site, probe) < 2
        assert seconds_of(site, "/leads", tenant="quiet") < max(3, 3 * usual)
        began = time.monotonic()
        answers = [each.recv(1000).decode() for each in slow]
        assert time.monotonic() - began < 9, "a deadline"
    assert all(" 408 " in each and "in time" in each for each in answers)


def test_takes_only_so_many_bodies_of_one_address_at_once(site: Site) -> None:
    with ExitStack() as stack:
        slow = [connect(site, stack, HALF.format(path="/~x/leads")) for _ in range(100)]
        time.sleep(1)
        refused = 0
        for each in slow:
            each.settimeout(0.01)
            try:
                refused += " 429 " in each.recv(1000).decode()
            except TimeoutError:
                pass
    assert refused >= 100 - 2 * 32


def test_answers_everybody_while_nobody_reads_what_they_export(site: Site) -> None:
    many = {"operations": [], "atomic": True}
    for n in range(100):
        body = {"name": f"{n} " + "long " * 30, "source": "website", "sourceDetail": "x" * 190}
        many["operations"].append({"method": "POST", "path": "/leads", "body": body})
    for _ in range(12):
        assert site.call("POST", "/batch", many, tenant="greedy").status == 200
    usual = seconds_of(site, "/leads", tenant="quiet")
    slug, key = site.tenants["greedy"]["slug"], site.tenants["greedy"]["keys"]["read"]
    asked = (
        f"GET /~{slug}/export/leads?format=csv HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {key}\r\n\r\n"
    )
    with ExitStack() as stack:
        for _ in range(16):
            connect(site, stack, asked, window=1024)
        time.sleep(2)
        assert seconds_of(site, "/healthz") < 2
        assert seconds_of(site, "/leads", tenant="quiet") < max(1, 3 * usual)
        site.wait_until(lambda: site.open_transactions() == 0, 10)
