"""``python -m tests.attacks.guessers PORT COUNT SECONDS``: guess passwords, with several guessers at once.

Each guesser has an address of its own (the site trusts its proxy) and tries another account each time. It is
a separate program with a lower priority than the site's, as real guessers compute elsewhere. Prints how often
each status was returned.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections import Counter
from urllib.parse import urlencode

TOKEN = "a" * 32


def request(guesser: int, turn: int) -> bytes:
    sent = {
        "csrfmiddlewaretoken": TOKEN,
        "username": f"victim{turn}.{guesser}@example.com",
        "password": f"guess {turn}",
    }
    body = urlencode(sent)
    return (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: 198.51.100.{guesser}\r\n"
        f"Cookie: csrftoken={TOKEN}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def guess(port: int, guesser: int, until: float, answers: Counter[str]) -> None:
    turn = 0
    while time.monotonic() < until:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while time.monotonic() < until:
                turn += 1
                writer.write(request(guesser, turn))
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                answers[head.split()[1]] += 1
                length = head.partition("content-length:")[2].split("\r\n")[0]
                await reader.readexactly(int(length or 0))
                if "connection: close" in head:
                    break
        writer.close()


async def main(port: int, count: int, seconds: float) -> None:
    answers: Counter[str] = Counter()
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for guesser in range(1, count + 1):
            group.create_task(guess(port, guesser, until, answers))
    print(json.dumps(answers))


if __name__ == "__main__":
    os.nice(10)
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
