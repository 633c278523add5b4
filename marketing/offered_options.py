"""Keeps the options of forms up to date with the tenant's own fields: renamed, and without retired ones."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.dispatch import receiver

from headlessly.declaration.folding import fold
from headlessly.declaration.schema import Field
from headlessly.errors import HeadlesslyError
from headlessly.nouns import Noun
from headlessly.shaping.custom_fields import options_changed
from marketing.models import Form
from marketing.question_names import FILLED, options_of, own_fields, plain_name


@receiver(options_changed)
def follow_options(sender: type[Noun], name: str, former: Mapping[str, str], **_: Any) -> None:
    """Use the present names of a field's options in each form that asks for it by a list.

    A form with another error stays as it is.
    """
    if sender.__name__ not in FILLED:
        return
    field = sender.schema.fields[name]
    called = {fold(label): value for value, label in former.items()}
    for form in Form.objects.filter(fields__isnull=False):
        questions = [
            _followed(each, field, called) if _asks_for(each, sender, field) else each
            for each in form.fields
        ]
        if questions != form.fields:
            with suppress(HeadlesslyError):
                form.update(fields=questions)


def _asks_for(question: Any, noun: type[Noun], field: Field) -> bool:
    if not isinstance(question, dict) or not isinstance(question.get("options"), list):
        return False
    return own_fields(noun).get(plain_name(str(question.get("name")))) is field


def _followed(
    question: Mapping[str, Any], field: Field, called: Mapping[str, str]
) -> dict[str, Any]:
    """Returns the question with the present names of its options; what is no option of the field stays."""
    now = options_of(field)
    options = []
    for option in question["options"]:
        value = option if option in field.choices else called.get(fold(str(option)))
        if value is None or (label := now.get(value)) is not None:
            options.append(option if value is None else label)
    return {**question, "options": list(dict.fromkeys(options)) or question["options"]}
