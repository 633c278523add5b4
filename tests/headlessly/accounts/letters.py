"""Finds the links in emails."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings


def link_in(letter: Any) -> str:
    """Returns the path of the link in an email."""
    (found,) = re.findall(re.escape(settings.SITE_URL) + r"(/\S+)", letter.body)
    return found
