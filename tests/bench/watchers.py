"""``python -m tests.bench.watchers``: what pages cost that are merely open.

The demo must be served (``make demo``, in another terminal). Fifty pages, first lists, then boards, then
records, send every two seconds what their browsers would (``watch.js``, ``bell.js``), each over a connection
of its own. With ``--changes`` a lead is added every so many seconds, and the pages reload as browsers do. The
CPU of the server and of PostgreSQL is read from ``/proc``, so it runs only on Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import threading
import time
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

#: How often a page asks, in seconds, and how often at most it reloads what others add to it.
EVERY, MOST = 2.0, 120.0
#: How often the bell asks, in seconds: usually, at most, and while something happens all the time.
BELL, BELL_LEAST, BELL_MOST = 60.0, 3.0, 30.0
TICKS = os.sysconf("SC_CLK_TCK")
LISTS = ("crm/lead/?view=all", "crm/deal/?view=all", "crm/contact/?view=all")
BOARDS = ("crm/lead/board/", "crm/deal/board/")


class Browser:
    """A connection that stays open, with the cookies of a signed-in user."""

    def __init__(self, workplace: str, cookies: dict[str, str] | None = None) -> None:
        self.origin, self.path = urlsplit(workplace).netloc, urlsplit(workplace).path
        self.connection = HTTPConnection(self.origin)
        self.cookies = cookies if cookies is not None else {}

    def ask(
        self,
        place: str,
        body: dict[str, str] | None = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> tuple[HTTPResponse, str]:
        """Returns the response of an address of the workplace or the site, after redirects."""
        headers = (headers or {}) | {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        }
        if body is not None:
            headers |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"http://{self.origin}",
            }
        where = place if place.startswith("/") else f"{self.path}{place}"
        method, sent = ("GET", None) if body is None else ("POST", urlencode(body))
        try:
            self.connection.request(method, where, sent, headers)
            answer = self.connection.getresponse()
        except OSError:  # the server closed an idle connection: a browser opens another one
            self.connection.close()
            self.connection.request(method, where, sent, headers)
            answer = self.connection.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value
        if answer.status in (301, 302):
            return self.ask(answer.headers["Location"])
        return answer, text

    def sign_in(self, email: str, password: str) -> None:
        _answer, page = self.ask("/")
        body = dict.fromkeys(re.findall(r'<input[^>]*name="([^"]+)"', page), "")
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page)
        assert token is not None
        body |= {"csrfmiddlewaretoken": token[1]}
        body |= {name: email for name in body if name in ("email", "username")}
        body |= {name: password for name in body if "password" in name}
        self.ask("/", body)


class OpenPage(Browser):
    """One open page."""

    def __init__(self, workplace: str, cookies: dict[str, str], place: str) -> None:
        super().__init__(workplace, cookies)
        _answer, page = self.ask(place)
        shown = re.findall(r'data-(?:row|card|touch)="([^"]+)"', page)
        here = re.search(r'id="record"[^>]*data-record="([^"]+)"', page)
        noun = re.search(r'data-noun="([^"]+)"', page)
        assert noun is not None, place
        self.asks = {
            "token": json.loads(self.ask("watch/token/")[1])["token"], "since": "",
            "noun": noun[1], "here": here[1] if here else "", "writes": "",
            "of": ",".join(dict.fromkeys([*shown, *([here[1]] if here else [])])),
        }  # fmt: skip
        self.place, self.is_record = place, bool(here)
        self.took: list[float] = []
        self.looked, self.gap = -MOST, EVERY
        self.rang, self.bell_gap = -BELL, BELL_LEAST
        self.looks = self.rings = 0

    def watch(self, until: float, start: float) -> None:
        time.sleep(start)
        happened = False
        while time.monotonic() < until:
            began = time.perf_counter()
            answer, text = self.ask("watch/", self.asks)
            assert answer.status == 200, answer.status
            self.took.append((time.perf_counter() - began) * 1000)
            told = json.loads(text)
            happened = happened or (bool(self.asks["since"]) and told["at"] != self.asks["since"])
            if self.renew(told):
                self.asks["since"] = told["at"]
            happened = self.ring(happened)
            time.sleep(max(0.0, EVERY - (time.perf_counter() - began)))

    def renew(self, told: dict[str, Any]) -> bool:
        """Do what watch.js does with a response."""
        mine = told["changed"] or told["missed"]
        if not mine and (not told["others"] or self.is_record):
            return True
        now = time.monotonic()
        if not mine and now - self.looked < self.gap:
            return False
        self.gap = EVERY if mine or now - self.looked > 4 * self.gap else min(MOST, self.gap * 2)
        self.looked = now
        self.looks += 1
        self.ask(self.place, headers={"X-Region": "1", "X-Live": "1", "X-Unattended": "1"})
        return True

    def ring(self, happened: bool) -> bool:
        """Do what bell.js does. Returns whether it still has to ask for what has happened."""
        now = time.monotonic()
        if now - self.rang < (self.bell_gap if happened else BELL):
            return happened
        long_ago = now - self.rang > 4 * self.bell_gap
        self.bell_gap = BELL_LEAST if long_ago else min(BELL_MOST, self.bell_gap * 2)
        self.rang = now
        self.rings += 1
        self.ask("notifications/unread/", headers={"X-Live": "1", "X-Unattended": "1"})
        return False


def add_leads(workplace: str, key: str, every: float, stopped: threading.Event) -> None:
    """Keep adding leads through the API."""
    url = urlsplit(workplace.removesuffix("admin/"))
    number = 0
    while not stopped.wait(every):
        number += 1
        connection = HTTPConnection(url.netloc)
        body = json.dumps({"name": f"Added while fifty look {number}", "source": "bench"})
        head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request("POST", f"{url.path}leads", body, head)
        answer = connection.getresponse()
        assert answer.status == 201, (answer.status, answer.read())
        connection.close()


def cpu_seconds(folder: Path) -> dict[str, float]:
    """Returns the CPU seconds of the processes that were started in `folder`: the server and PostgreSQL."""
    found = {"server": 0.0, "postgres": 0.0}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            where = (process / "cwd").readlink()
            times = (process / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        kind = "postgres" if "postgres" in command else "server"
        if (
            int(process.name) != os.getpid()
            and where.is_relative_to(folder)
            and "bench" not in command
        ):
            found[kind] += (int(times[11]) + int(times[12])) / TICKS
    return found


def measure_cpu(folder: Path, seconds: float) -> dict[str, float]:
    """Returns the CPU of server and PostgreSQL over the next seconds, in percent of a core."""
    before, began = cpu_seconds(folder), time.monotonic()
    time.sleep(seconds)
    after, passed = cpu_seconds(folder), time.monotonic() - began
    return {name: (after[name] - before[name]) / passed * 100 for name in after}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.watchers", description=__doc__)
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--changes", type=float, default=0, help="add a lead every so many seconds")
    options = parser.parse_args()
    folder = Path(__file__).resolve().parents[2]
    demo = json.loads((folder / ".data/demo.json").read_text())["tenants"]["acme"]
    workplace = f"{demo['url']}/admin/"
    first = Browser(workplace)
    first.sign_in(demo["email"], demo["password"])
    _answer, page = first.ask(LISTS[0])
    records = [f"crm/lead/{id}/change/" for id in re.findall(r'data-row="([^"]+)"', page)]
    kinds = {"list": LISTS, "board": BOARDS, "record": tuple(records)}
    idle = measure_cpu(folder, options.seconds)
    print(f"nobody: server {idle['server']:.1f} %, PostgreSQL {idle['postgres']:.1f} % of a core")
    stopped = threading.Event()
    if options.changes:
        given = (workplace, demo["apiKey"], options.changes, stopped)
        threading.Thread(target=add_leads, args=given).start()
        time.sleep(2 * EVERY)
        used = measure_cpu(folder, options.seconds)
        print(f"who adds leads alone: server {used['server']:.1f} %")
    for kind, places in kinds.items():
        pages = [
            OpenPage(workplace, first.cookies, places[n % len(places)])
            for n in range(options.pages)
        ]
        until = time.monotonic() + options.seconds + 2 * EVERY
        threads = [
            threading.Thread(target=page.watch, args=(until, n * EVERY / len(pages)))
            for n, page in enumerate(pages)
        ]
        for thread in threads:
            thread.start()
        time.sleep(EVERY)
        used = measure_cpu(folder, options.seconds)
        for thread in threads:
            thread.join()
        took = sorted(each for page in pages for each in page.took)
        print(
            f"{options.pages} pages of a {kind}: server {used['server']:.1f} %, PostgreSQL "
            f"{used['postgres']:.1f} % of a core; {len(took)} answers, {took[len(took) // 2]:.1f} ms in "
            f"the middle, {took[int(len(took) * 0.99)]:.0f} at the 99th percentile; the bell asked "
            f"{sum(page.rings for page in pages)} times, {sum(page.looks for page in pages)} pages again",
            flush=True,
        )
    stopped.set()


if __name__ == "__main__":
    main()
