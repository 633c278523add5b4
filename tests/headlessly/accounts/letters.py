"""What a letter asks its reader to open."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings


def link_in(letter: Any) -> str:
    """The path of the link in a letter."""
    (found,) = re.findall(re.escape(settings.SITE_URL) + r"(/\S+)", letter.body)
    return found
