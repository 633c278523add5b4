"""How much one script may use, by the sender's role; every check uses this table."""

from __future__ import annotations

from dataclasses import dataclass

from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.errors import Forbidden
from headlessly.scripts.failures import LimitExceeded


@dataclass(frozen=True)
class Limits:
    """The limits of one run; if it exceeds one of them, it fails and has no effect."""

    seconds: float  #: from the beginning to the end, including the database
    memory: int  #: bytes in the interpreter
    calls: int  #: of nouns: reads and verbs
    records: int  #: read, by all calls together
    answer: int  #: bytes of the value as JSON
    output: int  #: bytes of printed text
    code: int = 20_000  #: characters of the script itself
    depth: int = 200  #: of nested function calls
    #: All calls of the host, of which calls of nouns are also counted separately.
    turns: int = 100_000

    def exceeded(self, name: str) -> LimitExceeded:
        """Returns the error for exceeding the limit with this name."""
        most = getattr(self, name)
        return LimitExceeded(name, most, EXCEEDED[name].format(most=most, megabytes=most // MB))


MB = 1024 * 1024
EXCEEDED = {
    "seconds": "A script takes at most {most:g} s.",
    "memory": "A script uses at most {megabytes} MB of memory. Find with fewer fields, and answer less.",
    "calls": "A script calls nouns at most {most:,} times. Do it in several.",
    "records": "A script reads at most {most:,} records. Give find a limit or a narrower filter, or count.",
    "answer": "A script answers at most {most:,} bytes. Answer fewer fields, or count.",
    "output": "A script prints at most {most:,} bytes.",
    "turns": "A script turns to its host at most {most:,} times.",
}

_READER = Limits(5, 32 * MB, calls=100, records=2_000, answer=100_000, output=20_000)
_WRITER = Limits(10, 64 * MB, calls=1_000, records=5_000, answer=200_000, output=50_000)
LIMITS: dict[str, Limits] = {
    actors.ADMIN: Limits(20, 64 * MB, calls=5_000, records=20_000, answer=500_000, output=100_000),
    actors.MANAGER: _WRITER,
    actors.REP: _WRITER,
    actors.PROPOSER: _WRITER,
    actors.VIEWER: _READER,
}
#: The maximum number of records of one `find`, whatever is left.
MAX_FIND = 1_000


def limits_of(actor: Actor) -> Limits:
    """Returns the limits of an actor, by role. Raises Forbidden for a visitor, who may not run scripts."""
    if (found := LIMITS.get(actor.role)) is None:
        raise Forbidden(f"As {actor.role} you may not run scripts.")
    return found
