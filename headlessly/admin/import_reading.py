"""How the file of an import is read, and the alternatives, for the page of its trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from headlessly.admin.sites import TenantSite
from headlessly.admin.widgets import ReferenceSelect, make_widget
from headlessly.declaration import labels
from headlessly.nouns import Noun
from headlessly.transfer import formats
from headlessly.transfer.encodings import ENCODINGS, NAMES
from headlessly.transfer.models import Import
from headlessly.transfer.options import DELIMITER_NAMES, Options

#: Prefix of a field's wire name in the name of the input for its default.
DEFAULT = "default-"


def reading_choices(source: Import, site: TenantSite) -> dict[str, Any]:
    """Returns the choices of how a file is read, with the current ones."""
    layout, options = source.layout, Options(**source.options)
    encodings: list[tuple[str, str]] = []
    delimiters: list[tuple[str, str]] = []
    encoding = next((n for n, e in ENCODINGS.items() if e == layout.get("encoding")), "")
    delimiter = next((n for n, m in DELIMITER_NAMES.items() if m == layout.get("delimiter")), "")
    if source.format != formats.XLSX:
        encodings = [(name, NAMES[codec]) for name, codec in ENCODINGS.items()]
        if not encoding:  # detected, and not among the choices
            encodings.insert(0, ("", NAMES.get(layout["encoding"], layout["encoding"])))
    if source.format == formats.CSV:
        marks = {
            "comma": _("comma"), "semicolon": _("semicolon"), "tab": _("tab"), "pipe": _("vertical bar")
        }  # fmt: skip
        delimiters = list(marks.items())
        if not delimiter:
            delimiters.insert(0, ("", layout["delimiter"]))
    return {
        "encodings": encodings,
        "encoding": encoding,
        "delimiters": delimiters,
        "delimiter": delimiter,
        "options": options,
        "defaults": _defaults(source.noun, options, site),
        "text": _text(source, encodings, encoding, delimiters, delimiter),
    }


def _defaults(noun: type[Noun], options: Options, site: TenantSite) -> list[tuple[str, str, str]]:
    """Returns the inputs for values of rows that do not have their own: id, label and input of each."""
    found: list[tuple[str, str, str]] = []
    for name in (*noun.Surface.files.otherwise, *noun.Surface.files.of_all):
        field = noun.schema.by_name[name]
        id, said = f"{DEFAULT}{field.wire}", options.defaults.get(field.wire, "")
        widget = ReferenceSelect(field, site) if field.type == "reference" else make_widget(field)
        more = {"id": id, "placeholder": noun.Surface.files.otherwise.get(name, "")}
        found.append((id, labels.field_label(field), widget.render(id, said, more)))
    return found


def said_of_all(noun: type[Noun], asked: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Returns the values that an address sets for all rows, by wire name, each with its text:
    ``?campaign=campaign_…``."""
    found = {}
    for name in noun.Surface.files.of_all:
        field = noun.schema.by_name[name]
        id = asked.get(field.wire, "")
        record = field.target_noun.objects.filter(pk=id).first() if field.to and id else None
        if record is not None:
            found[field.wire] = id, f"{labels.field_label(field)}: {record}"
    return found


def _text(
    source: Import,
    encodings: list[tuple[str, str]],
    encoding: str,
    delimiters: list[tuple[str, str]],
    delimiter: str,
) -> str:
    """Returns a line on how the file is read."""
    marks = {"comma": "1.250,00", "point": "1,250.00"}
    days = {"dmy": _("24/11/2026, day first"), "mdy": _("11/24/2026, month first")}
    notations = source.notations()
    decimals = {notations[path].decimal for path in source.seen_fields("numbers")}
    orders = {notation.days for notation in notations.values() if notation.days}
    return " · ".join(
        [
            *(label for name, label in encodings if name == encoding),
            *(label for name, label in delimiters if name == delimiter),
            *(marks[name] for name in sorted(decimals)),
            *(days[order] for order in sorted(orders)),
        ]
    )
