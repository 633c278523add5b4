"""A real Chromium in front of a live server; without one, the tests are skipped with a reason."""

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
#: Timeout for what a page should show, in milliseconds: generous, for a busy machine.
PATIENCE = 20_000
#: The headless shell first: it takes a quarter less CPU for the same pages.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
#: The modules with the longest tests.
LONGEST = ("test_everybody", "test_docs", "test_journeys", "test_reports")
#: Only the site itself can be reached: requests elsewhere fail, and the test reports them.
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
    """Returns the path of a Chromium, or None."""
    found = (shutil.which(name) for name in NAMES)
    return os.environ.get("CHROMIUM") or next(filter(None, found), None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs browser tests last, because Playwright's event loop stays, and the longest of them first, so
    that no worker is left alone with it. Skips them without a Chromium."""
    here = f"{Path(__file__).parent}{os.sep}"
    others, mine = [], []
    for item in items:
        (mine if str(item.path).startswith(here) else others).append(item)
    if chromium() is None:
        for item in mine:
            item.add_marker(pytest.mark.skip(reason=HOW))
    mine.sort(key=lambda item: item.path.stem not in LONGEST)
    items[:] = others + mine


#: What the page shows when a test fails.
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
    """Adds to a failed test what its page showed: on a busy machine it may not fail again."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.failed and call.when == "call" and page and not page.is_closed():
        with suppress(Exception):  # the page may not respond any more
            report.sections.append(("the page", pformat(page.evaluate(SHOWN), width=120)))
    return report


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Chooses the machine's Chromium. It runs without its sandbox, which does not work for root, and its
    pages share a process, which would otherwise be started for each test."""
    return browser_type_launch_args | {"executable_path": chromium(), "args": ARGUMENTS}


@pytest.fixture(scope="session")
def playwright(playwright: Any) -> Iterator[Any]:
    """Lets Django use the database in the thread with Playwright's event loop."""
    from playwright.sync_api import expect

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    expect.set_options(timeout=PATIENCE)
    yield playwright
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session", autouse=True)
def static_files_are_kept() -> Iterator[None]:
    """Lets the browser cache static files as in production, and not revalidate them for each page."""
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
    """The shared browser context, which loads static files once for all tests."""
    context = browser.new_context(**browser_context_args)
    keeper = context.new_page()
    keeper.goto(f"{live_server.url}/healthz")
    yield context
    context.close()


@pytest.fixture
def context(request: pytest.FixtureRequest, new_context: Any) -> Iterator[Any]:
    """The browser context of a test, without a session or stored data. The timeout for waiting is the same
    as for expecting."""
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
    # Not by scripts of the pages, which store drafts when they are closed.
    session = context.new_cdp_session(keeper)
    for site in sites:
        wanted = {"origin": site.rstrip("/"), "storageTypes": "local_storage"}
        session.send("Storage.clearDataForOrigin", wanted)
    session.detach()


@pytest.fixture(autouse=True)
def answered(transactional_db: None) -> Iterator[None]:
    """Waits at the end until the site has answered all requests.

    Otherwise they would read from tables that are being emptied for the next test.
    """
    open_requests = Requests()
    yield
    open_requests.wait()


class Requests:
    """Counts the requests that the site is answering."""

    #: Timeout, in seconds; a request that takes longer fails in its own way.
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
    """Signs in ``user`` in ``page`` without the form, which has tests of its own."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": site}])


def cut_off(page: Any) -> None:
    """Disconnects ``page``; ``page.context.set_offline(False)`` connects it again.

    The browser tells of it before its network stops: a request at that moment would fail in the page and
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
    """Bob's browser, signed in, without a page. At the end no script may have failed, and nothing been
    requested from elsewhere."""
    failed: list[str] = []
    elsewhere: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    # Listening to successful requests would be slow: there are fifty for a page.
    page.on("requestfailed", lambda r: r.url.startswith(site) or elsewhere.append(r.url))
    open_session(page, site, bob)
    yield page
    assert failed == []
    assert elsewhere == []
