"""The page of a published form, for visitors. It works without JavaScript and without an account."""

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

#: The page may load only its style sheet, and send the form only to itself.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
INPUT_TYPES = {"text": "text", "email": "email", "number": "text", "date": "date", "url": "text",
          "phone": "tel"}  # fmt: skip
#: The keyboard that phones show if the type does not decide it. Browsers would refuse www.acme.example as
#: ``url``.
INPUT_MODES = {"number": "decimal", "url": "url"}
#: What browsers may fill in, by a question's name in lower case without signs.
AUTOCOMPLETE = {
    "name": "name", "fullname": "name", "firstname": "given-name", "lastname": "family-name",
    "company": "organization", "organization": "organization", "title": "organization-title",
    "jobtitle": "organization-title",
}  # fmt: skip
AUTOCOMPLETE_BY_TYPE = {"email": "email", "phone": "tel", "url": "url"}


@dataclass(frozen=True)
class FormQuestion:
    """One question as the page shows it, with its answer and what is wrong with it."""

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


# No CSRF token: nothing here is done on behalf of the signed-in user, and other websites must be able to send
# this form. The actor is the anonymous public, with or without a session.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def form_page(request: TenantRequest, key: str) -> HttpResponse:
    """Show a published form by its slug or id, and receive its submission. Raises Http404 for any other."""
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
    # A page of its own, so that reloading it sends nothing again.
    thanks = f"{reverse('form-page', args=[key])}?sent=1"
    return HttpResponseRedirect(form.redirect_url or thanks, status=303)


def _get_published(key: str) -> Form:
    found = Form.objects.filter(Q(slug=key) | Q(pk=key), status=Form.Status.PUBLISHED).first()
    if found is None:
        raise Http404
    return found


def _delocalize_numbers(form: Form, given: FormBody) -> None:
    """Rewrite numbers from the visitor's language to the platform's format."""
    numeric = {field["name"] for field in form.fields or () if field["type"] == "number"}
    for name in numeric & given.keys():
        given[name] = numbers.delocalize_number(given[name])


def _refuse_too_large(request: TenantRequest) -> None:
    if bodies.announced_size(request) > strangers.MAX_BODY_SIZE:
        raise TooLarge(_("This is more than %d KB.") % (strangers.MAX_BODY_SIZE >> 10))


def _attribution_values(query: Mapping[str, str]) -> dict[str, str]:
    """Returns where the visitor came from by the page's address. Values that do not fit are ignored or
    cut."""
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
    # Errors without a place of their own on the page are shown above it.
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
    """Returns the content security policy of a form's page.

    Browsers check every redirect after a form against form-action, so the address to which the tenant sends
    its visitors must be allowed. It is allowed by scheme, as that address may redirect again, say to its www.
    """
    if not form.redirect_url:
        return CONTENT_SECURITY_POLICY
    schemes = "https:" if urlsplit(form.redirect_url).scheme == "https" else "http: https:"
    return f"{CONTENT_SECURITY_POLICY} {schemes}"
