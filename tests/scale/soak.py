"""A mixed load for any length of time: memory stays constant, and no response is 5xx.

    python -m tests.scale.soak --minutes 30

It is not part of the suite. It serves a site of its own. Its memory is compared between the time when it is
warm (after a fifth of the run) and the end, as means over a tenth of the run each, and may grow by no more
than 5 %.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from statistics import mean
from typing import Any

import django
import psutil

#: How much memory may grow.
MOST = 0.05
#: How often each kind is requested: mostly lists and records; pages, agents and files too.
MIX = {"list": 30, "get": 30, "search": 10, "create": 12, "update": 10, "convert": 4, "events": 4}
MIX |= {
    "page": 8,
    "record": 6,
    "today": 2,
    "script": 4,
    "undo": 2,
    "import": 1,
    "export": 1,
    "wait": 2,
}
#: Requests that need an existing lead.
NEED_A_LEAD = ("get", "update", "convert", "record", "undo")
ROWS = b"name,source\n" + b"".join(b"Imported %d,website\n" % number for number in range(20))
#: Pages of the admin; each "page" requests one of them.
PAGES = ("crm/lead/", "crm/lead/board/", "crm/deal/", "crm/deal/board/", "reports/")


class Load(threading.Thread):
    """One client that sends one request after the other."""

    def __init__(self, site: Any, ending: threading.Event, seed: int) -> None:
        super().__init__(daemon=True)
        self.site, self.ending, self.random = site, ending, random.Random(seed)
        self.answers: Counter[tuple[str, int]] = Counter()
        self.leads: list[str] = []
        self.slowest = 0.0

    def run(self) -> None:
        kinds, weights = list(MIX), list(MIX.values())
        while not self.ending.is_set():
            (kind,) = self.random.choices(kinds, weights)
            answer = self.ask(kind)
            self.answers[kind, answer.status] += 1
            self.slowest = max(self.slowest, answer.seconds)

    def ask(self, kind: str) -> Any:
        def call(method: str, path: str, body: Any = None, **headers: str) -> Any:
            return self.site.call(method, path, body, tenant="quiet", headers=headers or None)

        lead = self.random.choice(self.leads) if self.leads else None
        if kind == "create" or (lead is None and kind in NEED_A_LEAD):
            contact = call("POST", "/contacts", {"name": f"Person {self.random.random()}"})
            new = {"name": f"Lead {self.random.random()}", "source": "website"}
            answer = call("POST", "/leads", new | {"contact": contact.body.get("$id")})
            if answer.status == 201:
                self.leads = [*self.leads[-99:], answer.body["$id"]]
            return answer
        if kind == "convert":
            self.leads.remove(lead)  # type: ignore[arg-type]
            for status in ("Contacted", "Qualified"):
                call("PATCH", f"/leads/{lead}", {"status": status})
            return call("POST", f"/leads/{lead}/convert")
        if kind == "update":
            return call("PATCH", f"/leads/{lead}", {"score": self.random.randint(0, 100)})
        if kind == "undo":
            changed = call("PATCH", f"/leads/{lead}", {"sourceDetail": str(self.random.random())})
            return call("POST", f"/requests/{changed.headers.get('x-request-id')}/undo")
        if kind == "script":
            return self.site.script("[lead.name for lead in Lead.find(limit=20)]", "quiet")
        if kind == "import":
            return call("POST", "/import/leads", ROWS, **{"Content-Type": "text/csv"})
        if kind in ("page", "record", "today"):
            record = f"crm/lead/{lead}/change/" if kind == "record" else ""
            return self._page(self.random.choice(PAGES) if kind == "page" else record)
        paths = {
            "get": f"/leads/{lead}?include=contact",
            "list": "/leads?limit=25&include=contact,owner",
            "search": f"/leads?q=lead+0.{self.random.randint(0, 9)}",
            "events": "/events?limit=50",
            "export": "/export/leads?format=csv",
            "wait": "/events?since=now&wait=2",
        }
        return call("GET", paths[kind])

    def _page(self, path: str) -> Any:
        quiet = self.site.tenants["quiet"]
        headers = {"Cookie": f"sessionid={quiet['session']}"}
        return self.site.call("GET", f"/~{quiet['slug']}/admin/{path}", headers=headers)


def memory_of(process: psutil.Process) -> int:
    """Returns the private memory of the server and its processes in bytes."""
    found = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            found += each.memory_full_info().uss
        except psutil.Error:
            pass
    return found


def run(minutes: float, callers: int) -> int:
    """Serve, load and measure. Returns how many of the two promises were broken."""
    from tests.attacks.site import Site

    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), "--workers", "1")
        ending = threading.Event()
        loads = [Load(site, ending, number) for number in range(callers)]
        samples: list[int] = []
        try:
            for load in loads:
                load.start()
            seconds = minutes * 60
            began = time.monotonic()
            while (passed := time.monotonic() - began) < seconds:
                time.sleep(min(5, seconds / 40))
                if passed > seconds / 5:
                    samples.append(memory_of(site.process))
        finally:
            ending.set()
            for load in loads:
                load.join(60)
            site.stop()
    tenth = max(1, len(samples) // 8)  # the samples are from eight tenths of the run
    before, after = mean(samples[:tenth]), mean(samples[-tenth:])
    answers: Counter[tuple[str, int]] = sum((load.answers for load in loads), Counter())
    wrong = {
        f"{kind} {status}": n for (kind, status), n in answers.items() if not 200 <= status < 500
    }
    refused = {f"{k} {s}": n for (k, s), n in answers.items() if 400 <= s < 500}
    grown = after / before - 1
    print(f"{answers.total():,} answers, slowest {max(load.slowest for load in loads):.2f} s")
    print(f"5xx, or none: {wrong or 'none'}; 4xx: {refused or 'none'}")
    print(
        f"memory {before / 2**20:.0f} MB -> {after / 2**20:.0f} MB ({grown:+.1%}, at most {MOST:+.0%})"
    )
    return bool(wrong) + (grown > MOST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--callers", type=int, default=4)
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headlessly.settings")
    django.setup()
    sys.exit(run(given.minutes, given.callers))


if __name__ == "__main__":
    main()
