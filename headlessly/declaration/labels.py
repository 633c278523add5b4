"""Labels of what is declared (nouns, fields, verbs) in the reader's language.

Declarations are English, and stay English on every wire; screens translate them here. The English words are
the keys of the catalogue. :func:`catalogue_messages` names all of them, so that a new field's label is in it
after the next ``manage.py makemessages``, without a second list of labels anywhere.

A context tells a translator what a word is: ``Lead`` is a noun, and also a stage of a contact. Where a
language needs a case, nouns come with their article: ``subject`` (*dieser Lead ist ...*) or ``object``
(*diesen Lead umwandeln*).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.utils.functional import lazy
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext, pgettext
from django.utils.translation import gettext as _

from headlessly.declaration.registry import registry
from headlessly.language.wording import (
    ENGAGEMENT,
    EVENT,
    GROUP,
    LABEL,
    NOUN,
    NOUNS,
    OBJECT,
    RELATION,
    SPELLINGS,
    SUBJECT,
    SUGGESTION,
    UNIT,
    VALUE,
    VERB,
    english_json_key,
    event_label,
    inside_sentence,
    join_with_and,
    reads_english,
    split_words,
    state_label,
    with_article,
)

if TYPE_CHECKING:
    from headlessly.declaration.paths import Path
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field, Relation
    from headlessly.declaration.verbs import Verb


#: The labels of moments that every record has, though no noun declares them.
CARRIED = {"createdAt": "Created", "updatedAt": "Changed"}
#: The title of the fields that are in no group.
OTHER_GROUP = "Other"


# -- nouns ----------------------------------------------------------------------------------------


def noun_title(noun: type[Record]) -> str:
    """``Lead``."""
    return pgettext(NOUN, split_words(noun.__name__))


def plural_title(noun: type[Record]) -> str:
    """``Leads``."""
    return pgettext(NOUNS, noun.schema.many)


def noun_in_sentence(noun: type[Record]) -> str:
    """``lead``, within a sentence."""
    return inside_sentence(noun_title(noun))


def plural_in_sentence(noun: type[Record]) -> str:
    """``leads``, within a sentence."""
    return inside_sentence(plural_title(noun))


def a_noun(noun: type[Record], case: str = OBJECT) -> str:
    """``a lead``, ``an organization``."""
    return pgettext(case, with_article(split_words(noun.__name__).lower()))


def the_noun(noun: type[Record], case: str = OBJECT) -> str:
    """``the lead``."""
    return pgettext(case, f"the {split_words(noun.__name__).lower()}")


def this_noun(noun: type[Record], case: str = SUBJECT) -> str:
    """``this lead``."""
    return pgettext(case, f"this {split_words(noun.__name__).lower()}")


# -- fields and values ----------------------------------------------------------------------------


def field_label(field: Field) -> str:
    """Returns a field's label: ``last_activity_at`` → ``Last activity``."""
    if field.is_custom:
        return field.label
    return _label_in(get_language(), field.name, field.label, field.type)


@lru_cache(maxsize=10_000)
def _label_in(language: str | None, name: str, label: str, type: str) -> str:
    """Cached, because a page has hundreds of labels, and a filter has all of them in each row."""
    return pgettext(LABEL, _english(name, label, type))


def choice_label(field: Field, value: str) -> str:
    """Returns the label of a value of a closed list."""
    if field.value_labels is not None:
        return field.value_labels.get(value) or (value if field.is_custom else state_label(value))
    return state_label(value)


def path_label(noun: type[Record], path: Path) -> str:
    """Returns the name of a group of states: that of the record that gives them, or ``No pipeline``."""
    reference = noun.schema.by_name[noun.schema.require_machine().field.path_from or ""]
    return path.name or _("No %(field)s") % {"field": inside_sentence(field_label(reference))}


def fields_in_words(text: str) -> str:
    """Returns a text with wire names replaced by labels: ``lostAt`` becomes “Lost”."""

    def worded(found: re.Match[str]) -> str:
        wire = found[0]
        if wire in CARRIED:
            return _("“%s”") % pgettext(LABEL, CARRIED[wire])
        fields = (noun.schema.fields.get(wire) for noun in registry.values())
        field = next(filter(None, fields), None)
        return _("“%s”") % field_label(field) if field else wire

    return re.sub(r"\b[a-z]+[A-Z]\w*", worded, text)


def event_title(name: str) -> str:
    """Returns the title of an event: ``Deal: won``. A tracked event keeps the name that its sender chose."""
    source, dot, _event = name.partition(".")
    if not dot or not source[:1].isupper():
        return name
    known = registry.get(source)
    title = noun_title(known) if known else pgettext(NOUN, split_words(source))
    return f"{title}: {event_word(name)}"


def event_word(name: str) -> str:
    """Returns what happened in an event of this name: ``won``."""
    return inside_sentence(event_label(name.partition(".")[2]))


def key_choices(kind: Iterable[str]) -> list[tuple[str, Any]]:
    """Returns the choices of a key within JSON and their labels, grouped if it offers groups."""
    offers = kind if callable(kind) else getattr(kind, "offers", None)
    if offers is None:
        return [(each, state_label(each)) for each in kind]
    # Other values of the row that go with a choice are only for its form.
    return [(each, label) for each, label, *_beside in offers()]


def key_choice_labels(kind: Iterable[str]) -> dict[str, str]:
    """Returns the label of each choice of a key within JSON."""
    found: dict[str, str] = {}
    for each, label in key_choices(kind):
        found |= {each: label} if isinstance(label, str) else dict(label)
    return found


def english_label(field: Field) -> str:
    """Returns a field's label in English."""
    if field.is_custom:
        return field.label
    return _english(field.name, field.label, field.type)


def _english(name: str, label: str, type: str) -> str:
    words = (label or name.replace("_", " ").capitalize()).split()
    if type == "datetime" and len(words) > 1 and words[-1] == "at":
        words.pop()
    return " ".join(SPELLINGS.get(word.lower(), word) for word in words)


def field_help(field: Field) -> str:
    """Returns the help text of a field, as it stands below an input."""
    help = field.form_help or field.description
    return gettext(help) if help and not field.is_custom else help


def group_title(title: str) -> str:
    return pgettext(GROUP, title) if title else ""


def relation_label(found: Relation) -> str:
    """The other side of a reference: ``owned_leads`` → ``Owned leads``; of a tenant's own field
    ``Deals: Decider``. What is shown on the pages of other records alone has one name on all of them."""
    if found.is_custom:
        noun = registry[found.noun]
        return f"{plural_title(noun)}: {noun.schema.by_name[found.field].label}"
    if not found.source_noun.Surface.is_in_menu:
        return plural_title(found.source_noun)
    return pgettext(RELATION, _english_relation(found))


def _english_relation(relation: Relation) -> str:
    return relation.accessor.replace("_", " ").capitalize()


# -- verbs ----------------------------------------------------------------------------------------


def verb_label(bound: Verb) -> str:
    """Returns the label of a verb's button: ``Convert``."""
    return pgettext(VERB, bound.label)


def verb_summary(bound: Verb) -> str:
    """Returns what the verb does, in a sentence."""
    return gettext(bound.summary) if bound.summary else ""


def translate_verbose_names(noun: type[Record]) -> None:
    """Translate Django's ``verbose_name`` of a noun."""
    noun._meta.verbose_name = lazy(noun_title, str)(noun)
    noun._meta.verbose_name_plural = lazy(plural_title, str)(noun)


def verb_and_noun(bound: Verb) -> str:
    """Returns a verb that creates, with its noun: ``Log an activity``."""
    said = {"verb": verb_label(bound).lower(), "noun": a_noun(bound.noun)}
    return capfirst(gettext("%(verb)s %(noun)s") % said)


def engagement_label(name: str) -> str:
    """Returns the label of an engagement's form: ``Note``."""
    return pgettext(ENGAGEMENT, name)


# -- within what the platform says of an error ----------------------------------------------------


def noun_in_error(noun: type[Record]) -> str:
    """Returns the name of a noun in an error: the programs' name in English, else the label."""
    return noun.__name__ if reads_english() else noun_title(noun)


def fields_in_sentence(fields: Iterable[Field]) -> str:
    """``email and phone``, within a sentence."""
    return join_with_and(inside_sentence(field_label(field)) for field in fields)


def field_in_error(field: Field) -> str:
    """Returns the name of a field in an error: the programs' name in English, else the label."""
    return field.wire if reads_english() else field_label(field)


def verb_in_error(verb_: Verb | str, noun: type[Record]) -> str:
    """Returns the name of a verb in an error: the programs' name in English, else the label."""
    bound = noun.verbs[verb_] if isinstance(verb_, str) else verb_
    return bound.name if reads_english() else verb_label(bound)


# -- the catalogue --------------------------------------------------------------------------------


def catalogue_messages() -> Iterator[tuple[str | None, str]]:
    """Yields every English text of the declarations with its context, for the catalogue."""
    yield GROUP, OTHER_GROUP
    yield from ((LABEL, text) for text in CARRIED.values())
    yield NOUN, "View"  # entering and leaving a view are events too
    yield from ((EVENT, said) for said in ("Entered", "Left"))
    yield LABEL, "Reached"  # a condition of every noun with a machine
    for noun in registry.values():
        yield from _noun_messages(noun)
        for field in noun.schema.fields.values():
            yield LABEL, english_label(field)
            yield UNIT, field.unit
            yield from ((VALUE, split_words(choice)) for choice in field.choices)
            yield from ((LABEL, english_json_key(key)) for key in field.keys)
            for kind in (field.kinds or {}).values():
                if not (isinstance(kind, str) or callable(kind) or hasattr(kind, "offers")):
                    yield from ((VALUE, split_words(choice)) for choice in kind)
            yield from ((SUGGESTION, text) for text in field.suggests)
        for bound in noun.corrections.values():
            yield EVENT, split_words(bound.conjugation.event)
        for bound in noun.verbs.values():
            yield VERB, bound.label
            yield EVENT, split_words(bound.conjugation.event)
            yield None, bound.summary
            for given in bound.inputs.values():
                yield LABEL, english_label(given)
                yield None, given.description
                yield None, given.form_help


def _noun_messages(noun: type[Record]) -> Iterator[tuple[str | None, str]]:
    name, surface = split_words(noun.__name__), noun.Surface
    yield NOUN, name
    yield NOUNS, noun.schema.many
    for case in (SUBJECT, OBJECT):
        yield case, with_article(name.lower())
        for word in ("the", "this"):
            yield case, f"{word} {name.lower()}"
    yield from ((GROUP, title) for title, _names in noun.schema.groups)
    yield from (
        (None, name) for name in (*surface.presets, *surface.views, surface.setting) if name
    )
    yield from (
        (None, effect) for effect in (surface.kinds.settings.values() if surface.kinds else ())
    )
    yield from ((None, reason.name) for reason in surface.agenda)
    yield from (
        (RELATION, _english_relation(each))
        for each in noun.schema.relations.values()
        if each.source_noun.Surface.is_in_menu
    )
    if surface.engagements:
        for kind in noun.schema.by_name[surface.engagements.kind].choices:
            yield OBJECT, with_article(split_words(kind).lower())
            yield OBJECT, f"the {split_words(kind).lower()}"
        yield from ((ENGAGEMENT, way.name) for way in surface.engagements.forms)
