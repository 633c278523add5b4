"""The parameters of the report on attribution, for REST and the browser alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from headlessly.declaration import days
from headlessly.errors import InvalidFilter, did_you_mean
from headlessly.query import periods, reads
from marketing.attribution.paths import GROUPS
from marketing.attribution.report import Question
from marketing.attribution.sharing import MODELS

PARAMETERS = ("model", "by", "period", "from", "to", "asOf")
USUAL_MODEL, USUAL_GROUP = "Linear", "campaign"


@dataclass(frozen=True)
class Asked:
    """A question about attribution, and the model under which it is answered."""

    model: str
    question: Question


def read_question(
    given: Mapping[str, str],
    read_moment: Callable[[str | None], datetime | None] = reads.check_moment,
) -> Asked:
    """Returns what is asked. Raises InvalidFilter, which names the parameter and what is allowed.

    A period like ``this_month`` is taken from the day of ``asOf``.
    """
    model = _choice("model", given.get("model") or USUAL_MODEL, MODELS)
    by = _choice("by", given.get("by") or USUAL_GROUP, GROUPS)
    as_of = read_moment(given.get("asOf"))
    period = periods.read_period(given, as_of and days.day_of(as_of))
    return Asked(model, Question(by, period, as_of))


def _choice(name: str, value: str, known: Mapping[str, object]) -> str:
    if value not in known:
        said = _("%(name)s: use one of %(names)s.") % {"name": name, "names": ", ".join(known)}
        raise InvalidFilter(said + did_you_mean(value, known), field=name)
    return value
