"""How a verb is conjugated: ``convert`` → ``converting``, ``converted``, ``Converted``, ``converted_by``.

English is regular enough for three rules and a table. The names appear on every surface (hooks,
events, look-ups by actor), so they are made in this one place and never typed by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

#: Verbs the rules below get wrong: infinitive → (present participle, past participle).
IRREGULAR = {
    "begin": ("beginning", "begun"),
    "buy": ("buying", "bought"),
    "cancel": ("cancelling", "cancelled"),
    "find": ("finding", "found"),
    "forget": ("forgetting", "forgotten"),
    "give": ("giving", "given"),
    "hold": ("holding", "held"),
    "keep": ("keeping", "kept"),
    "leave": ("leaving", "left"),
    "lose": ("losing", "lost"),
    "make": ("making", "made"),
    "meet": ("meeting", "met"),
    "pay": ("paying", "paid"),
    "put": ("putting", "put"),
    "refer": ("referring", "referred"),
    "rollback": ("rolling_back", "rolled_back"),
    "sell": ("selling", "sold"),
    "send": ("sending", "sent"),
    "set": ("setting", "set"),
    "submit": ("submitting", "submitted"),
    "take": ("taking", "taken"),
    "transfer": ("transferring", "transferred"),
    "undo": ("undoing", "undone"),
    "win": ("winning", "won"),
    "write": ("writing", "written"),
}

VOWELS = "aeiou"


@dataclass(frozen=True)
class Conjugation:
    """Every form of one verb."""

    verb: str  #: ``convert`` executes
    before: str  #: ``converting``, the hook that may refuse
    after: str  #: ``converted``, the hook that reacts
    event: str  #: ``Converted``, the second half of the event's name
    by: str  #: ``converted_by`` looks executions up by actor


@cache
def conjugate(verb: str, event: str | None = None) -> Conjugation:
    """Conjugate ``verb`` (lower case). ``event`` overrides the name of its event."""
    # Of two words the first is the verb: follow_up, following_up, followed_up.
    head, joint, rest = verb.partition("_")
    before, after = (
        word + joint + rest
        for word in IRREGULAR.get(head) or (_present_participle(head), _past_participle(head))
    )
    name = event or "".join(part.capitalize() for part in after.split("_"))
    return Conjugation(verb, before, after, name, f"{after}_by")


def _present_participle(verb: str) -> str:
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    return _doubled(verb) + "ing"


def _past_participle(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in VOWELS:
        return verb[:-1] + "ied"
    return _doubled(verb) + "ed"


def _doubled(verb: str) -> str:
    """Double the last letter of a one-syllable verb that ends consonant-vowel-consonant (log → logg)."""
    syllables = sum(
        letter in VOWELS and (i == 0 or verb[i - 1] not in VOWELS) for i, letter in enumerate(verb)
    )
    closed = (
        len(verb) > 2
        and verb[-1] not in VOWELS + "wxy"
        and verb[-2] in VOWELS
        and verb[-3] not in VOWELS
    )
    return verb + verb[-1] if syllables == 1 and closed else verb
