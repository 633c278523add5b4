"""The pages of a person's account: password, signed-in browsers, second factors.

They are the same in every tenant and on the operator's pages. A page that changes how somebody signs in
first asks for the password again, unless it was typed recently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextInputWidget

from headlessly.access.encryption import decrypt, encrypt, hash_secret
from headlessly.accounts import entering, factors, passwords, sessions
from headlessly.accounts.signing_in import TWICE, try_password
from headlessly.admin import display
from headlessly.admin.account import own_keys
from headlessly.admin.account.second_step import STATE, read_answer
from headlessly.admin.entrance import REFUSALS, safe_next
from headlessly.admin.setting_up import beside_settings
from headlessly.log.names import SESSIONS_ENDED
from headlessly.log.security_events import record_of_person
from headlessly.web.sign_in import readable_address

#: Pages that are open before the second factor that the tenant requires is shown, and before the password
#: is confirmed.
ALWAYS = {
    "account", "confirm", "password_change", "totp", "passkey", "codes", "factor_remove",
    "session_end", "sessions_end", "logout", "session", "preferences",
}  # fmt: skip
#: The session's entry for the key of an authenticator app that has not shown a code yet.
TOTP_KEY = "totp_key"


def urls(site: Any) -> list[URLPattern]:
    """Returns the URL patterns of the account, below the site's own."""

    def page(route: str, view: Callable[..., HttpResponse], name: str, **more: Any) -> URLPattern:
        return site.page(f"account/{route}", view, name, **more)

    return [
        page("", account_view, "account"),
        page("confirm/", confirm_view, "confirm", tries_password=True),
        page("password/", password_view, "password_change", tries_password=True),
        page("sessions/end/", end_others_view, "sessions_end", confirm=True),
        page("sessions/<str:id>/end/", end_session_view, "session_end", confirm=True),
        page("app/", totp_view, "totp", confirm=True),
        page("passkey/", passkey_view, "passkey", confirm=True),
        page("codes/", codes_view, "codes", confirm=True),
        page("factors/<str:id>/remove/", remove_factor_view, "factor_remove", confirm=True),
    ]


def is_own_page(request: HttpRequest) -> bool:
    """Whether this page belongs to the person's own account, which is always open to them."""
    match = request.resolver_match
    return match is not None and match.url_name in ALWAYS


def ask_to_confirm(request: HttpRequest) -> HttpResponse:
    """Redirects to the page that asks for the password, which leads back to a page that GET can read."""
    onward = urlencode({"next": readable_address(request)})
    return HttpResponseRedirect(f"{reverse('admin:confirm')}?{onward}")


class LineInput(forms.PasswordInput):
    """A password input in the style of the settings pages."""

    def __init__(self, complete: str) -> None:
        super().__init__({"class": "line", "autocomplete": complete})


class ConfirmForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        max_length=4096,
        widget=LineInput("current-password"),
        error_messages={"required": gettext_lazy("Type your password.")},
    )


def confirm_view(request: HttpRequest, *, site: Any) -> HttpResponse:
    """Asks for the password again before a sensitive page."""
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    onward = safe_next(request) or reverse("admin:account")
    if form.is_valid() and _own_password_fits(request, form, "password"):
        entering.confirm(request)
        return HttpResponseRedirect(onward)
    return site.respond(
        request, "account/confirm", _("Your password, please"), form=form, next=onward
    )


def _own_password_fits(request: HttpRequest, form: forms.Form, field: str) -> bool:
    """Whether the password is the user's own. Adds an error to the field if not."""
    user: Any = request.user
    try:
        fits = try_password(request, user.email, form.cleaned_data[field]) == user
    except REFUSALS as problem:
        form.add_error(field, problem.message)
        return False
    if not fits:
        form.add_error(field, _("This is not your password."))
    return fits


class PasswordChangeForm(forms.Form):
    old_password = forms.CharField(
        label=gettext_lazy("Password now"), strip=False, widget=LineInput("current-password")
    )
    new_password1 = forms.CharField(
        label=gettext_lazy("New password"),
        strip=False,
        widget=LineInput("new-password"),
        help_text=gettext_lazy(
            "Eight characters or more, not only digits, and nothing that is easily guessed from your name."
        ),
    )
    new_password2 = forms.CharField(
        label=gettext_lazy("The same again"), strip=False, widget=LineInput("new-password")
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_new_password2(self) -> str:
        first, again = self.cleaned_data.get("new_password1"), self.cleaned_data["new_password2"]
        if first is not None and first != again:
            raise forms.ValidationError(_("The two are not the same."))
        if first is not None:
            validate_password(first, self.user)
        return again


def password_view(request: HttpRequest, *, site: Any) -> HttpResponse:
    """Changes the password, and signs out every other browser."""
    user: Any = request.user
    form = PasswordChangeForm(user, request.POST if request.method == "POST" else None)
    if form.is_valid() and _own_password_fits(request, form, "old_password"):
        try:
            key = request.session.session_key
            passwords.change_password(user, form.cleaned_data["new_password1"], keep=key)
        except REFUSALS as problem:
            form.add_error(None, problem.message)
        else:
            update_session_auth_hash(request, user)
            entering.confirm(request)
            messages.success(request, _("Your password is changed. Other browsers are signed out."))
            return redirect("admin:account")
    return site.respond(request, "account/password", _("Change password"), form=form)


def account_view(request: HttpRequest, *, site: Any) -> HttpResponse:
    """Shows how the person signs in, and from where."""
    user: Any = request.user
    here = hash_secret(request.session.session_key or "")
    tenant = getattr(request, "tenant", None)
    return site.respond(
        request,
        "account/account",
        _("Sign-in and security"),
        in_settings=beside_settings(_("Your sign-in")),
        sessions=[
            {
                "session": each,
                "here": each.pk == here,
                "seen": display.age_html(each.seen_at),
                "since": display.age_html(each.created_at),
            }
            for each in sessions.living_sessions(user)[:100]
        ],
        factors=factors.factors_of(user),
        codes_left=factors.codes_left(user),
        lacks_factor=tenant is not None and entering.lacks_second_factor(request, tenant),
        has_keys=tenant is not None,
        keys=own_keys.keys_of(user) if tenant is not None else [],
    )


@require_POST
def end_session_view(request: HttpRequest, id: str, *, site: Any) -> HttpResponse:
    """Signs out of one browser."""
    user: Any = request.user
    found = [s for s in sessions.living_sessions(user) if s.public_id == id]
    if not found:
        raise Http404
    found[0].delete()
    record_of_person(SESSIONS_ENDED, user, browser=found[0].browser)
    messages.success(request, _("That browser is signed out."))
    return redirect("admin:account")


@require_POST
def end_others_view(request: HttpRequest, *, site: Any) -> HttpResponse:
    """Signs out of every other browser."""
    user: Any = request.user
    count = sessions.end_sessions(user, but=request.session.session_key)
    record_of_person(SESSIONS_ENDED, user, count=count)
    messages.success(request, _("All other browsers are signed out."))
    return redirect("admin:account")


class TotpForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code of the app"),
        max_length=20,
        widget=UnfoldAdminTextInputWidget(
            {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
        ),
    )


def totp_view(request: HttpRequest, *, site: Any) -> HttpResponse:
    """Sets up an authenticator app."""
    user: Any = request.user
    kept = request.session.get(TOTP_KEY)
    key = decrypt(kept) if kept else factors.new_totp_key()
    request.session[TOTP_KEY] = kept or encrypt(key)
    form = TotpForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if factors.add_totp(user, key, form.cleaned_data["code"]):
            request.session.pop(TOTP_KEY, None)
            return _factor_added(request, user)
        form.add_error(
            "code", _("This does not fit. Is the time of the phone right? Try the next one.")
        )
    return site.respond(
        request,
        "account/app",
        _("Authenticator app"),
        form=form,
        key=" ".join(key[n : n + 4] for n in range(0, len(key), 4)),
        picture=factors.totp_picture(user, key),
    )


def passkey_view(request: HttpRequest, *, site: Any) -> HttpResponse:
    """Sets up a passkey."""
    user: Any = request.user
    problem, status = "", 200
    if request.method == "POST":
        state = request.session.pop(STATE, None) or {}
        answer = read_answer(request.POST.get("passkey", ""))
        try:
            if not state or not answer:
                raise ValueError(_("This passkey did not work. Try again."))
            factors.add_passkey(user, state, answer, request.POST.get("name", ""))
            return _factor_added(request, user)
        except ValueError as refusal:
            problem, status = str(refusal), 422
    asked, request.session[STATE] = factors.begin_passkey(user)
    return site.respond(
        request, "account/passkey", _("Passkey"), status=status, asked=asked, problem=problem
    )


def _factor_added(request: HttpRequest, user: Any) -> HttpResponse:
    """Finishes adding a factor. It counts as shown in this browser; the others are signed out. Redirects
    to the recovery codes if there are none yet."""
    request.session[TWICE] = True
    sessions.end_sessions(user, but=request.session.session_key)
    messages.success(request, _("From now on it is asked for when you sign in."))
    page = "admin:account" if factors.codes_left(user) else "admin:codes"
    return redirect(page)


def codes_view(request: HttpRequest, *, site: Any) -> HttpResponse:
    """Makes recovery codes. The response to the POST is the only place where they can be read."""
    user: Any = request.user
    if not factors.has_factor(user):
        return redirect("admin:account")
    codes = factors.new_codes(user) if request.method == "POST" else None
    return site.respond(
        request,
        "account/codes",
        _("Recovery codes"),
        codes=codes,
        codes_left=factors.codes_left(user),
    )


@require_POST
def remove_factor_view(request: HttpRequest, id: str, *, site: Any) -> HttpResponse:
    """Removes a factor, and signs out every other browser."""
    user: Any = request.user
    factor = get_object_or_404(factors.factors_of(user), pk=id)
    try:
        factors.remove_own_factor(factor)
    except ValueError as refusal:
        messages.error(request, str(refusal))
        return redirect("admin:account")
    sessions.end_sessions(user, but=request.session.session_key)
    if not factors.has_factor(user):
        request.session[TWICE] = False
    messages.success(request, _("“%s” is removed.") % factor.name)
    return redirect("admin:account")
