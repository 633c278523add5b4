"""Limits how often a password may be tried: for an account, from an address, and for both together.

Each key has some free attempts. After that, every failed one doubles the time until the next. An attempt
is counted as failed before it is made, in one statement that commits by itself, and the count is taken
back when it succeeds. So parallel attempts gain nothing, in however many processes.

A browser in which the owner has signed in before is counted by itself and not with the account, so that
strangers who guess cannot lock the owner out of their own browser. Choosing a new password by email resets
the account's count.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import ngettext

from headlessly.database import prepared
from headlessly.errors import RateLimited

#: How many attempts are free: for an account from one address, for it from anywhere, for it from a browser
#: of its owner, and from an address for any account, because there may be an office behind it. Requested
#: emails are counted in the same way, to an account and from an address.
FREE = {"both": 5, "account": 10, "browser": 5, "address": 30, "letters": 3, "letters_from": 10}
#: The first and the longest wait, in seconds; each is twice the one before.
FIRST_WAIT, LONGEST_WAIT = 30, 3600
#: After how many hours without an attempt the count starts again.
FORGOTTEN_AFTER = 24

#: What nobody has to wait for: it is left where the clock was put back.
TOO_LONG = f"clock_timestamp() + interval '{2 * LONGEST_WAIT} seconds'"
#: The database's clock: those of several servers differ. A row whose time has not come is not updated, and so
#: not answered. In the order of the keys, so that two at once do not wait for each other.
COUNT = f"""
INSERT INTO headlessly_guess AS g (key, failures, last_at, until)
SELECT k.key, 1, clock_timestamp(), clock_timestamp()
FROM unnest(%s::text[], %s::int[]) AS k(key, free) ORDER BY k.key
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN g.last_at < clock_timestamp() - interval '{FORGOTTEN_AFTER} hours'
        THEN 1 ELSE g.failures + 1 END,
    last_at = clock_timestamp(), until = clock_timestamp()
WHERE g.until NOT BETWEEN clock_timestamp() AND {TOO_LONG}
RETURNING key, failures
"""
WAIT = f"""
UPDATE headlessly_guess AS g SET until = clock_timestamp() + make_interval(secs =>
    least({LONGEST_WAIT}, {FIRST_WAIT} * power(2, least(30, g.failures - k.free))))
FROM unnest(%s::text[], %s::int[]) AS k(key, free) WHERE g.key = k.key AND g.failures >= k.free
"""
LEFT = f"""
SELECT coalesce(max(extract(epoch FROM until - clock_timestamp())), 0)::float8
FROM headlessly_guess WHERE key = ANY(%s) AND until < {TOO_LONG}
"""
TAKE_BACK = """
UPDATE headlessly_guess SET failures = greatest(failures - 1, 0), until = clock_timestamp()
WHERE key = ANY(%s)
"""
FORGET = "DELETE FROM headlessly_guess WHERE key = ANY(%s)"
#: Deletes a few expired rows whenever a new count starts. Skips rows that are being counted.
CLEAR = f"""
DELETE FROM headlessly_guess WHERE key = ANY(ARRAY(
    SELECT key FROM headlessly_guess
    WHERE last_at < clock_timestamp() - interval '{FORGOTTEN_AFTER} hours'
    LIMIT 20 FOR UPDATE SKIP LOCKED))
"""


class TooManyGuesses(RateLimited):
    """There have to be fewer attempts: nothing was tried."""

    def __init__(self, seconds: float, *, for_letters: bool = False) -> None:
        self.seconds = max(1, math.ceil(seconds))
        minutes = math.ceil(seconds / 60)
        said = (
            ngettext(
                "Several links were asked for already. Look into your mail, or try again in a minute.",
                "Several links were asked for already. "
                "Look into your mail, or try again in %(minutes)d minutes.",
                minutes,
            )
            if for_letters
            else ngettext(
                "Too many tries. Wait a minute, or choose a new password by mail.",
                "Too many tries. Wait %(minutes)d minutes, or choose a new password by mail.",
                minutes,
            )
        )
        super().__init__(said % {"minutes": minutes}, retryAfter=self.seconds)


@dataclass(frozen=True)
class Guesser:
    """The keys under which an attempt is counted, by what they count."""

    keys: Mapping[str, str]

    @classmethod
    def of(cls, email: str, network: str, browser: str = "") -> Guesser:
        """Returns the keys of an attempt at an account (by its normalized email) from a network, in a
        browser that its owner has used before, if so."""
        counted = {"both": f"{email} {network}", "address": network}
        counted |= {"browser": f"{email} {browser}"} if browser else {"account": email}
        return cls({kind: _key(kind, value) for kind, value in counted.items()})

    @classmethod
    def of_letters(cls, email: str, network: str) -> Guesser:
        """Returns the keys of a request for an email to an account from a network."""
        counted = {"letters": email, "letters_from": network}
        return cls({kind: _key(kind, value) for kind, value in counted.items()})

    def count(self) -> bool:
        """Counts an attempt, which is made next. Raises TooManyGuesses if it may not be made yet.

        Returns whether it is the last free one, after which further attempts at this account have to wait.
        """
        kinds = sorted(self.keys, key=self.keys.__getitem__)
        keys, free = [self.keys[kind] for kind in kinds], [FREE[kind] for kind in kinds]
        # Durable: a rollback of the request must not undo the count.
        with transaction.atomic(durable=True):
            counted = dict(prepared.execute_prepared(COUNT, [keys, free]))
            if len(counted) == len(keys):
                prepared.execute_prepared(WAIT, [keys, free], rows=False)
            else:
                transaction.set_rollback(True)
        if len(counted) < len(keys):
            ((seconds,),) = prepared.execute_prepared(LEFT, [keys])
            raise TooManyGuesses(seconds, for_letters="letters" in self.keys)
        if 1 in counted.values():
            prepared.execute_prepared(CLEAR, [], rows=False)
        return any(counted[self.keys[kind]] == FREE[kind] for kind in kinds if kind != "address")

    def forget(self) -> None:
        """Forgets the attempts of the owner, who got in. The address stays counted, for what others try
        from there."""
        own = [key for kind, key in self.keys.items() if kind != "address"]
        prepared.execute_prepared(FORGET, [own], rows=False)
        prepared.execute_prepared(TAKE_BACK, [[self.keys["address"]]], rows=False)


def forget_account(email: str) -> None:
    """Forgets others' attempts at an account whose owner has proved who they are."""
    forget_keys([_key("account", email)])


def forget_keys(keys: Collection[str]) -> None:
    prepared.execute_prepared(FORGET, [list(keys)], rows=False)


def _key(kind: str, value: str) -> str:
    """Returns the hash of a key, because people type their password into the wrong field."""
    return salted_hmac(f"headlessly.guess.{kind}", value, algorithm="sha256").hexdigest()
