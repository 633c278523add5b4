"""The options of an import, besides its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from django.utils import timezone, translation

from headlessly.errors import BadRequest
from headlessly.language.languages import ENGLISH, time_zone_names
from headlessly.transfer.encodings import ENCODINGS
from headlessly.transfer.mapping import EXAMPLE, FieldMapping
from headlessly.transfer.notations import DAYS, NUMBERS
from headlessly.transfer.programs import program_keys
from headlessly.transfer.separated import DELIMITERS

REFUSE, IGNORE = "refuse", "ignore"
MISSING, NOTHING = "missing", "nothing"
#: Columns are guessed by headings; by values too if somebody checks the guess.
HEADINGS, VALUES = "headings", "values"
#: Instead of a mapping: that of the last import of a file with the same headings.
KEPT = "kept"
#: Names for delimiters, besides the characters themselves.
DELIMITER_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}


@dataclass(frozen=True)
class Options:
    """The requested options; others are determined from the file, or are the reader's.

    ``language`` and ``zone`` are those of the person who sent the file: reasons of refusals are in the
    language, times without a zone in the zone. Programs have English and UTC.
    """

    numbers: str | None = None  #: the decimal mark: ``comma`` or ``point``
    days: str | None = None  #: the order of day and month: ``dmy`` or ``mdy``
    zone: str = "UTC"
    language: str = ENGLISH
    unknown: str = IGNORE  #: what to do with columns that are no field
    create: str = MISSING  #: what to do with other records that a row describes
    defaults: dict[str, Any] = field(default_factory=dict)  #: values for rows that have none
    #: The meaning of columns and words (:mod:`.mapping`).
    mapping: dict[str, Any] = field(default_factory=dict)
    #: Whether the mapping of the last file with the same headings is used if none is given; and the import
    #: that it came from.
    keeps: bool = False
    kept_from: str | None = None
    program: str | None = None  #: the key of the program that the file comes from
    chosen: bool = False  #: whether somebody chose the columns, so that nothing is guessed
    encoding: str | None = None  #: a name of ``encodings.ENCODINGS``
    delimiter: str | None = None  #: between the cells of a line
    guess: str = HEADINGS  #: by what fields are guessed: headings, or values too

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def strict(self) -> bool:
        return self.unknown == REFUSE

    @property
    def asks(self) -> bool:
        """Whether somebody checks what was guessed."""
        return self.guess == VALUES

    @cached_property
    def field_mapping(self) -> FieldMapping:
        return FieldMapping.from_json(self.mapping)


#: The parameters of a request for these options.
PARAMETERS = (
    "numbers", "days", "zone", "unknown", "create", "defaults", "mapping", "encoding", "delimiter", "guess",
)  # fmt: skip


def read_options(asked: Mapping[str, Any], *, for_people: bool = False) -> Options:
    """Returns the options of a request. Raises BadRequest with what is allowed.

    ``for_people`` uses the current language and time zone, which are the reader's.
    """
    zone = asked.get("zone") or (timezone.get_current_timezone_name() if for_people else "UTC")
    if zone not in time_zone_names():
        raise BadRequest("zone is the name of a time zone like Europe/Berlin.", field="zone")
    defaults = asked.get("defaults") or {}
    if not isinstance(defaults, dict):
        raise BadRequest(
            'defaults is a JSON object of fields like {"source": "Trade fair"}.', field="defaults"
        )
    mapping, keeps, program = asked.get("mapping"), False, ""
    if isinstance(mapping, str):
        if mapping not in ("", KEPT, *program_keys()):
            raise BadRequest(
                f"mapping is {KEPT}, a program ({', '.join(program_keys())}), or a JSON object of columns "
                f"and values, like {EXAMPLE}.",
                field="mapping",
            )
        program = mapping if mapping != KEPT else ""
        mapping, keeps = {}, mapping == KEPT
    return Options(
        numbers=_one_of("numbers", asked, NUMBERS),
        days=_one_of("days", asked, DAYS),
        zone=zone,
        language=(translation.get_language() or ENGLISH) if for_people else ENGLISH,
        unknown=_one_of("unknown", asked, (IGNORE, REFUSE)) or IGNORE,
        create=_one_of("create", asked, (MISSING, NOTHING)) or MISSING,
        defaults=defaults,
        mapping=mapping or {},
        keeps=keeps,
        program=program or None,
        encoding=_one_of("encoding", asked, ENCODINGS),
        delimiter=_read_delimiter(asked.get("delimiter")),
        guess=_one_of("guess", asked, (HEADINGS, VALUES)) or HEADINGS,
    )


def _read_delimiter(asked: str | None) -> str | None:
    """Returns the delimiter itself. Raises BadRequest."""
    found = DELIMITER_NAMES.get(asked or "", asked) or None
    if found is not None and found not in DELIMITERS:
        names = ", ".join(DELIMITER_NAMES)
        raise BadRequest(f"delimiter is {names}, or the mark itself.", field="delimiter")
    return found


def _one_of(name: str, asked: Mapping[str, Any], allowed: Iterable[str]) -> str | None:
    value = asked.get(name) or None
    if value is not None and value not in allowed:
        raise BadRequest(f"{name} is {' or '.join(allowed)}.", field=name)
    return value
