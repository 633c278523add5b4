"""The page of a record, and its history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from headlessly.admin import buttons, notification_pages
from headlessly.admin.lists import places
from headlessly.admin.lists.address import Address
from headlessly.admin.lists.changelist import as_they_were
from headlessly.admin.moves import refused_keys
from headlessly.admin.pages import NounPages, list_query
from headlessly.admin.records import composers, neighbours, panels, record, timeline
from headlessly.admin.watching.position import watched
from headlessly.declaration import labels
from headlessly.errors import HeadlesslyError, NotFound
from headlessly.language import wording
from headlessly.nouns import Noun


class RecordPage(NounPages):
    """The page of a record, with what can be done from there."""

    @watched
    def record_view(self, request: HttpRequest, id: str) -> HttpResponse:
        if (moment := self._moment(request)) is not None:
            then = self.noun.get(id, as_of=moment)
            as_they_were([then], self.schema.references.values(), moment)
            return self._render_past(request, then, moment)
        try:
            found = self.admin.find(id)
        except NotFound as problem:
            if heir := problem.extra.get("mergedInto"):
                text = _("The %s you looked for was merged into this one.")
                messages.info(request, text % labels.noun_in_sentence(self.noun))
                return HttpResponseRedirect(self.admin.place("change", heir))
            raise
        return self.render(request, found)

    def shortcut_view(self, request: HttpRequest, id: str) -> HttpResponse:
        return HttpResponseRedirect(self.admin.place("change", id))

    def history_view(self, request: HttpRequest, id: str) -> HttpResponse:
        """Shows the history of the record, page by page."""
        found = self.admin.find(id)
        before = timeline.checked_before(request.GET.get("before"))
        return self.admin.respond(
            request,
            "history",
            original=found,
            title=_("History of %s") % found,
            keep=self.keep(request),
            timeline=timeline.read_timeline(found, before=before, show=self._show(request)),
        )

    def panels_view(self, request: HttpRequest, id: str, name: str) -> HttpResponse:
        """Shows panels that are too slow for the record's page on a page of their own."""
        found = self.admin.find(id)
        if (asked := panels.panels_asked(found, name)) is None:
            raise Http404
        made: Sequence[panels.Panel] = ()
        problem = ""
        try:
            made = asked.make(found)
        except HeadlesslyError as refused:
            problem = refused.message
        return self.admin.respond(
            request,
            "asked",
            original=found,
            title=f"{asked.label}: {found}",
            keep=self.keep(request),
            asked=made,
            problem=problem,
        )

    def render(
        self,
        request: HttpRequest,
        found: Noun,
        *,
        problem: HeadlesslyError | None = None,
        written: composers.Composer | None = None,
    ) -> HttpResponse:
        """Returns the page. ``problem`` is why an action was refused, ``written`` the touch that was to be
        written."""
        steps, others = buttons.record_buttons(found)
        coming = composers.open_touches(found)
        if "next" in request.GET and problem is None and coming and not coming["rows"]:
            written = written or self._asked_next(request, found)
        if "begin" in request.GET and problem is None and written is None:
            slug, template = request.GET.get("write", ""), request.GET["begin"]
            written = composers.begun_composer(found, self.site, self.keep(request), slug, template)
        return self._respond(
            request,
            found,
            status=problem.status if problem else 200,
            steps=steps,
            others=others,
            refused_keys=refused_keys(found),
            to_ask=panels.panels_to_ask(found),
            problem=None if written else problem,
            fix=self.suggest_fix(found, problem),
            timeline=timeline.read_timeline(found, show=self._show(request)),
            composers=composers.make_composers(found, self.site, self.keep(request), written),
            coming=coming,
            following=notification_pages.is_following(found.pk),
            **record.record_context(found, editable=self.admin.may("update")),
        )

    def _asked_next(self, request: HttpRequest, found: Noun) -> composers.Composer | None:
        """Returns the open form for the next step, shown after an action; None if the actor cannot plan
        one."""
        if (form := composers.plan_form(self.noun)) is None:
            return None
        proposed = composers.propose_step(found)
        composer = composers.make_composer(form, found, self.site, self.keep(request), proposed)
        composer.open = True
        composer.proposed = _("tomorrow") if proposed else ""
        return composer

    def _moment(self, request: HttpRequest) -> datetime | None:
        """Returns the past moment that the list of origin shows; None for the present."""
        query = list_query(request)
        if query is None or "asOf=" not in query:
            return None
        address = Address(self.noun, places.split_query(query)[0], self.site)
        return None if address.problem else address.moment

    def _render_past(self, request: HttpRequest, then: Noun, moment: datetime) -> HttpResponse:
        """Returns the page of the record as it was, without anything that came later, and without actions."""
        context = record.record_context(then, editable=False) | {"related": [], "without": []}
        return self._respond(
            request,
            then,
            moment=moment,
            timeline=timeline.read_timeline(
                then, show=self._show(request), until=moment, undo=False
            ),
            may_update=False,
            may_delete=False,
            **context,
        )

    def _respond(self, request: HttpRequest, found: Noun, **context: Any) -> HttpResponse:
        came_from = list_query(request)
        walk = None if came_from is None else neighbours.ListWalk(self.site, found, came_from)
        return self.admin.respond(
            request,
            self.admin.record_template,
            original=found,
            is_record=True,
            title=str(found),
            neighbours=walk and walk.neighbours(),
            keep=self.keep(request),
            **context,
        )

    @staticmethod
    def _show(request: HttpRequest) -> str:
        return timeline.checked_show(request.GET.get("show"))

    def suggest_fix(self, found: Noun, problem: HeadlesslyError | None) -> dict[str, str] | None:
        """Returns a link to edit the record's field that a refusal names, or None."""
        declared = self.schema.field(problem.field) if problem and problem.field else None
        if declared is None or declared.read_only or not self.admin.may("update"):
            return None
        if self.schema.machine and declared.name == self.schema.machine.name:
            return None
        label = wording.inside_sentence(labels.field_label(declared))
        known = getattr(found, declared.column)
        return {
            "label": (_("Change %s") if known else _("Add %s")) % label,
            "url": f"{self.admin.place('edit', found.pk)}#id_{declared.name}",
        }
