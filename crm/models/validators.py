"""Validators of values that follow a standard."""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

#: Language tags of BCP 47 as people use them: a language, an optional script and an optional region.
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?\Z")


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def validate_timezone(value: str) -> None:
    if value not in _timezones():
        raise ValidationError(_("Use an IANA time zone like Europe/Berlin or America/New_York."))


def validate_language(value: str) -> None:
    if not LANGUAGE.match(value):
        raise ValidationError(_("Use a language tag like en, de or pt-BR."))
