"""What is declared, in the language of whoever reads: nouns, fields, states, verbs and what they left.

Declarations are English and stay so on every wire; a screen says them through here. The English words are
the keys of the catalogue, and :func:`messages` names all of them, so that a new field's label is in it after
the next ``manage.py makemessages``, without a second list of labels anywhere.

A context tells a translator what a word is: ``Lead`` is a noun, and also a stage of a contact. Where a
language needs a case, nouns come with their article: ``subject`` (*dieser Lead ist ...*) or ``object``
(*diesen Lead umwandeln*).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.utils.functional import lazy
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext

from headlessly.declaration.registry import registry
from headlessly.language.wording import (
    EVENT,
    GROUP,
    LABEL,
    NOUN,
    NOUNS,
    OBJECT,
    RELATION,
    SPELLED,
    SUBJECT,
    SUGGESTION,
    TOUCH,
    UNIT,
    VALUE,
    VERB,
    _key,
    apart,
    article,
    inside,
    reads_english,
)

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field, Relation
    from headlessly.declaration.verbs import Verb


#: The title of the fields that no group names.
OTHER = "Other"


# -- nouns ----------------------------------------------------------------------------------------


def title(noun: type[Record]) -> str:
    """``Lead``."""
    return pgettext(NOUN, apart(noun.__name__))


def plural(noun: type[Record]) -> str:
    """``Leads``."""
    return pgettext(NOUNS, _plural(noun))


def one(noun: type[Record]) -> str:
    """``lead``, within a sentence."""
    return inside(title(noun))


def many(noun: type[Record]) -> str:
    """``leads``, within a sentence."""
    return inside(plural(noun))


def _plural(noun: type[Record]) -> str:
    return noun.schema.many


def a(noun: type[Record], case: str = OBJECT) -> str:
    """``a lead``, ``an organization``."""
    name = apart(noun.__name__).lower()
    return pgettext(case, f"{article(name)} {name}")


def the(noun: type[Record], case: str = OBJECT) -> str:
    """``the lead``."""
    return pgettext(case, f"the {apart(noun.__name__).lower()}")


def this(noun: type[Record], case: str = SUBJECT) -> str:
    """``this lead``."""
    return pgettext(case, f"this {apart(noun.__name__).lower()}")


# -- fields and values ----------------------------------------------------------------------------


def label(field: Field) -> str:
    """A field's name as people say it: ``last_activity_at`` → ``Last activity``."""
    return pgettext(LABEL, labelled(field))


def labelled(field: Field) -> str:
    """The same in English."""
    words = (field.label or field.name.replace("_", " ").capitalize()).split()
    if field.type == "datetime" and len(words) > 1 and words[-1] == "at":
        words.pop()
    return " ".join(SPELLED.get(word.lower(), word) for word in words)


def help(field: Field) -> str:
    """What a field is for, as it stands below an input."""
    return gettext(field.description) if field.description else ""


def group(title: str) -> str:
    return pgettext(GROUP, title) if title else ""


def relation(found: Relation) -> str:
    """The other side of a reference: ``owned_leads`` → ``Owned leads``."""
    return pgettext(RELATION, _relation(found))


def _relation(relation: Relation) -> str:
    return relation.accessor.replace("_", " ").capitalize()


# -- verbs ----------------------------------------------------------------------------------------


def verb(bound: Verb) -> str:
    """What its button says: ``Convert``."""
    return pgettext(VERB, bound.label)


def text(bound: Verb) -> str:
    """What it is for, in a sentence."""
    return gettext(bound.summary) if bound.summary else ""


def name_in_its_language(noun: type[Record]) -> None:
    """Let Django call a noun by its name in the language of whoever reads."""
    noun._meta.verbose_name = lazy(title, str)(noun)
    noun._meta.verbose_name_plural = lazy(plural, str)(noun)


def making(bound: Verb) -> str:
    """A verb with the noun that it makes: ``Log an activity``."""
    said = {"verb": verb(bound).lower(), "noun": a(bound.noun)}
    return capfirst(gettext("%(verb)s %(noun)s") % said)


def touch(name: str) -> str:
    """A way to write a touch: ``Note``."""
    return pgettext(TOUCH, name)


# -- within what the platform says of an error ----------------------------------------------------


def named(noun: type[Record]) -> str:
    """A noun in an error: as programs know it, or as people read it."""
    return noun.__name__ if reads_english() else title(noun)


def fielded(field: Field) -> str:
    """A field in an error: as programs know it, or as people read it."""
    return field.wire if reads_english() else label(field)


def doing(verb_: Verb | str, noun: type[Record]) -> str:
    """A verb in an error: as programs know it, or as people read it."""
    bound = noun.verbs[verb_] if isinstance(verb_, str) else verb_
    return bound.name if reads_english() else verb(bound)


# -- the catalogue --------------------------------------------------------------------------------


def messages() -> Iterator[tuple[str | None, str]]:
    """Every word that the declarations bring along: its context and its English."""
    yield GROUP, OTHER
    yield LABEL, "Reached"  # a condition of every noun with a machine
    for noun in registry.values():
        yield from _of_noun(noun)
        for field in noun.schema.fields.values():
            yield LABEL, labelled(field)
            yield UNIT, field.unit
            yield from ((VALUE, apart(choice)) for choice in field.choices)
            yield from ((LABEL, _key(key)) for key in field.keys)
            yield from ((SUGGESTION, text) for text in field.suggests)
        for bound in noun.verbs.values():
            yield VERB, bound.label
            yield EVENT, apart(bound.conjugation.event)
            yield None, bound.summary
            for given in bound.inputs.values():
                yield LABEL, labelled(given)
                yield None, given.description


def _of_noun(noun: type[Record]) -> Iterator[tuple[str | None, str]]:
    name, surface = apart(noun.__name__), noun.Surface
    yield NOUN, name
    yield NOUNS, _plural(noun)
    for case in (SUBJECT, OBJECT):
        for word in (article(name.lower()), "the", "this"):
            yield case, f"{word} {name.lower()}"
    yield from ((GROUP, title) for title, _names in noun.schema.groups)
    yield from ((None, name) for name in (*surface.presets, *surface.views))
    yield from ((RELATION, _relation(each)) for each in noun.schema.relations.values())
    if surface.touches:
        for kind in noun.schema.by_name[surface.touches.kind].choices:
            yield OBJECT, f"{article(apart(kind).lower())} {apart(kind).lower()}"
            yield OBJECT, f"the {apart(kind).lower()}"
        yield from ((TOUCH, way.name) for way in surface.touches.ways)
