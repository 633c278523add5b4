"""What a question's name means: a field of the contact or of the lead that its answer fills."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

from django.utils.text import slugify

from headlessly.declaration import labels
from headlessly.declaration.folding import fold, write_out
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field
from headlessly.nouns import Noun

#: The form of a name, and the length of one that is made from words.
NAME, LONGEST_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z"), 60
#: The fields of contacts and leads that questions fill, by name in lower case without signs.
CONTACT_FIELDS = {
    "name": "name", "fullname": "name", "firstname": "first_name", "lastname": "last_name",
    "phone": "phone", "telephone": "phone", "mobile": "mobile", "title": "title",
    "jobtitle": "title", "department": "department", "linkedin": "linkedin_url",
    "linkedinurl": "linkedin_url", "twitter": "twitter_handle", "twitterhandle": "twitter_handle",
    "language": "language", "timezone": "timezone", "marketingconsent": "marketing_consent",
}  # fmt: skip
LEAD_FIELDS = {
    "need": "need", "message": "need", "comment": "need", "comments": "need", "budget": "budget",
    "authority": "authority", "timeline": "timeline",
}  # fmt: skip
#: The nouns whose fields answers fill, with the names of their questions.
FILLED = {"Contact": {"email": "email", **CONTACT_FIELDS}, "Lead": LEAD_FIELDS}


def offered_names() -> Iterator[tuple[Any, ...]]:
    """Yields the names of questions whose answers fill a field, with a label such as ``Contact: Phone``.

    The tenant's own fields are included; a field with choices comes as a select with these as options.
    """
    for noun, table in ((registry[name], table) for name, table in FILLED.items()):
        named = {field: name for name, field in reversed(table.items())}
        fields = [(name, noun.schema.by_name[field]) for field, name in reversed(named.items())]
        fields += [(field.wire, field) for field in dict.fromkeys(own_fields(noun).values())]
        for name, field in fields:
            said = f"{labels.noun_title(noun)}: {labels.field_label(field)}"
            options = list(options_of(field).values()) if field.is_custom else []
            yield (name, said, {"type": "select", "options": options}) if options else (name, said)


def name_questions(fields: Any) -> Any:
    """Returns the rows of questions, with names for those that ask in words such as "How many seats?".

    Visitors read these words, and the name is made from them.
    """
    if not isinstance(fields, list):
        return fields
    taken = {str(each.get("name")).lower() for each in fields if isinstance(each, dict)}
    return [_named(each, taken) if isinstance(each, dict) else each for each in fields]


def _named(question: dict[str, Any], taken: set[str]) -> dict[str, Any]:
    name = question.get("name") or question.get("label")
    if not isinstance(name, str) or NAME.match(name):
        return question
    plain = slugify(write_out(name)).replace("-", "_").lstrip("_0123456789")[:LONGEST_NAME]
    if not plain:
        return question
    found = next(
        each for n in count(1) if (each := plain if n == 1 else f"{plain}_{n}") not in taken
    )
    taken.add(found)
    return {**question, "name": found, "label": question.get("label") or name}


def options_of(field: Field) -> dict[str, str]:
    """Returns the choices that a field offers, with their labels."""
    if field.type != "enum":
        return {}
    offered = (each for each in field.choices if each not in field.retired)
    return {each: labels.choice_label(field, each) for each in offered}


def meant_value(field: Field, answer: Any) -> Any:
    """Returns the value that an answer means: a choice may be answered by its label."""
    if not field.is_custom or not isinstance(answer, str) or answer in field.choices:
        return answer
    called = {fold(labels.choice_label(field, each)): each for each in field.choices}
    return called.get(fold(answer), answer)


def own_fields(noun: type[Noun]) -> dict[str, Field]:
    """Returns the tenant's own fields that a question may be about, by their plain names, present and former.

    References are left out, as a stranger knows no records, and so are unique fields, as one sender's answer
    would refuse the next sender's.
    """
    offered = [
        f for f in noun.schema.stored if f.is_custom and f.type != "reference" and not f.unique
    ]
    return {plain_name(name): f for f in offered for name in (*f.former, f.wire)}


def plain_name(name: str) -> str:
    """Returns a name in lower case without signs: ``contract-end`` and ``contractEnd`` are the same."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
