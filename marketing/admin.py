"""What the pages of marketing's nouns say beside what their declarations do."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from headlessly import tenancy
from headlessly.admin import workplace
from headlessly.admin.base import NounAdmin

from . import questions
from .models import Form


class FormAdmin(NounAdmin):
    """A form, with its address and the lines that put it on another website."""

    record_template = "marketing/record.html"

    @property
    def starts_with(self) -> dict[str, Any]:  # type: ignore[override]
        """What most forms ask, in the language of whoever makes one."""
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
            "form_embed": embedded(form, page),
            "is_published": form.status == Form.Status.PUBLISHED,
        }


def embedded(form: Form, page: str) -> str:
    """HTML for another website: the form as it is now, sent to its own page."""
    asked = [
        field
        | {
            "label": questions.label_of(field),
            "required": field.get("required") or field["name"] == questions.email_of(form.fields),
            "input": {"phone": "tel", "number": "text"}.get(field["type"], field["type"]),
        }
        for field in form.fields or ()
    ]
    lines = render_to_string(
        "marketing/embed.html",
        {"action": page, "questions": asked, "trap": questions.TRAP, "utm": questions.UTM},
    )
    return "\n".join(line for line in lines.splitlines() if line.strip())


workplace.register(Form, FormAdmin)
