"""The page of a published form, for visitors: it works without scripts and without an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from headlessly import errors
from headlessly.api import bodies, strangers
from headlessly.api.bodies import FormBody
from headlessly.declaration.values import is_storable
from headlessly.errors import TooLarge
from headlessly.execution import executor
from headlessly.language import languages, numbers
from headlessly.web.mount import TenantRequest
from marketing import questions
from marketing.models import Form

#: Nothing but this page, its style sheet and itself to send it to.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
INPUT_TYPES = {"text": "text", "email": "email", "number": "text", "date": "date", "url": "text",
          "phone": "tel"}  # fmt: skip
#: Which keys a telephone shows where the type does not say it: as ``url`` browsers refuse www.acme.example.
INPUT_MODES = {"number": "decimal", "url": "url"}
#: What browsers may fill in, by a question's name without case and signs.
AUTOCOMPLETE = {
    "name": "name", "fullname": "name", "firstname": "given-name", "lastname": "family-name",
    "company": "organization", "organization": "organization", "title": "organization-title",
    "jobtitle": "organization-title",
}  # fmt: skip
AUTOCOMPLETE_BY_TYPE = {"email": "email", "phone": "tel", "url": "url"}


@dataclass(frozen=True)
class FormQuestion:
    """One question as the page shows it, with what was answered and what is wrong with that."""

    name: str
    label: str
    type: str
    required: bool
    options: tuple[str, ...]
    value: str
    error: str

    @property
    def id(self) -> str:
        return f"q-{self.name}"

    @property
    def input(self) -> str:
        return INPUT_TYPES.get(self.type, "text")

    @property
    def input_mode(self) -> str:
        return INPUT_MODES.get(self.type, "")

    @property
    def autocomplete(self) -> str:
        plain = "".join(letter for letter in self.name.lower() if letter.isalpha())
        return AUTOCOMPLETE.get(plain) or AUTOCOMPLETE_BY_TYPE.get(self.type, "")

    @property
    def longest(self) -> int | None:
        return questions.QUESTION_TYPES[self.type].get("max_length")


# No CSRF token: nothing here is done in the name of whoever is signed in, and other websites shall be
# able to send this form. The actor is nobody in particular, with or without a session.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def form_page(request: TenantRequest, key: str) -> HttpResponse:
    """A published form by its slug or id. Raises Http404 for any other, and for no tenant at all."""
    languages.activate_reader_language(request)
    strangers.enter_tenant(request)
    form = _get_published(key)
    if request.method != "POST":
        sent = request.GET.get("sent") == "1"
        return _render_page(request, form, _attribution_values(request.GET), sent=sent)
    given: Mapping[str, str] = {}
    use = strangers.count_request(request)
    try:
        use.raise_if_exceeded()
        _refuse_too_large(request)
        given = bodies.read_form(request.POST, request.FILES)
        _delocalize_numbers(form, given)
        executor.run(Form.verbs["submit"], form.pk, given, wire=True, text=True)
    except Exception as problem:
        status, body = errors.status_and_body(problem)
        if status >= 500:
            raise
        page = _render_page(request, form, given, problem=body, status=status)
        if use.exceeded:
            page["Retry-After"] = use.headers["Retry-After"]
        return page
    # To a page of its own, so that reloading it sends nothing again.
    thanks = f"{reverse('form-page', args=[key])}?sent=1"
    return HttpResponseRedirect(form.redirect_url or thanks, status=303)


def _get_published(key: str) -> Form:
    found = Form.objects.filter(Q(slug=key) | Q(pk=key), status=Form.Status.PUBLISHED).first()
    if found is None:
        raise Http404
    return found


def _delocalize_numbers(form: Form, given: FormBody) -> None:
    """Write numbers as the platform takes them, instead of as the visitor's language does."""
    numeric = {field["name"] for field in form.fields or () if field["type"] == "number"}
    for name in numeric & given.keys():
        given[name] = numbers.delocalize_number(given[name])


def _refuse_too_large(request: TenantRequest) -> None:
    if bodies.announced_size(request) > strangers.MAX_BODY_SIZE:
        raise TooLarge(_("This is more than %d KB.") % (strangers.MAX_BODY_SIZE >> 10))


def _attribution_values(query: Mapping[str, str]) -> dict[str, str]:
    """Where the visitor came from, as the page's address says: carried along, never in their way."""
    return {
        name: value[: field.max_length]
        for name, field in questions.ATTRIBUTION_FIELDS.items()
        if (value := query.get(name, "")) and is_storable(value)
    }


def _render_page(
    request: TenantRequest,
    form: Form,
    given: Mapping[str, str],
    *,
    sent: bool = False,
    problem: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    wrong = {each["field"]: each["message"] for each in (problem or {}).get("details") or ()}
    asked = [_question(form, each, given, wrong) for each in form.fields or ()]
    # What has no place of its own on the page is said above it.
    shown = {question.name for question in asked}
    others = [f"{name}: {text}" for name, text in wrong.items() if name not in shown]
    if problem is not None and not wrong:
        others = [problem["message"]]
    page = render(
        request,
        "marketing/form.html",
        {
            "form": form,
            "tenant": request.tenant,
            "sent": sent,
            "questions": asked,
            "wrong": [question for question in asked if question.error],
            "others": others,
            "hidden": {
                name: given[name] for name in questions.ATTRIBUTION_FIELDS if given.get(name)
            },
            "trap": questions.HONEYPOT,
        },
        status=status,
    )
    page.headers["Content-Security-Policy"] = _security_policy(form)
    page.headers["Cache-Control"] = "private, no-store"
    return page


def _question(
    form: Form, field: Mapping[str, Any], given: Mapping[str, str], wrong: Mapping[str, str]
) -> FormQuestion:
    name = field["name"]
    return FormQuestion(
        name=name,
        label=questions.question_label(field),
        type=field["type"],
        required=field.get("required", False) or name == questions.email_question(form.fields),
        options=tuple(option.strip() for option in field.get("options") or ()),
        value=given.get(name, ""),
        error=wrong.get(name, ""),
    )


def _security_policy(form: Form) -> str:
    """A browser holds every redirect after a form against form-action, so that where the tenant sends its
    visitors is allowed: by scheme, as that address may redirect again, say to its www."""
    if not form.redirect_url:
        return CONTENT_SECURITY_POLICY
    schemes = "https:" if urlsplit(form.redirect_url).scheme == "https" else "http: https:"
    return f"{CONTENT_SECURITY_POLICY} {schemes}"
