"""Admin pages of marketing's nouns, beyond what their declarations give them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Case, Count, IntegerField, QuerySet, Subquery, When
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils.functional import SimpleLazyObject
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from headlessly.access import tenancy
from headlessly.admin import NounAdmin, display, workplace
from headlessly.admin.filtering.tree import read_filter
from headlessly.admin.filtering.words import describe_part
from headlessly.admin.lists import cells
from headlessly.database import timeouts
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.errors import InvalidFilter
from headlessly.query import filters, reads
from headlessly.query.list_address import filter_text
from marketing import campaign_page, funnel_page, questions  # noqa: F401  (registers its page)
from marketing.attribution import pages  # noqa: F401  (registers them)
from marketing.models import Form, Funnel, Segment

#: How many members the page of a segment names.
FIRST_MEMBERS = 5


@admin.register(Form, site=workplace)
class FormAdmin(NounAdmin):
    """The admin of forms, with a form's address and the lines that embed it in another website."""

    record_template = "marketing/record.html"

    @property
    def starts_with(self) -> dict[str, Any]:  # type: ignore[override]
        """The questions that most forms ask, in the language of the person who creates one."""
        return {
            "fields": [
                {"name": "name", "type": "text", "label": _("Your name"), "required": True},
                {"name": "email", "type": "email", "label": _("Work email"), "required": True},
                {
                    "name": "topic",
                    "type": "select",
                    "label": _("About"),
                    "options": [_("Prices"), _("A demo")],
                },
                {"name": "message", "type": "textarea", "label": _("What can we do for you?")},
            ]
        }

    def context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        found = super().context(request, **more)
        form = more.get("original")
        if form is None:
            return found
        page = f"{tenancy.context_url()}/f/{form.slug or form.pk}"
        return found | {
            "form_page": page,
            "form_address": f"{tenancy.context_url()}/forms/{form.pk}/submit",
            "form_embed": embed_html(form, page),
            "is_published": form.status == Form.Status.PUBLISHED,
        }


def embed_html(form: Form, page: str) -> str:
    """Returns HTML for another website: the form as it is now, sent to the form's own page."""
    asked = [
        field
        | {
            "label": questions.question_label(field),
            "required": field.get("required")
            or field["name"] == questions.email_question(form.fields),
            "input": {"phone": "tel", "number": "text", "url": "text"}.get(
                field["type"], field["type"]
            ),
        }
        for field in form.fields or ()
    ]
    lines = render_to_string(
        "marketing/embed.html",
        {"action": page, "questions": asked, "trap": questions.HONEYPOT, "utm": questions.UTM},
    )
    return "\n".join(line for line in lines.splitlines() if line.strip())


@admin.register(Funnel, site=workplace)
class FunnelAdmin(NounAdmin):
    """The admin of funnels, with a page that shows how many took each step."""

    record_template = "marketing/funnel.html"

    def menu_pages(self) -> list[tuple[str, str, str]]:
        return [(_("Steps of funnels"), "stairs", self.place("steps"))]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.steps_view)
        return [path("steps/", view, name="marketing_funnel_steps"), *super().get_urls()]

    def steps_view(self, request: HttpRequest) -> HttpResponse:
        """Show how many took each step of a funnel, or of steps that are chosen on the page."""
        return funnel_page.show_steps(self, request)


@admin.register(Segment, site=workplace)
class SegmentAdmin(NounAdmin):
    """The admin of segments, with the members of now."""

    record_template = "marketing/segment.html"

    def context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        found = super().context(request, **more)
        segment = more.get("original")
        if segment is not None and segment.criteria:
            found["members"] = SimpleLazyObject(lambda: members_now(segment))
        return found


def members_now(segment: Segment) -> dict[str, Any]:
    """Returns who belongs to a segment now: how many, the first ones, and the list of all with its bulk
    verbs."""
    noun, filter = registry[segment.criteria["type"]], segment.criteria["filter"]
    place = display.page_url(noun, "changelist")
    found: dict[str, Any] = {
        "nouns": labels.plural_title(noun),
        "words": describe_part(noun, read_filter(noun, filter)),
        "url": f"{place}?{urlencode({'filter': filter_text(filter)})}"
        if filter
        else f"{place}?view=all",
    }
    try:
        with timeouts.statement_timeout():
            total, exact = reads.count_records(_fitting(segment))
            found["count"] = display.number(total) + "+" * (not exact)
            found["first"] = [
                (str(each), display.record_url(each))
                for each in noun.find(filter, limit=FIRST_MEMBERS)
            ]
    except InvalidFilter as problem:
        found["problem"] = problem.message
    return found


def _fitting(segment: Segment) -> QuerySet[Any]:
    noun = registry[segment.criteria["type"]]
    return noun.objects.filter(filters.compile_filter(noun, segment.criteria["filter"]))


@cells.fills_blanks(Segment, "member_count")
def count_uncounted(segments: Sequence[Segment]) -> dict[tuple[str, str], SafeString | str]:
    """Returns how many belong now to segments that nobody has counted, in one statement.

    They stay blank if that takes too long, or if a filter names something that no longer exists.
    """
    counts: dict[str, When] = {}
    for segment in segments:
        if segment.criteria:
            with suppress(InvalidFilter):
                of_one = _fitting(segment).order_by().values("tenant").annotate(many=Count("pk"))
                counts[segment.pk] = When(pk=segment.pk, then=Subquery(of_one.values("many")))
    found: list[tuple[str, int | None]] = []
    if counts:
        asked = Segment.objects.filter(pk__in=counts)
        with suppress(InvalidFilter), timeouts.statement_timeout():
            found = list(
                asked.values_list("pk", Case(*counts.values(), output_field=IntegerField()))
            )
    said = _("%s now")
    return {
        (id, "member_count"): format_html(
            '<span class="quiet">{}</span>', said % display.number(count or 0)
        )
        for id, count in found
    }
