"""The address that exports a list."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from django.utils import timezone, translation
from django.utils.http import urlencode

from headlessly.access import tenancy
from headlessly.admin.lists.address import Address
from headlessly.language.languages import ENGLISH
from headlessly.transfer import formats


def export_url(address: Address, ids: list[str] | None = None, format: str = formats.CSV) -> str:
    """Returns the address of the list as a file: all of it, or these records.

    The file has the columns of the list as the reader sees them: in their language and time zone, with
    names.
    """
    if address.problem:
        return ""
    noun = address.noun
    asked: dict[str, str] = {
        "format": format,
        "fields": ",".join(f.wire for f in address.columns if f.computed is None),
        "labels": translation.get_language() or ENGLISH,
        "zone": timezone.get_current_timezone_name(),
    }
    if ids is not None:
        condition = {"$id": {"$in": ids}}
    else:
        # Conditions are REST parameters where possible; the others are in the filter language.
        said = [c for c in address.active if c.params is not None]
        for each in said:
            asked |= each.params
        condition = address.filter_of(c for c in address.active if c not in said)
    if condition:
        asked["filter"] = json.dumps(condition, default=str, ensure_ascii=False)
    if address.sort:
        wires = [(s[: s.startswith("-")], s.removeprefix("-")) for s in address.sort]
        asked["sort"] = ",".join(
            sign + (noun.schema.by_name[n].wire if n in noun.schema.by_name else n)
            for sign, n in wires
        )
    if address.moment:
        asked["asOf"] = address.moment.isoformat()
    return f"{urlsplit(tenancy.context_url()).path}/export/{noun.plural}?{urlencode(asked)}"
