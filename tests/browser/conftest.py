"""A real Chromium in front of a live server; skipped, saying why, where there is none."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from pprint import pformat
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

import pytest
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandlerMixin
from django.core.signals import request_finished, request_started
from django.test import Client

PASSWORD = "right-horse-battery"
#: How long a page may take to show what it should, in milliseconds: a busy machine's, not a reader's.
PATIENCE = 20_000
#: The one without windows first: it works a quarter less for the same pages.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
#: Modules whose tests take longest.
LONGEST = ("test_everybody", "test_docs", "test_journeys", "test_reports")
#: Nothing but the site itself can be reached: what a page asks for elsewhere fails, and is told of.
ARGUMENTS = [
    "--no-sandbox",
    "--renderer-process-limit=1",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
]
HOW = (
    "No Chromium was found. Get one with `apt-get install chromium-headless-shell`, "
    "or set CHROMIUM to its path."
)


def chromium() -> str | None:
    """Where a Chromium is, or None."""
    found = (shutil.which(name) for name in NAMES)
    return os.environ.get("CHROMIUM") or next(filter(None, found), None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is here last, for Playwright's loop stays, and the longest of it first, so that no worker is
    left alone with it; skip it where there is no Chromium."""
    here = f"{Path(__file__).parent}{os.sep}"
    others, mine = [], []
    for item in items:
        (mine if str(item.path).startswith(here) else others).append(item)
    if chromium() is None:
        for item in mine:
            item.add_marker(pytest.mark.skip(reason=HOW))
    mine.sort(key=lambda item: item.path.stem not in LONGEST)
    items[:] = others + mine


#: What a person would see who came to a page of a test that failed.
SHOWN = """() => ({
  address: location.href,
  dialogs: [...document.querySelectorAll("dialog[open]")].map((each) => each.innerText.slice(0, 400)),
  said: [...document.querySelectorAll("[role=alert], [role=status], .toast")].map((each) => each.innerText),
  focus: document.activeElement?.outerHTML.slice(0, 200),
  typed: document.activeElement?.value,
  offered: [...document.querySelectorAll("[role=listbox]")].map((each) => each.innerText.slice(0, 200)),
  text: document.body?.innerText.slice(0, 1200),
})"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell with a test that failed what its page showed then: on a busy machine it may not fail again."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.failed and call.when == "call" and page and not page.is_closed():
        with suppress(Exception):  # of a page that answers nothing any more
            report.sections.append(("the page", pformat(page.evaluate(SHOWN), width=120)))
    return report


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's own Chromium; without its sandbox, which root cannot have. Its pages share a process: one
    for each is begun for each test."""
    return browser_type_launch_args | {"executable_path": chromium(), "args": ARGUMENTS}


@pytest.fixture(scope="session")
def playwright(playwright: Any) -> Iterator[Any]:
    """Playwright's event loop lives in this thread; Django would not ask the database beside it."""
    from playwright.sync_api import expect

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    expect.set_options(timeout=PATIENCE)
    yield playwright
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session", autouse=True)
def static_files_are_kept() -> Iterator[None]:
    """As where the product runs, a browser asks once for what every page loads, and not of each page anew
    whether it changed."""
    serve = StaticFilesHandlerMixin.serve

    def serve_to_keep(self: Any, request: Any) -> Any:
        answer = serve(self, request)
        answer["Cache-Control"] = "max-age=3600"
        return answer

    StaticFilesHandlerMixin.serve = serve_to_keep
    yield
    StaticFilesHandlerMixin.serve = serve


@pytest.fixture(scope="session")
def shared_context(
    browser: Any, live_server: Any, browser_context_args: dict[str, Any]
) -> Iterator[Any]:
    """One browser for all tests, with what every page loads loaded once."""
    context = browser.new_context(**browser_context_args)
    keeper = context.new_page()
    keeper.goto(f"{live_server.url}/healthz")
    yield context
    context.close()


@pytest.fixture
def context(request: pytest.FixtureRequest, new_context: Any) -> Iterator[Any]:
    """The browser of a test: nobody is signed in, nothing is kept. What is waited for has as long on a busy
    machine as what is expected."""
    if request.node.get_closest_marker("own_context"):
        context = new_context()
        context.set_default_timeout(2 * PATIENCE)
        yield context
        return
    context = request.getfixturevalue("shared_context")
    context.set_default_timeout(2 * PATIENCE)
    yield context
    context.set_offline(False)
    context.clear_cookies()
    keeper, *pages = context.pages
    sites = {urljoin(page.url, "/") for page in pages if page.url.startswith("http")}
    for page in pages:
        page.close()
    # Not in the pages themselves, which keep what is typed when they are closed.
    session = context.new_cdp_session(keeper)
    for site in sites:
        wanted = {"origin": site.rstrip("/"), "storageTypes": "local_storage"}
        session.send("Storage.clearDataForOrigin", wanted)
    session.detach()


@pytest.fixture(autouse=True)
def answered(transactional_db: None) -> Iterator[None]:
    """After the browser has gone, wait until the site has answered what it still asked.

    Else such an answer would read from tables that are being emptied for the next test.
    """
    open_requests = Requests()
    yield
    open_requests.wait()


class Requests:
    """How many requests the site is answering."""

    #: How long to wait, in seconds; a request that takes longer is a failure that tells of itself.
    LONGEST = 10

    def __init__(self) -> None:
        self.count, self.changed = 0, threading.Condition()
        request_started.connect(self.begin)
        request_finished.connect(self.end)

    def begin(self, **_: Any) -> None:
        with self.changed:
            self.count += 1

    def end(self, **_: Any) -> None:
        with self.changed:
            self.count -= 1
            self.changed.notify_all()

    def wait(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.count <= 0, timeout=self.LONGEST)
        request_started.disconnect(self.begin)
        request_finished.disconnect(self.end)


@pytest.fixture
def site(live_server: Any) -> str:
    """The address of the running site."""
    return live_server.url


def sign_in(page: Any, site: str, email: str, password: str = PASSWORD) -> None:
    page.goto(site)
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Sign in").wait_for(state="detached")


def open_session(page: Any, site: str, user: Any) -> None:
    """Have ``page`` signed in as ``user`` without the form, which has tests of its own."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": site}])


def cut_off(page: Any) -> None:
    """Take the connection away from ``page``; back is ``page.context.set_offline(False)``.

    The browser says so before its network does: a request of that moment would fail in the page and
    arrive all the same. So this waits until one fails.
    """
    page.context.set_offline(True)
    page.wait_for_function(
        "() => fetch('/healthz', {method: 'HEAD'}).then(() => false, () => true)"
    )


@pytest.fixture
def bob(acme: Any, people: SimpleNamespace) -> Any:
    """The rep, who can sign in."""
    from headlessly.access.models import Membership, User

    user = User.objects.create_user("bob@sign.example", PASSWORD, first_name="Bob")
    Membership.objects.create(user=user, tenant=acme, role="rep", contact_id=people.bob.pk)
    return user


@pytest.fixture
def desk(page: Any, site: str, bob: Any) -> Iterator[Any]:
    """Bob's browser, signed in and nowhere yet. At the end: no script failed, and nothing came from
    elsewhere."""
    failed: list[str] = []
    elsewhere: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    # Of each request that succeeds a browser would have to tell, fifty for a page.
    page.on("requestfailed", lambda r: r.url.startswith(site) or elsewhere.append(r.url))
    open_session(page, site, bob)
    yield page
    assert failed == []
    assert elsewhere == []
