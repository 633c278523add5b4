"""The current actor, and what actors may do.

The actor is ambient like the tenant. :func:`may` is the one permission decision: every surface, button and
verb uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

ADMIN, MANAGER, REP, VIEWER = "admin", "manager", "rep", "viewer"
ROLES = (ADMIN, MANAGER, REP, VIEWER)
#: The role of a key that reads, and whose scripts wait for approval; no user has it.
PROPOSER = "proposer"
#: The role of an anonymous visitor; no user and no key has it.
STRANGER = "stranger"

#: What a role may do beyond reading. By the area that a noun declares ("*": any), the verbs it may execute
#: ("*": any, "-deleting": any that neither deletes nor restores, "public": those with ``public``). What is
#: not in the table is refused.
PERMISSIONS: dict[str, dict[str, str]] = {
    ADMIN: {"*": "*"},
    MANAGER: {"*": "*"},
    REP: {"sales": "-deleting", "activity": "*"},
    VIEWER: {},
    PROPOSER: {},
    STRANGER: {"*": "public"},
}

#: The scopes of API keys, and the roles that they amount to.
SCOPES = {"read": VIEWER, "propose": PROPOSER, "write": MANAGER, "admin": ADMIN}


#: The scopes of the keys that a person of a role may have: never more than they may. A rep's proposes
#: nothing, for what is proposed is tried on all there is.
SCOPES_OF_ROLES = {
    ADMIN: frozenset(SCOPES),
    MANAGER: frozenset({"read", "propose", "write"}),
    REP: frozenset({"read", "write"}),
    VIEWER: frozenset({"read"}),
}


def role_of_key(scope: str, person: str | None) -> str:
    """Returns the role of a key with ``scope``: never more than the role of its ``person``, which is None for
    a service key."""
    role = SCOPES[scope]
    if person is None:
        return role
    if scope not in SCOPES_OF_ROLES[person]:
        return VIEWER
    return role if role == PROPOSER else max(role, person, key=ROLES.index)


@dataclass(frozen=True)
class Actor:
    """A user, an API key or the system, in one tenant."""

    id: str
    name: str
    role: str
    contact_id: str | None = None  #: the contact that the user is, who owns their leads
    #: Whether they see only records of their own and without an owner (:mod:`headlessly.access.visibility`).
    limited: bool = False

    @property
    def is_key(self) -> bool:
        """Whether it is an API key and not a person."""
        return self.id.startswith("apikey_")

    @property
    def reads_only(self) -> bool:
        """Whether they neither write nor propose."""
        return self.role in (VIEWER, STRANGER)

    @property
    def writes(self) -> bool:
        """Whether they may write."""
        return self.role in (ADMIN, MANAGER, REP)


SYSTEM = Actor("system", "System", ADMIN)
#: The actor of requests that need no key, such as a visitor who submits a form.
PUBLIC = Actor("public", "A visitor", STRANGER)

_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


def current() -> Actor:
    """Returns the current actor. Raises PermissionError without one, because nobody reads or writes
    anonymously."""
    if (actor := _actor.get()) is None:
        raise PermissionError("Nobody is acting. Wrap this in `with actors.acting(actor):`.")
    return actor


def current_or_none() -> Actor | None:
    return _actor.get()


@contextmanager
def acting(actor: Actor | None) -> Iterator[Actor | None]:
    """Make ``actor`` the current one inside the block."""
    token = _actor.set(actor)
    try:
        yield actor
    finally:
        _actor.reset(token)


def enter(actor: Actor) -> None:
    """Make ``actor`` the current one for the rest of this script or shell."""
    _actor.set(actor)


def may_administer(actor: Actor) -> bool:
    """Whether ``actor`` may manage the tenant itself: its settings, members, keys and webhooks."""
    return actor.role == ADMIN


def may(actor: Actor, verb: str, noun: type[Record]) -> bool:
    """Whether ``actor`` may execute ``verb`` on records of ``noun``; reading is the verb ``read``."""
    if verb == "read":
        return actor.role != STRANGER
    if verb not in noun.verbs:
        return False
    areas = PERMISSIONS.get(actor.role, {})
    allowed = areas.get(noun.schema.area) or areas.get("*")
    match allowed:
        case "-deleting":
            return not (noun.verbs[verb].deletes or noun.verbs[verb].restores)
        case "public":
            return noun.verbs[verb].public is not None
    return allowed == "*"


def may_see_proposals(actor: Actor) -> bool:
    """Whether ``actor`` sees the proposals of others: those who may do everything that is proposed."""
    return actor.role in (ADMIN, MANAGER)


def may_approve(actor: Actor) -> bool:
    """Whether ``actor`` decides on proposals: those who see all of them, and are persons and not keys."""
    return may_see_proposals(actor) and not actor.is_key


def may_propose(actor: Actor) -> bool:
    """Whether ``actor`` may propose a script: those who do more than read, and see everything it would be
    tried on."""
    return not actor.reads_only and not actor.limited


def may_share(actor: Actor) -> bool:
    """Whether ``actor`` may share what they saved, such as a view of a list, with the whole team."""
    return actor.role in (ADMIN, MANAGER)
