"""A greedy tenant, and a quiet one that notices little of it."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest

from headlessly.access.actors import SYSTEM
from headlessly.background.jobs import JobPlaces, ShareTaken
from headlessly.background.slots import ThreadSlots
from headlessly.scripts.host import Host
from headlessly.scripts.limits import limits_of
from headlessly.web.front.short_requests import SHORT, ShortRequests, short_requests
from headlessly.web.front.waiting_room import Turns
from tests.attacks.site import Site, is_no_slower
from tests.scale.pollers import measure

#: What a greedy tenant sends again and again: some tenths of a second of computing, and of questions.
COMPUTE = "for n in range(3_000_000):\n    pass"
ASK = "for n in range(200):\n    Lead.find(limit=1)"
ROWS = b"name,source\n" + b"".join(b"Imported %d,website\n" % n for n in range(20))


@contextmanager
def meanwhile(work: list[Callable[[], Any]]) -> Iterator[None]:
    """Each of these again and again, in a thread of its own, until the block ends."""
    over = threading.Event()

    def repeat(each: Callable[[], Any]) -> None:
        while not over.is_set():
            each()

    threads = [threading.Thread(target=repeat, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    time.sleep(1)
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


#: What a quiet tenant does; its time is what the site takes, so on a plain connection.
SCRIPT = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "do", "arguments": {"code": "Lead.count()"}},
}
MCP = {"Accept": "application/json, text/event-stream"}


def seconds_of(site: Site, method: str, path: str, body: Any = None, **headers: str) -> float:
    """How long one request of the quiet tenant takes."""
    quiet = site.tenants["quiet"]
    headers |= {"Authorization": f"Bearer {quiet['keys']['admin']}"}
    headers |= {"Content-Type": "application/json"} if body else {}
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    began = time.monotonic()
    connection.request(method, f"/~{quiet['slug']}{path}", body and json.dumps(body), headers)
    answer = connection.getresponse()
    said = answer.read()
    took = time.monotonic() - began
    connection.close()
    assert answer.status == 200 and b'"error' not in said, said
    return took


def use(site: Site, times: int = 9) -> dict[str, float]:
    """How long the usual things take a quiet tenant, in seconds, in the middle of so many."""
    lead = site.tenants["quiet"]["lead"]
    took: dict[str, list[float]] = {"read": [], "write": [], "script": []}
    for turn in range(times):
        took["read"].append(seconds_of(site, "GET", "/leads"))
        took["write"].append(seconds_of(site, "PATCH", f"/leads/{lead}", {"score": turn}))
        took["script"].append(seconds_of(site, "POST", "/mcp", SCRIPT, **MCP))
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def slowed(rounds: list[tuple[dict[str, float], dict[str, float]]]) -> list[str]:
    """What takes more than twice as long, of the best of the rounds: what else the machine does comes and
    goes, greed is there in each of them. Below two hundredths of a second nobody notices."""
    return [
        name
        for name in rounds[0][0]
        if min(found[name] - max(2 * usual[name], usual[name] + 0.02) for usual, found in rounds)
        > 0
    ]


@pytest.mark.parametrize("greed", ["scripts that compute", "scripts that ask", "writers"])
def test_lets_a_quiet_tenant_work_beside_a_greedy_one(site: Site, greed: str) -> None:
    """Each round is measured before and meanwhile, one right after the other."""
    lead = site.tenants["greedy"]["lead"]
    seconds_of(site, "POST", "/mcp", SCRIPT, **MCP)
    rounds: list[tuple[dict[str, float], dict[str, float]]] = []
    while not rounds or (len(rounds) < 6 and slowed(rounds)):
        usual = use(site)
        if greed == "writers":
            write = partial(site.call, "PATCH", f"/leads/{lead}", {"score": 1}, tenant="greedy")
            # Freed first, so that at the end nobody waits for it.
            with meanwhile([write] * 16), site.holding("crm_lead", lead):
                site.wait_until(lambda: site.waiting_for_locks() > 0, 10)
                found = use(site)
        else:
            code = COMPUTE if greed == "scripts that compute" else ASK
            with meanwhile([partial(site.script, code, "greedy", "write")] * 8):
                found = use(site)
        rounds.append((usual, found))
    assert not slowed(rounds), rounds


def test_lets_short_requests_pass_between_the_questions_of_a_long_script() -> None:
    """For no longer than the script has kept others waiting, and for a moment each time."""
    requests = ShortRequests()
    assert requests.let_pass(60) < 1, "there are none"
    with requests.count():
        waited = requests.let_pass(60)
        assert SHORT * 0.9 < waited < 60, "until it is not short any more"
        assert requests.let_pass(60) < waited
    with requests.count():
        assert requests.let_pass(0.01) < SHORT
    host = Host(limits_of(SYSTEM), time.monotonic() + 60)
    with short_requests.count():
        host.worked = SHORT / 2
        host.let_others_pass()
        assert host.waited == 0, "it is short itself"
        host.worked = 2 * SHORT
        host.let_others_pass()
        assert host.waited > 0


def test_gives_one_tenant_all_threads_but_one_and_the_next_one_at_once() -> None:
    """No time is measured: what one has at the most, and that another need not wait for it."""

    async def crowd() -> None:
        turns, most, over = Turns(4), 0, asyncio.Event()

        async def take(name: str) -> None:
            nonlocal most
            async with turns.have_turn(name):
                most = max(most, turns.running["greedy"])
                await over.wait()

        greedy = [asyncio.create_task(take("greedy")) for _ in range(20)]
        await asyncio.sleep(0)
        assert (turns.running["greedy"], len(turns.waiting["greedy"])) == (3, 17)
        quiet = asyncio.create_task(take("quiet"))
        await asyncio.sleep(0)
        assert turns.running["quiet"] == 1, "beside them, while all of them are kept"
        over.set()
        await asyncio.gather(*greedy, quiet)
        assert most == 3

    asyncio.run(crowd())


def test_leaves_places_for_scripts_and_jobs_to_others() -> None:
    slots, places = ThreadSlots(), JobPlaces()
    with ExitStack() as stack:
        taken = [stack.enter_context(slots.reserve_for_script("greedy")) for _ in range(8)]
        assert sum(taken) == 2, "of a process of four threads"
        assert stack.enter_context(slots.reserve_for_script("quiet"))
        for _ in range(3):
            stack.enter_context(places.reserve(1))
        for _ in range(12):
            with pytest.raises(ShareTaken), places.reserve(1):
                pass
        stack.enter_context(places.reserve(2))


def test_gives_a_tenant_its_share_of_connections_and_no_more(site: Site) -> None:
    """Sixteen who want one row, which somebody keeps: none of a process's last threads waits for it."""
    lead = site.tenants["greedy"]["lead"]
    write = partial(site.call, "PATCH", f"/leads/{lead}", {"score": 1}, tenant="greedy")
    site.seconds_to_read()
    usual = site.seconds_to_read()
    found: list[float] = []
    with meanwhile([write] * 16), site.holding("crm_lead", lead):
        site.wait_until(lambda: site.waiting_for_locks() >= 3, 10)
        while len(found) < 3 and not (found and is_no_slower(found[-1], usual)):
            assert site.waiting_for_locks() <= 2 * (4 - 1), "all threads of each process but one"
            found.append(site.seconds_to_read())
    assert is_no_slower(found[-1], usual), (usual, found)


def import_rows(site: Site) -> float:
    """How long an import takes a quiet tenant, in seconds."""
    headers = {"Content-Type": "text/csv"}
    sent = site.call("POST", "/import/leads", ROWS, tenant="quiet", headers=headers)
    assert sent.status == 202, sent
    address = f"/imports/{sent.body['$id']}"
    return site.wait_until(
        lambda: site.get(address, tenant="quiet").body["status"] == "completed", 30
    )


def test_does_the_jobs_of_a_quiet_tenant_beside_webhooks_that_never_answer(site: Site) -> None:
    usual = import_rows(site)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(100)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        for _ in range(12):
            made = site.call("POST", "/webhooks", {"url": url, "events": ["*"]}, tenant="greedy")
            assert made.status == 201, made
        lead = {"name": "Told to nobody", "source": "website"}
        assert site.call("POST", "/leads", lead, tenant="greedy").status == 201
        time.sleep(2)  # all of them are being told
        found = min(import_rows(site) for _ in range(2))
        # A job is looked for every few seconds, whoever's it is.
        assert found < max(2 * usual, usual + 3), (usual, found)
        for each in site.get("/webhooks", tenant="greedy").body["results"]:
            site.call("DELETE", f"/webhooks/{each['$id']}", tenant="greedy")


def test_two_hundred_wait_for_an_event_and_nobody_for_them(site: Site) -> None:
    found = asyncio.run(measure(site, 200, arrive=4))
    assert found["readers"] == 200
    assert found["last"] < 10, found  # a quarter of a second where nobody else computes
    assert found["a list meanwhile, median"] < 2, found
