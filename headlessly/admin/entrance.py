"""The site's root: signing in, with a second factor if there is one, choosing a tenant, signing out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from unfold.sites import UnfoldAdminSite
from unfold.widgets import BASE_INPUT_CLASSES

from headlessly.access.models import Membership, User
from headlessly.accounts import factors
from headlessly.accounts.guessing import TooManyGuesses
from headlessly.accounts.hashing import TooManyAtOnce
from headlessly.accounts.signing_in import (
    begin_session,
    forget_email,
    remember_browser,
    remembered_email,
    try_password,
)
from headlessly.context.tenant_scope import every_tenant
from headlessly.web.sign_in import readable_address

#: The session's entry for a user who has typed their password but not shown their second factor.
PENDING = "pending"
REFUSALS = (TooManyGuesses, TooManyAtOnce)


class GateForm(forms.Form):
    """A form on pages before signing in, with inputs in the site's style."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs |= {"class": " ".join(BASE_INPUT_CLASSES)}


class SignIn(GateForm):
    """Email and password. Whatever is wrong gets the same answer, which does not reveal who has an
    account."""

    username = forms.CharField(
        max_length=254,
        label=gettext_lazy("Email"),
        error_messages={"required": gettext_lazy("Type your email.")},
        widget=forms.TextInput(
            {"inputmode": "email", "autocomplete": "username", "autofocus": True}
        ),
    )
    password = forms.CharField(
        strip=False,
        max_length=4096,
        label=gettext_lazy("Password"),
        error_messages={"required": gettext_lazy("Type your password.")},
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The email is already filled in, remembered by the browser or sent before.
        if self.initial.get("username") or self.data.get("username"):
            del self.fields["username"].widget.attrs["autofocus"]
            self.fields["password"].widget.attrs["autofocus"] = True


def begin_where_empty(form: forms.BaseForm) -> None:
    """Focuses the first field that is empty or has an error."""
    empty = (f for f in form if not f.value() or f.errors)
    if (first := next(empty, None)) is not None:
        first.field.widget.attrs["autofocus"] = True


@sensitive_post_parameters("password")
@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_view(request: HttpRequest) -> HttpResponse:
    """Shows the form to sign in. Somebody who is signed in goes on to the next page."""
    onward = safe_next(request)
    if request.method == "POST":
        form, user, refusal = SignIn(request.POST), None, None
        if form.is_valid():
            try:
                user = try_password(request, *form.cleaned_data.values())
            except TooManyAtOnce as problem:
                return _come_again(request, problem)
            except TooManyGuesses as problem:
                refusal = problem
        if user is not None:
            return come_in(request, user, onward)
        if refusal is not None:
            form.add_error(None, refusal.message)
        elif not form.errors:
            form.add_error(
                None,
                _(
                    "This email and password do not fit. Check both; capitals matter in the password."
                ),
            )
        status = refusal.status if refusal else 422
        page = render_gate(
            request, "enter", status=status, form=form, next=onward, title=_("Sign in")
        )
        if refusal is not None:
            page["Retry-After"] = str(refusal.seconds)
        return page
    if not request.user.is_authenticated:
        form = SignIn(initial={"username": remembered_email(request)})
        return render_gate(request, "enter", form=form, next=onward, title=_("Sign in"))
    if onward:
        return HttpResponseRedirect(onward)
    return _choose(request)


def _come_again(request: HttpRequest, problem: TooManyAtOnce) -> HttpResponse:
    """Returns a page that costs next to nothing to render, so that a flood of sign-ins does not slow down
    everybody else."""
    page = render(request, "headlessly/busy.html", {"problem": problem}, status=problem.status)
    page["Retry-After"] = str(problem.seconds)
    return page


def come_in(
    request: HttpRequest, user: User, onward: str = "", *, link_by: str = ""
) -> HttpResponse:
    """Signs in a user who typed their password or came by a link in its place; if they have a second
    factor, sends them to it first."""
    if factors.has_factor(user):
        request.session.cycle_key()
        request.session[PENDING] = {
            "user": user.pk,
            "hash": user.get_session_auth_hash(),
            "at": timezone.now().timestamp(),
            "next": onward,
            "link_by": link_by,
        }
        return redirect("second")
    begin_session(request, user, link_by=link_by)
    return remember_browser(request, HttpResponseRedirect(onward or reverse("enter")))


@every_tenant()
def _choose(request: HttpRequest) -> HttpResponse:
    """Redirects to the only tenant of the user, or offers a choice."""
    memberships = (
        Membership.objects.filter(user_id=request.user.pk)
        .select_related("tenant")
        .order_by("tenant__name", "tenant__slug")
    )
    places = [
        {
            "name": m.tenant.name,
            "role": m.get_role_display(),
            "url": f"{request.path}~{m.tenant.slug}/admin/",
        }
        for m in memberships
    ]
    operator = f"{request.path}admin/" if request.user.is_superuser else ""
    if len(places) == 1 and not operator and "choose" not in request.GET:
        return HttpResponseRedirect(places[0]["url"])
    title = _("Where to?") if places else _("Welcome")
    return render_gate(request, "choose", places=places, operator=operator, title=title)


@never_cache
@csrf_protect
@require_POST
def sign_out_view(request: HttpRequest) -> HttpResponse:
    logout(request)
    return forget_email(HttpResponseRedirect(request.path.removesuffix("logout")))


def csrf_failure_view(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answers a form without a valid CSRF token, which mostly was open for too long."""
    page = render_gate(
        request, "not_sent", status=403, title=_("Not sent"), back=readable_address(request)
    )
    page["X-Stale-Token"] = "1"
    return page


def safe_next(request: HttpRequest) -> str:
    """Returns the address to go on to if it belongs to this site, else an empty text."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe and wanted != request.path else ""


class _Entrance(UnfoldAdminSite):
    """Gives pages before signing in the theme of the others, without their navigation."""

    def has_permission(self, request: HttpRequest) -> bool:
        return False

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        return []


_site = _Entrance(name="admin")


def render_gate(
    request: HttpRequest, template: str, status: int = 200, **context: Any
) -> HttpResponse:
    """Returns a page for somebody who is not signed in."""
    themed = _site.each_context(request) | {
        "site_url": None,
        "styles": [static("headlessly/admin.css")],
        "scripts": [static("headlessly/zone.js")],
    }
    return render(request, f"headlessly/{template}.html", themed | context, status=status)
