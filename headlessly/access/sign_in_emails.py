"""The one spelling of an address that somebody signs in with.

An address is an account, so two that a person takes for one must not be two, and two that a program takes for
one neither. What is stored is lower(NFKC(address)); what is asked for goes through the same function; and the
index of the database is made over the same expression, so that nothing gets in beside it.
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
#: Letters of other scripts that nobody can tell from Latin ones.
LOOK_LATIN = frozenset("асеорхуѕіјһԁԛԝгпкмтнв" + "οανρυικτ")
#: Scripts that are written together in one word.
TOGETHER = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA"},
    {"LATIN", "CJK", "HANGUL"},
    {"LATIN", "CJK", "BOPOMOFO"},
)


class Compatible(models.Func):
    """PostgreSQL's NFKC of a text."""

    template = "normalize(%(expressions)s, NFKC)"
    output_field = models.TextField()


#: What addresses are compared by: the expression of the index.
COMPARED = Lower(Compatible("email"))


def normalize_sign_in_email(text: str) -> str:
    """The address in its one spelling: NFKC, in small letters, the domain in letters that people read.

    Raises ValidationError for what is no address, and for one with letters that look like others.
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
    """Those of ``found`` that have this address, found by the index. None for what is no address."""
    try:
        email = normalize_sign_in_email(text)
    except ValidationError:
        return found.none()
    asked = Lower(Compatible(models.Value(email)))
    return found.alias(compared_email=Lower(Compatible(field))).filter(compared_email=asked)


def _becomes_another_letter(letter: str) -> bool:
    """Whether it is no ASCII, and is an ASCII letter in capitals or small: dotless i, long s, Kelvin."""
    if letter.isascii():
        return False
    others = letter.upper() + letter.lower() + letter.upper().lower() + letter.lower().upper()
    return any(other.isascii() and other.isalpha() for other in others)


def _refuse_mixed_scripts(label: str) -> None:
    """Raise ValidationError for a part of a domain in letters of several scripts, or that looks Latin."""
    scripts = {unicodedata.name(c, "?").split()[0] for c in label if c.isalpha()}
    mixed = len(scripts) > 1 and not any(scripts <= allowed for allowed in TOGETHER)
    looks_latin = scripts - {"LATIN"} and all(c in LOOK_LATIN for c in label if c.isalpha())
    if mixed or looks_latin:
        raise ValidationError(
            _("This address has letters of several scripts, or that look like others."),
            code="look_alike",
        )
