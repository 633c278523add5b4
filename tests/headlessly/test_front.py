"""What stands before the application: who tries passwords waits where waiting takes no thread."""

from __future__ import annotations

import asyncio
import errno
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
import pytest
from django.core import signing
from django.db import OperationalError
from psycopg import errors as postgres

from headlessly.context import tracing
from headlessly.errors import InvalidFilter
from headlessly.web import callers
from headlessly.web.front import Front, passwords
from headlessly.web.front.answers import Broken, Pace
from headlessly.web.front.reading import IN_MEMORY
from headlessly.web.front.waiting_room import Turns


class Site:
    """An application that takes its time, behind the front, and how many of it were at work at once."""

    def __init__(self, seconds: float = 0.02) -> None:
        self.front = Front(self.answer, threads=8, hashing=2)
        self.seconds, self.running, self.most = seconds, 0, 0
        self.lock = threading.Lock()

    def answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(self.seconds)
        with self.lock:
            self.running -= 1
        start_response("200 OK", [])
        return [b"done"]

    async def ask(
        self,
        method: str,
        path: str,
        address: str = "192.0.2.1",
        body: bytes = b"x",
        accept: str = "",
        cookie: str = "",
    ) -> tuple[int, dict[bytes, bytes]]:
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "http_version": "1.1",
            "client": (address, 1),
            "headers": [
                (b"content-length", str(len(body)).encode()),
                (b"accept", accept.encode()),
                (b"cookie", cookie.encode()),
            ],
        }
        told: dict[str, Any] = {}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            told.update(message)

        await self.front(scope, receive, send)
        return told["status"], dict(told["headers"])


GUESSED_AT = ["/", "/second", "/password/user_x/t", "/invitation/i/t", "/forgotten", "/admin/x/"]
GUESSED_AT += ["/~acme/admin/account/confirm/"]


@pytest.mark.parametrize("path", GUESSED_AT)
def test_a_guess_takes_no_more_threads_than_hash(path: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(passwords, "LEAST", 0)

    async def flood() -> tuple[Site, list[Any]]:
        site = Site()
        asked = [site.ask("POST", path, f"192.0.2.{n}") for n in range(20)]
        return site, await asyncio.gather(*asked)

    site, answers = asyncio.run(flood())
    assert {status for status, _ in answers} == {200}
    assert site.most == 1, "the other place is for those whom nobody keeps out"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("POST", "/~acme/leads"), ("POST", "/~acme/admin/crm/lead/")]
)
def test_what_is_no_guess_waits_for_none(method: str, path: str) -> None:
    async def ask() -> Site:
        site = Site(0.1)
        await asyncio.gather(*(site.ask(method, path, f"192.0.2.{n}") for n in range(8)))
        return site

    assert asyncio.run(ask()).most > 2


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOENT, errno.ENOSPC])
def test_a_body_that_cannot_be_kept_is_refused_until_later(
    number: int, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: Any, **_options: Any) -> None:
        raise OSError(number, "said the disk")

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    asked = Site().ask("POST", "/~acme/leads", body=b"x" * (IN_MEMORY + 1))
    status, headers = asyncio.run(asked)
    assert (status, headers[b"retry-after"]) == (503, b"10")
    assert "A body cannot be kept" in caplog.text and "said the disk" in caplog.text


def test_one_address_has_every_other_turn_and_a_short_line() -> None:
    async def flood() -> tuple[Site, list[Any], float]:
        site = Site()
        asked = [asyncio.ensure_future(site.ask("POST", "/")) for _ in range(100)]
        async with asyncio.timeout(10):
            while sum(each.done() for each in asked) < 100 - passwords.MOST_WAITING - 2:
                await asyncio.sleep(0.01)
        refused = [each.result() for each in asked if each.done()]
        began = time.monotonic()
        assert (await site.ask("POST", "/", "198.51.100.1"))[0] == 200
        took = time.monotonic() - began
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        return site, refused, took

    site, answers, took = asyncio.run(flood())
    refused = Counter(status for status, _ in answers)
    assert refused[503] >= 100 - passwords.MOST_WAITING - 3, refused
    assert all(headers[b"retry-after"] for status, headers in answers if status == 503)
    assert site.most == 1 and took < 1, "the next turn is somebody else's"


def test_who_has_signed_in_here_before_or_has_a_link_does_not_wait_for_guessers() -> None:
    known = f"browser={signing.dumps('mark', salt=callers.BROWSER_COOKIE)}"

    async def flood() -> list[float]:
        site, took = Site(), []
        guesses = [asyncio.ensure_future(site.ask("POST", "/", f"192.0.2.{n}")) for n in range(40)]
        await asyncio.sleep(0.05)
        for path, cookie in (("/", known), ("/forgotten", ""), ("/password/u/t", "browser=forged")):
            began = time.monotonic()
            assert (await site.ask("POST", path, "198.51.100.1", cookie=cookie))[0] == 200
            took.append(time.monotonic() - began)
        forged = asyncio.ensure_future(
            site.ask("POST", "/", "198.51.100.1", cookie="browser=forged")
        )
        await asyncio.sleep(0.1)
        assert not forged.done()
        for each in (*guesses, forged):
            each.cancel()
        await asyncio.gather(*guesses, forged, return_exceptions=True)
        return took

    # Each waits for the moment at most that the one before keeps the place.
    assert max(asyncio.run(flood())) < 1


def test_a_browser_is_told_so_on_a_page(monkeypatch: Any) -> None:
    monkeypatch.setattr(passwords, "PATIENCE", 0.01)

    async def ask() -> dict[bytes, bytes]:
        site = Site(0.1)
        others = [asyncio.ensure_future(site.ask("POST", "/")) for _ in range(2)]
        await asyncio.sleep(0)
        status, headers = await site.ask("POST", "/", accept="text/html")
        assert status == 503
        await asyncio.gather(*others)
        return headers

    headers = asyncio.run(ask())
    assert headers[b"content-type"].startswith(b"text/html")
    assert b"default-src 'none'" in headers[b"content-security-policy"]


def test_a_guess_has_no_long_body() -> None:
    site = Site()
    long = b"x" * (passwords.LONGEST_BODY + 1)
    assert asyncio.run(site.ask("POST", "/", body=long))[0] == 413
    assert asyncio.run(Site().ask("POST", "/~acme/leads", body=long))[0] == 200


def test_a_place_is_kept_for_a_moment_however_soon_its_work_is_done() -> None:
    async def take() -> float:
        turns = Turns(1, least=0.05)
        began = time.monotonic()
        for _ in range(3):
            async with turns.have_turn("somebody"):
                pass
        return time.monotonic() - began

    assert 0.1 <= asyncio.run(take()) < 1


class Files:
    """An application whose answers are made while they are sent, and readers who take none of it yet."""

    def __init__(self, *parts: bytes | float | Exception) -> None:
        """``parts`` are what is sent, how many seconds the next takes to be made, and what goes wrong."""
        self.front = Front(self.answer, threads=8, hashing=2)
        self.parts, self.may_read = parts, asyncio.Event()

    def answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return self.make() if "/export/" in environ["PATH_INFO"] else [b"done"]

    def make(self) -> Iterator[bytes]:
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            if isinstance(part, float):
                time.sleep(part)
            else:
                yield part

    async def ask(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        """What was answered, and all of it, as soon as one may read."""
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        async def send(message: dict[str, Any]) -> None:
            if "/export/" in path and told and told[0]["status"] == 200:
                await self.may_read.wait()
                await asyncio.sleep(0)  # as a network, which is not there at once
            told.append(message)

        asked = {"type": "http", "method": method, "path": path, "query_string": b""}
        asked |= {"http_version": "1.1", "client": ("192.0.2.1", 1)}
        asked |= {"headers": [(b"x-request-id", b"asked_by_me")]}
        await self.front(asked, receive, send)
        return told[0]["status"], b"".join(each["body"] for each in told[1:])


def test_whoever_reads_files_slowly_keeps_others_of_the_tenant_from_files_alone() -> None:
    async def run() -> None:
        site = Files(b"x" * 100_000)
        reading = [asyncio.create_task(site.ask("/~acme/export/leads")) for _ in range(4)]
        while site.front.long_answers.kept["~acme"] < 4:
            await asyncio.sleep(0.01)
        status, content = await site.ask("/~acme/export/leads")
        assert (status, orjson.loads(content)["retryAfter"]) == (503, 5)
        assert await site.ask("/~acme/leads") == (200, b"done")
        other = asyncio.create_task(site.ask("/~rival/export/leads"))
        site.may_read.set()
        for each in (*reading, other):
            assert await each == (200, b"x" * 100_000)
        assert not site.front.long_answers.kept
        assert await site.ask("/~acme/export/leads") == (200, b"x" * 100_000)

    asyncio.run(run())


def test_files_of_pages_are_read_by_many_at_once() -> None:
    async def run() -> None:
        site = Files(b"x" * 100_000)
        reading = [asyncio.create_task(site.ask("/static/export/a.js")) for _ in range(20)]
        await asyncio.sleep(0.1)
        site.may_read.set()
        assert {(await each)[0] for each in reading} == {200}

    asyncio.run(run())


def test_what_goes_wrong_before_anything_is_sent_is_answered_by_an_error(caplog: Any) -> None:
    caplog.handler.addFilter(tracing.RequestIdFilter())

    async def run() -> None:
        away = OperationalError("terminating connection")
        away.__cause__ = postgres.AdminShutdown()
        problems = (InvalidFilter("Too slow."), 400), (ValueError("?"), 500), (away, 503)
        for problem, said in problems:
            status, content = await Files(b"head", problem).ask("/~acme/export/leads")
            assert status == said and b"head" not in content
            assert orjson.loads(content)["requestId"] == "asked_by_me"
        assert {each.request_id for each in caplog.records} == {"asked_by_me"}
        site = Files(b"x" * 100_000, InvalidFilter("Too slow."))
        site.may_read.set()
        with pytest.raises(Broken):  # the server cuts what has begun: an error would end it well
            await site.ask("/~acme/export/leads")

    asyncio.run(run())


def test_whoever_reads_promptly_is_not_cut_off_for_what_comes_slowly(monkeypatch: Any) -> None:
    monkeypatch.setattr(Pace, "GRACE", 0.2)
    monkeypatch.setattr(Pace, "LEAST_RATE", 10**9)
    parts = b"x" * 100_000, b"y" * 100_000

    async def run() -> None:
        site = Files(parts[0], 0.5, parts[1])
        site.may_read.set()
        assert await site.ask("/~acme/export/leads") == (200, b"".join(parts))
        unread = Files(*parts)  # it ends all the same, and leaves nothing behind
        async with asyncio.timeout(10):
            await unread.ask("/~acme/export/leads")
        assert not unread.front.long_answers.kept

    asyncio.run(run())


def test_whoever_asks_for_the_head_alone_has_nothing_made() -> None:
    async def run() -> None:
        site = Files(b"x" * 100_000, ValueError("It was made."))
        site.may_read.set()
        assert await site.ask("/~acme/export/leads", "HEAD") == (200, b"")

    asyncio.run(run())
