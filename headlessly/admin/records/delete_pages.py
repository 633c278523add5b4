"""Deleting a record: asks for confirmation, then runs the verb."""

from __future__ import annotations

from collections import Counter

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.admin import display, toasts
from headlessly.admin.pages import NounPages
from headlessly.admin.undo import safe_return
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.errors import HeadlesslyError
from headlessly.execution import executor
from headlessly.language import wording
from headlessly.nouns import Noun


def _counted(noun: type[Record] | None, count: int) -> str:
    """Returns a count such as ``3 deals``; without a noun it counts members of the team."""
    if noun is not None:
        return display.counted(noun, count)
    return f"{display.number(count)} {_('member') if count == 1 else _('members')}"


class DeletePages(NounPages):
    """The page that asks to delete a record."""

    def delete_view(self, request: HttpRequest, id: str) -> HttpResponse:
        """Asks for confirmation; a POST deletes the record, or says what still refers to it."""
        if not self.admin.may("delete"):
            raise PermissionDenied
        found = self.admin.find(id)
        if request.method != "POST":
            return self.admin.respond(
                request,
                "delete",
                original=found,
                title=_("Delete %s") % found,
                goes_with_it=self._goes_with_it(found),
            )
        back = safe_return(request)
        try:
            executor.run(self.noun.verbs["delete"], found.pk, {})
        except HeadlesslyError as problem:
            messages.error(request, self._why_not_deleted(problem))
            return HttpResponseRedirect(back or self.admin.place("change", found.pk))
        toasts.say(request, _("Deleted: %s.") % found, undo=True)
        return HttpResponseRedirect(back or self.admin.place("changelist"))

    def _goes_with_it(self, found: Noun) -> str:
        """Returns what is deleted together with the record, in words; empty for nothing, and if it cannot
        be deleted."""
        try:
            tried = executor.run(self.noun.verbs["delete"], found.pk, {}, dry_run=True)
        except HeadlesslyError:
            return ""  # the POST shows the reason
        counts = Counter(
            event.target_type
            for event in tried.events
            if event.target != found.pk and event.version and event.target_type
        )
        return wording.join_with_and(
            _counted(self.noun.registry.get(name), count) for name, count in counts.items()
        )

    def _why_not_deleted(self, problem: HeadlesslyError) -> str:
        """Returns which records refer to this one, and what to do about that."""
        referring = problem.extra.get("referredBy")
        if not referring:
            return problem.message
        parts = [_counted(self.noun.registry.get(n), count) for n, count in referring.items()]
        return _("%(this)s is still needed by %(these)s. Delete or change these first.") % {
            "this": capfirst(labels.this_noun(self.noun)),
            "these": ", ".join(parts),
        }
