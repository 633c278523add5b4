"""How much one script may use, by the role of who sends it: the one table, which every check reads."""

from __future__ import annotations

from dataclasses import dataclass

from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.errors import Forbidden
from headlessly.scripts.failures import LimitExceeded


@dataclass(frozen=True)
class Limits:
    """What one run may use; beyond any of these it fails and has done nothing."""

    seconds: float  #: from its beginning to its end, the database's answers included
    memory: int  #: bytes, in the interpreter
    calls: int  #: of nouns: reads and verbs
    records: int  #: read, by all calls together
    answer: int  #: bytes of its value as JSON
    output: int  #: bytes that it prints
    code: int = 20_000  #: characters of the script itself
    depth: int = 200  #: of functions that call each other
    turns: int = 100_000  #: to the host, for whatever; calls of nouns are counted apart

    def exceeded(self, name: str) -> LimitExceeded:
        """The error of a script that uses more than the limit of this name."""
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
#: The most records that one `find` answers, whatever is left.
MAX_FIND = 1_000


def limits_of(actor: Actor) -> Limits:
    """The limits of an actor, by its role. Raises Forbidden for a visitor, who may run no scripts."""
    if (found := LIMITS.get(actor.role)) is None:
        raise Forbidden(f"As {actor.role} you may not run scripts.")
    return found
