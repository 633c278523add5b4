"""How an import may be asked for, beside its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils import timezone, translation

from headlessly.errors import BadRequest
from headlessly.language.languages import ENGLISH, time_zone_names
from headlessly.transfer.notations import DAYS, NUMBERS

REFUSE, IGNORE = "refuse", "ignore"
MISSING, NOTHING = "missing", "nothing"


@dataclass(frozen=True)
class Options:
    """What was asked for; what was not is found in the file, or is the reader's.

    ``language`` and ``zone`` are those of whoever sent the file: the reasons of refused rows are in the
    one, times without a zone are in the other. Programs read English and UTC.
    """

    numbers: str | None = None  #: the mark before decimals: ``comma`` or ``point``
    days: str | None = None  #: the order of days in numbers: ``dmy`` or ``mdy``
    zone: str = "UTC"
    language: str = ENGLISH
    unknown: str = IGNORE  #: what becomes of columns that are no field
    create: str = MISSING  #: what becomes of records that a row describes beside its own
    defaults: dict[str, Any] = field(default_factory=dict)  #: what rows say that do not say it

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def strict(self) -> bool:
        return self.unknown == REFUSE


#: What may be asked for by a parameter of a request.
PARAMETERS = ("numbers", "days", "zone", "unknown", "create", "defaults")


def read_options(asked: Mapping[str, Any], *, for_people: bool = False) -> Options:
    """The options of a request. Raises BadRequest naming what is allowed.

    ``for_people`` takes the language and the zone of the moment, which are the reader's.
    """
    zone = asked.get("zone") or (timezone.get_current_timezone_name() if for_people else "UTC")
    if zone not in time_zone_names():
        raise BadRequest("zone is the name of a time zone like Europe/Berlin.", field="zone")
    defaults = asked.get("defaults") or {}
    if not isinstance(defaults, dict):
        raise BadRequest(
            'defaults is a JSON object of fields like {"source": "Trade fair"}.', field="defaults"
        )
    return Options(
        numbers=_one_of("numbers", asked, NUMBERS),
        days=_one_of("days", asked, DAYS),
        zone=zone,
        language=(translation.get_language() or ENGLISH) if for_people else ENGLISH,
        unknown=_one_of("unknown", asked, (IGNORE, REFUSE)) or IGNORE,
        create=_one_of("create", asked, (MISSING, NOTHING)) or MISSING,
        defaults=defaults,
    )


def _one_of(name: str, asked: Mapping[str, Any], allowed: Iterable[str]) -> str | None:
    value = asked.get(name) or None
    if value is not None and value not in allowed:
        raise BadRequest(f"{name} is {' or '.join(allowed)}.", field=name)
    return value
