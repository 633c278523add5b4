"""How much one script may use, by the role of who sends it: the one table, which every check reads."""

from __future__ import annotations

from dataclasses import dataclass

from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.errors import Forbidden


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


MB = 1024 * 1024

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
