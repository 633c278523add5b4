"""Panels of a record's page for computed fields of questions and answers, such as a qualification."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from headlessly.admin import field_values
from headlessly.declaration import labels
from headlessly.language import wording
from headlessly.nouns import Noun


@dataclass
class PanelAnswer:
    """A question of a panel: whether it is answered, and the answer."""

    name: str
    label: str
    given: bool
    value: Any


@dataclass
class Panel:
    """The panel of a computed field that says what is known and what is missing."""

    name: str
    label: str
    answers: list[PanelAnswer]
    answered: int | None
    asks: bool = False  #: whether several questions can be answered together

    @property
    def is_open(self) -> bool:
        """Whether no question is answered yet: then the record's known facts come before the panel."""
        return not any(answer.given for answer in self.answers)

    @property
    def summary(self) -> str:
        count = sum(a.given for a in self.answers) if self.answered is None else self.answered
        return _("%(count)s of %(all)s") % {"count": count, "all": len(self.answers)}


def answer_panels(record: Noun, editable: Collection[str] = ()) -> list[Panel]:
    """Returns the panels of a record. A question is open to be answered if its field is among
    ``editable``."""
    found = []
    for declared in record.schema.computed:
        value = declared.computed(record) if declared.computed else None
        if not isinstance(value, dict):
            continue
        questions = {k: v for k, v in value.items() if isinstance(v, bool)}
        count = next(
            (v for v in value.values() if isinstance(v, int) and not isinstance(v, bool)), None
        )
        answers = []
        for key, given in questions.items():
            about = record.schema.field(key)
            answers.append(
                PanelAnswer(
                    name=about.name if about else key,
                    label=labels.field_label(about) if about else wording.json_key_label(key),
                    given=given,
                    value=field_values.field_html(record, about) if about else "",
                )
            )
        if answers:
            asks = sum(answer.name in editable for answer in answers) > 1
            found.append(Panel(declared.name, labels.field_label(declared), answers, count, asks))
    return found
