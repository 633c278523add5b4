"""The second step of signing in: a code or a passkey, after the password."""

from __future__ import annotations

from typing import Any

import orjson
from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from headlessly.access.models import User
from headlessly.accounts import factors
from headlessly.accounts.models import SecondFactor
from headlessly.accounts.signing_in import begin_session, guesser_of, remember_browser
from headlessly.admin.account.links import gate_page
from headlessly.admin.entrance import PENDING, REFUSALS, GateForm, render_gate

#: How many seconds after the password the second step may take.
PATIENCE = 10 * 60
STATE = "passkey"
LONGEST_ANSWER = 20_000


class CodeForm(GateForm):
    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        error_messages={"required": gettext_lazy("Type the code.")},
        widget=forms.TextInput(
            {"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}
        ),
    )


@gate_page
def second_step_view(request: HttpRequest) -> HttpResponse:
    """Asks for a code or a passkey. Without the first step, redirects to it."""
    pending = request.session.get(PENDING) or {}
    user = _pending_user(pending)
    if user is None:
        request.session.pop(PENDING, None)
        return redirect("enter")
    form = CodeForm()
    status = 200
    if request.method == "POST":
        form = CodeForm(request.POST if "passkey" not in request.POST else None)
        try:
            if _fits(request, user, form):
                return _come_in(request, user, pending)
            if not form.errors:
                form.errors["code"] = form.error_class([_("This does not fit. Try again.")])
            status = 422
        except REFUSALS as problem:
            form.errors["code"] = form.error_class([problem.message])
            status = problem.status
    kinds = set(SecondFactor.objects.filter(user=user).values_list("kind", flat=True))
    asked = None
    if SecondFactor.PASSKEY in kinds:
        asked, request.session[STATE] = factors.ask_for_passkey(user)
        if not form.errors:
            del form.fields["code"].widget.attrs["autofocus"]  # the passkey's button gets the focus
    return render_gate(
        request,
        "second",
        status=status,
        title=_("One more step"),
        form=form,
        has_app=SecondFactor.TOTP in kinds,
        passkey=asked,
    )


def _pending_user(pending: dict[str, Any]) -> User | None:
    """Returns the user who typed their password within :data:`PATIENCE`, if it has not changed since; else
    None."""
    age = timezone.now().timestamp() - pending.get("at", 0)
    user = User.objects.filter(pk=pending.get("user"), is_active=True).first()
    if user is None or not 0 <= age <= PATIENCE:
        return None
    same = constant_time_compare(pending.get("hash", ""), user.get_session_auth_hash())
    return user if same else None


def _fits(request: HttpRequest, user: User, form: CodeForm) -> bool:
    """Whether a factor of the user was sent. Every wrong one counts as a guess."""
    answer = request.POST.get("passkey")
    if answer is None and not form.is_valid():
        return False
    guesser = guesser_of(request, f"second {user.email}")
    guesser.count()
    if answer is None:
        fits = factors.use_code(user, form.cleaned_data["code"])
    else:
        state = request.session.pop(STATE, None)
        parsed = read_answer(answer)
        fits = bool(state and parsed) and factors.use_passkey(user, state, parsed)
    if fits:
        guesser.forget()
    return fits


def read_answer(text: str) -> dict[str, Any]:
    """Returns the browser's answer about a passkey as a dict, or an empty one if it is malformed."""
    try:
        found = orjson.loads(text) if len(text) <= LONGEST_ANSWER else None
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _come_in(request: HttpRequest, user: User, pending: dict[str, Any]) -> HttpResponse:
    request.session.pop(PENDING, None)
    begin_session(request, user, twice=True, link_by=pending.get("link_by", ""))
    return remember_browser(request, HttpResponseRedirect(pending.get("next") or reverse("enter")))
