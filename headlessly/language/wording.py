"""Labels made of the English names in declarations, and their translations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import get_language, gettext, pgettext

from headlessly.language.languages import ENGLISH, capitalizes_nouns

#: Words with their own capitalization.
SPELLINGS = {
    "url": "URL", "sku": "SKU", "utm": "UTM", "roi": "ROI", "nps": "NPS", "naics": "NAICS", "bant": "BANT",
    "linkedin": "LinkedIn", "id": "ID", "sms": "SMS", "smb": "SMB",
}  # fmt: skip

CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

#: The contexts of messages in the catalogues.
VALUE, LABEL, NOUN, NOUNS, VERB, EVENT = "value", "label", "noun", "nouns", "verb", "event"

GROUP, ENGAGEMENT, RELATION, SUBJECT, OBJECT = "group", "touch", "relation", "subject", "object"

SUGGESTION, UNIT = "suggestion", "unit"


def split_words(name: Any) -> str:
    """Returns the words of a name: ``InProgress`` → ``In progress``."""
    words = CAMEL.sub(" ", str(name)).replace("_", " ").split(" ")
    return " ".join([words[0], *(w if w.isupper() else w.lower() for w in words[1:])])


def inside_sentence(text: str) -> str:
    """Returns ``text`` as it is written within a sentence: in lower case, unless the language or the word
    keeps it."""
    if capitalizes_nouns():
        return text
    words = text.split(" ")
    return " ".join(word if sum(map(str.isupper, word)) > 1 else word.lower() for word in words)


#: Words that begin with a vowel that is spoken as a consonant: a user, a unit.
CONSONANTS = re.compile("eu|u[^aeiou][aeiou]", re.IGNORECASE)
ARTICLE = re.compile(r"\b([Aa]) (?=%(?:\((\w+)\))?s)")


def indefinite_article(name: str) -> str:
    """Returns ``a`` or ``an``."""
    return "an" if name[:1].lower() in tuple("aeiou") and not CONSONANTS.match(name) else "a"


def with_article(name: str) -> str:
    """Returns an English name with its article: ``an Organization``."""
    return f"{indefinite_article(name)} {name}"


def fill(text: str, gaps: Mapping[str, Any] | str) -> str:
    """Fills the placeholders of a text; in English ``A %(noun)s`` becomes ``An Organization``."""

    def fitting(found: re.Match[str]) -> str:
        name = gaps if isinstance(gaps, str) else gaps[found[2]]
        return f"{found[1]}{indefinite_article(str(name))[1:]} "

    return (ARTICLE.sub(fitting, text) if reads_english() else text) % gaps


def a_kind_of_engagement(kind: str) -> str:
    """Returns ``a call``: a kind of engagement as the object of a sentence."""
    return pgettext(OBJECT, with_article(split_words(kind).lower()))


def the_kind_of_engagement(kind: str) -> str:
    """Returns ``the call``: a kind of engagement as the object of a sentence."""
    return pgettext(OBJECT, f"the {split_words(kind).lower()}")


def state_label(state: Any) -> str:
    """Returns the label of a state or a choice: ``InProgress`` → ``In progress``."""
    return pgettext(VALUE, split_words(state)) if state else ""


def json_key_label(name: str) -> str:
    """Returns the label of a key inside of JSON."""
    return pgettext(LABEL, english_json_key(name))


def english_json_key(name: str) -> str:
    words = split_words(name).capitalize().split(" ")
    return " ".join(SPELLINGS.get(word.lower(), word) for word in words)


def tracked_event_label(name: str) -> str:
    """Returns the label of a tracked event: ``lead_converted`` → ``lead converted``."""
    return pgettext(EVENT, name.replace("_", " "))


#: The sentences of timelines for tracked events whose names say too little, by name.
_sentences: dict[str, Any] = {}


def tell_tracked_event(name: str, sentence: Any) -> None:
    """Declares the sentence with which a timeline tells of a tracked event: a lazy translation with
    placeholders for its data."""
    _sentences[name] = sentence


def tracked_event_sentence(name: str, data: Mapping[str, Any]) -> str | None:
    """Returns the sentence for a tracked event; None if none was declared, or the data lack a value."""
    try:
        return str(_sentences[name]) % data
    except KeyError:
        return None


def suggestion_label(text: str) -> str:
    """Returns a suggested text in the reader's language."""
    return pgettext(SUGGESTION, text)


def event_label(event: str) -> str:
    """Returns the label of a verb's event: ``Converted``."""
    return pgettext(EVENT, split_words(event))


def state_in_error(state: Any) -> str:
    """Returns a state for an error message: in English as programs know it, else its label."""
    return str(state) if reads_english() else state_label(state)


def role_in_error(role: str) -> str:
    """Returns a role for an error message: in English as programs know it, else its label."""
    return role if reads_english() else gettext(role.capitalize())


def join_with_or(names: Iterable[str]) -> str:
    """Returns ``New or Lost``."""
    return gettext(" or ").join(names)


def join_with_and(names: Iterable[str]) -> str:
    """Returns ``a budget and a landing page``."""
    return gettext(" and ").join(names)


def reads_english() -> bool:
    return (get_language() or ENGLISH).startswith(ENGLISH)
