"""Many clients that wait for one event at one process: how soon each learns of it, and how others fare.

    python -m tests.scale.pollers --count 500 [--redis unix:///run/redis.sock]

It serves a site of its own, prints its figures, and fails if a client learns of the event after more than a
second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.attacks.site import Site

#: The most seconds until the slowest client learns of an event.
BOUND = 1.0


async def call(
    site: Site, method: str, path: str, bearer: str, body: Any = None
) -> tuple[int, dict[str, str], Any]:
    """Send one request on a connection of its own, as otherwise the work of a pool would be measured."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    content = b"" if body is None else json.dumps(body).encode()
    writer.write(
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {bearer}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n".encode()
        + content
    )
    head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, json.loads(content)


async def measure(site: Site, count: int, arrive: float) -> dict[str, float]:
    """Run `count` clients that wait for the log of one tenant, and one that requests something else
    meanwhile.

    The clients have `arrive` seconds to connect.
    """
    greedy = site.tenants["greedy"]
    path, bearer = f"/~{greedy['slug']}", greedy["keys"]["admin"]

    async def get(address: str) -> Any:
        while True:
            status, headers, found = await call(site, "GET", path + address, bearer)
            if (
                status != 503
            ):  # too many connections of a tenant at once: they come again as the response says
                break
            await asyncio.sleep(float(headers["retry-after"]))
        assert status == 200, found
        return found

    end = (await get("/events"))["cursor"]
    heard: list[float] = []

    async def follow() -> None:
        page = await get(f"/events?cursor={end}&name=asked&wait=25")
        names = [event["name"] for event in page["results"]]
        assert names == ["asked"], names
        heard.append(time.monotonic())

    readers = [asyncio.create_task(follow()) for _ in range(count)]
    await asyncio.sleep(arrive)
    meanwhile = []
    for _ in range(20):
        asked = time.monotonic()
        await get("/leads")
        meanwhile.append(time.monotonic() - asked)
    assert not heard, "nothing has happened yet"
    status, _, found = await call(site, "POST", f"{path}/events", bearer, {"name": "asked"})
    assert status == 201, found
    committed = time.monotonic()
    await asyncio.gather(*readers)
    took = sorted(moment - committed for moment in heard)
    return {
        "readers": len(took),
        "first": round(took[0], 3),
        "median": round(statistics.median(took), 3),
        "last": round(took[-1], 3),
        "a list meanwhile, median": round(statistics.median(meanwhile), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--redis", default="", help="the REDIS_URL of the site")
    asked = parser.parse_args()
    os.environ["REDIS_URL"] = asked.redis
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), "--workers", "1", "--threads", "4", "--jobs", "0")
        try:
            found = asyncio.run(measure(site, asked.count, 5 + asked.count / 50))
        finally:
            site.stop()
    print(found)
    sys.exit(found["last"] > BOUND)


if __name__ == "__main__":
    main()
