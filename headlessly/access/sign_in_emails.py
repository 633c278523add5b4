"""The one spelling of an email address to sign in with.

An address is an account. So two addresses that a person cannot tell apart must not be two accounts, nor may
two that a program treats as one. The stored form is lower(NFKC(address)). Look-ups use the same function, and
the unique index the same expression, so that nothing can bypass it.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from headlessly.declaration.normalization import normalize_email

LONGEST = 254
#: Letters of other scripts that look exactly like Latin ones.
LOOK_LATIN = frozenset("асеорхуѕіјһԁԛԝгпкмтнв" + "οανρυικτ")
#: Scripts that may be mixed in one word.
TOGETHER = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA"},
    {"LATIN", "CJK", "HANGUL"},
    {"LATIN", "CJK", "BOPOMOFO"},
)


class Compatible(models.Func):
    """PostgreSQL's NFKC of a text."""

    template = "normalize(%(expressions)s, NFKC)"
    output_field = models.TextField()


#: The expression that addresses are compared by, which is that of the index.
COMPARED = Lower(Compatible("email"))


def normalize_sign_in_email(text: str) -> str:
    """Returns the address in its one spelling: NFKC, in small letters, the domain in Unicode.

    Raises ValidationError for text that is no address, and for letters that look like others.
    """
    text = text.strip()
    if not text.isprintable():
        raise ValidationError(_("Enter a valid email address."), code="invalid")
    if any(_becomes_another_letter(letter) for letter in text):
        raise ValidationError(
            _("This address has a letter that looks like another one. Type it by hand."),
            code="look_alike",
        )
    found = normalize_email(unicodedata.normalize("NFKC", text))
    if len(found) > LONGEST or not found.partition("@")[0].isascii():
        raise ValidationError(_("Enter a valid email address."), code="invalid")
    validate_email(found)
    for label in found.rpartition("@")[2].split("."):
        _refuse_mixed_scripts(label)
    return found


def with_email(found: models.QuerySet[Any], text: str, field: str = "email") -> Any:
    """Returns the rows with this address, found by the index; none for text that is no address."""
    try:
        email = normalize_sign_in_email(text)
    except ValidationError:
        return found.none()
    asked = Lower(Compatible(models.Value(email)))
    return found.alias(compared_email=Lower(Compatible(field))).filter(compared_email=asked)


def _becomes_another_letter(letter: str) -> bool:
    """Whether a letter outside of ASCII becomes an ASCII letter by a change of case: dotless i, long s,
    Kelvin."""
    if letter.isascii():
        return False
    others = letter.upper() + letter.lower() + letter.upper().lower() + letter.lower().upper()
    return any(other.isascii() and other.isalpha() for other in others)


def _refuse_mixed_scripts(label: str) -> None:
    """Raise ValidationError for a part of a domain in letters of several scripts, or that only look Latin."""
    scripts = {unicodedata.name(c, "?").split()[0] for c in label if c.isalpha()}
    mixed = len(scripts) > 1 and not any(scripts <= allowed for allowed in TOGETHER)
    looks_latin = scripts - {"LATIN"} and all(c in LOOK_LATIN for c in label if c.isalpha())
    if mixed or looks_latin:
        raise ValidationError(
            _("This address has letters of several scripts, or that look like others."),
            code="look_alike",
        )
