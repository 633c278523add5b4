"""Hands everything that belongs to one person over to a colleague, of all nouns at once in one request.

For a holiday that is their open work: leads, deals and tasks. For somebody who leaves, it includes
contacts and campaigns. Each record is updated by itself, so that a refusal does not hold up the others.
Undoing the request gives all of them back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.admin import display, forms, toasts, widgets
from headlessly.admin.lists.address import Address
from headlessly.admin.lists.bulk import run_on_each
from headlessly.admin.lists.changelist import AT_ONCE, NounList
from headlessly.admin.lists.tabs import open_query
from headlessly.admin.sites import TenantSite
from headlessly.admin.widgets import Input
from headlessly.declaration import labels
from headlessly.declaration.schema import Field, field_as_input
from headlessly.declaration.values import is_storable
from headlessly.nouns import Noun
from headlessly.query.people_groups import person_noun

#: The input with a noun to hand over, sent once for each.
WHICH = "nouns"


@dataclass
class Belongings:
    """The records of one noun that belong to a person."""

    noun: type[Noun]
    owner: Field
    query: str  #: the query of their list
    ids: list[str]  #: if there are too many, one more than can be handed over at once
    chosen: bool

    @property
    def title(self) -> str:
        if open_query(self.noun):
            return _("Open %s") % labels.plural_in_sentence(self.noun)
        return labels.plural_title(self.noun)

    @property
    def too_many(self) -> bool:
        return len(self.ids) > AT_ONCE

    @property
    def count(self) -> str:
        return display.number(min(len(self.ids), AT_ONCE)) + ("+" if self.too_many else "")

    @property
    def url(self) -> str:
        return f"{display.page_url(self.noun, 'changelist')}?{self.query}"


def may_hand_over(nouns: Iterable[type[Noun]]) -> bool:
    """Whether the actor may hand over records of any of these nouns."""
    return any(_owner_of(noun) for noun in nouns)


def hand_over_url(person: str) -> str:
    """Returns the address of the page that hands over what belongs to ``person``, the id of a contact."""
    return f"{reverse('admin:hand_over')}?{urlencode({'of': person})}"


def hand_over_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Shows what belongs to the person in the address; a POST hands the chosen records over."""
    person = _find_person(request.GET.get("of", ""))
    found = _belongings(site, person.pk, request.POST if request.method == "POST" else None)
    form = _form(site, person.pk, request.POST if request.method == "POST" else None)
    outcome: dict[str, Any] = {}
    if request.method == "POST" and (to := _recipient(form, person.pk)):
        chosen = [each for each in found if each.chosen and each.ids and not each.too_many]
        if not chosen:
            form.add_error(None, _("Nothing is selected."))
        elif sum(len(each.ids) for each in chosen) > AT_ONCE:
            said = _("At most %(most)s at once: choose less, and do it in parts.")
            form.add_error(None, said % {"most": display.number(AT_ONCE)})
        else:
            outcome = _hand_over(chosen, to)
    if outcome and not outcome["refused"]:
        said = _("%(count)s handed over to %(name)s.")
        told = {"count": display.number(outcome["done"]), "name": outcome["to"]}
        toasts.say(request, said % told, undo=True)
        return HttpResponseRedirect(_day_of(person.pk))
    return site.respond(
        request,
        "hand_over",
        _("Hand over"),
        person=person,
        media=widgets.select2(),
        belongings=[each for each in found if each.ids],
        most=display.number(AT_ONCE),
        form=form,
        back=_day_of(person.pk),
        undo=toasts.undo_of_request() if outcome.get("done") else None,
        **outcome,
    )


def _find_person(id: str) -> Noun:
    if is_storable(id):
        for person in person_noun().objects.filter(pk=id):
            return person
    raise Http404


def _owner_of(noun: type[Noun]) -> Field | None:
    """Returns the noun's reference to its owner if the actor may change it, else None. A noun without
    states is no work to hand over: a goal stays with the person it was set for."""
    owner = noun.schema.owner
    if noun.schema.machine is None or owner is None or owner.to != person_noun().__name__:
        return None
    return owner if actors.may(actors.current(), "update", noun) else None


def _belongings(site: TenantSite, person: str, sent: Any) -> list[Belongings]:
    """Returns what belongs to ``person``, by noun: the open records if it has open states, else all. Open
    ones are chosen by default."""
    found = []
    for noun in site.nouns:
        if (owner := _owner_of(noun)) is None:
            continue
        is_open = open_query(noun)
        query = f"{is_open}{owner.wire}={person}"
        ids = NounList(Address(noun, query, site)).ids(AT_ONCE + 1)
        chosen = bool(is_open) if sent is None else noun.__name__ in sent.getlist(WHICH)
        found.append(Belongings(noun, owner, query, ids, chosen))
    return found


def _form(site: TenantSite, person: str, sent: Any) -> forms.DeclaredForm:
    """Returns the form that asks who gets ``person``'s records."""
    noun = next((each for each in site.nouns if _owner_of(each)), None)
    if noun is None or (owner := _owner_of(noun)) is None:
        raise Http404
    asked = field_as_input(owner, required=True)
    form = forms.DeclaredForm([asked], site, data=sent, id="hand-over", parent="bulk")
    form.offer_members(asked.name)
    item = form.fields[asked.name]
    assert isinstance(item, Input)
    item.offers = [offer for offer in item.offers if offer[0] != person]
    return form


def _recipient(form: forms.DeclaredForm, person: str) -> Noun | None:
    """Returns the recipient, or None with an error in the form."""
    (name,) = form.declared
    id = form.filled().get(name, "")
    found = person_noun().objects.filter(pk=id).first() if is_storable(id) else None
    if not id:
        form.add_error(name, _("This is required."))
    elif found is None:
        form.add_error(name, _("This is not there any more."))
    elif id == person:
        form.add_error(name, _("These are theirs already."))
    else:
        return found
    return None


def _hand_over(chosen: Iterable[Belongings], to: Noun) -> dict[str, Any]:
    """Gives the records to ``to``. Returns the outcome."""
    outcomes = [
        outcome
        for each in chosen
        for outcome in run_on_each(each.noun.verbs["update"], each.ids, {each.owner.name: to.pk})
    ]
    refused = [outcome for outcome in outcomes if outcome.refused]
    return {"done": len(outcomes) - len(refused), "refused": refused, "to": to}


def _day_of(person: str) -> str:
    of = "me" if person == actors.current().contact_id else person
    return f"{reverse('admin:index')}?{urlencode({'of': of})}"
