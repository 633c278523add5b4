"""The pages behind emailed links: a forgotten password, an invitation.

The address of such a page is a secret that other sites must not see in the Referer (``same-origin``; with
"no-referrer" the browser would also send the form with ``Origin: null``, which is refused).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from headlessly.access.models import User
from headlessly.access.sign_in_emails import normalize_sign_in_email
from headlessly.accounts import invitations, mail, passwords
from headlessly.accounts.guessing import Guesser
from headlessly.accounts.models import Invitation
from headlessly.admin.entrance import (
    REFUSALS,
    GateForm,
    begin_where_empty,
    come_in,
    render_gate,
)
from headlessly.context.tenant_scope import every_tenant, scoped_to
from headlessly.errors import Conflict
from headlessly.web.callers import caller_address, customer_network

View = Callable[..., HttpResponse]


def gate_page(view: View) -> View:
    """Decorates a view that anybody who has its link may open."""

    @never_cache
    @csrf_protect
    @require_http_methods(["GET", "HEAD", "POST"])
    @sensitive_post_parameters()
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            title = _("This link does not work")
            response = render_gate(request, "expired", status=404, title=title)
        response["Referrer-Policy"] = "same-origin"
        return response

    return guarded


class PasswordForm(GateForm, SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].label = _("Password")
        self.fields["new_password2"].label = _("The same again")
        for name in ("new_password1", "new_password2"):
            self.fields[name].error_messages["required"] = _("Type your password.")


class InvitedForm(PasswordForm):
    """A new password, and the person's name."""

    field_order = ("first_name", "last_name", "new_password1", "new_password2")

    first_name = forms.CharField(
        label=gettext_lazy("First name"),
        max_length=150,
        error_messages={"required": gettext_lazy("Type your name.")},
    )
    last_name = forms.CharField(label=gettext_lazy("Last name"), max_length=150, required=False)


class ForgottenForm(GateForm):
    email = forms.CharField(
        label=gettext_lazy("Email"),
        max_length=254,
        error_messages={"required": gettext_lazy("Type your email.")},
        widget=forms.TextInput(
            {"inputmode": "email", "autocomplete": "username", "autofocus": True}
        ),
    )

    def clean_email(self) -> str:
        return normalize_sign_in_email(self.cleaned_data["email"])


@gate_page
def forgotten_password_view(request: HttpRequest) -> HttpResponse:
    """Sends a link to choose a new password. The response does not reveal whether there is an account."""
    title = _("Forgotten password")
    if not mail.is_set_up():
        return render_gate(request, "forgotten", title=title, without_mail=True)
    form = ForgottenForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        status = 422 if form.errors else 200
        return render_gate(request, "forgotten", status=status, title=title, form=form)
    email = form.cleaned_data["email"]
    try:
        Guesser.of_letters(email, customer_network(caller_address(request.META))).count()
    except REFUSALS as problem:
        form.add_error(None, problem.message)
        page = render_gate(request, "forgotten", status=problem.status, title=title, form=form)
        page["Retry-After"] = str(problem.seconds)
        return page
    user = User.objects.with_email(email).filter(is_active=True).first()
    # Deferred also without a user, who is sent nothing: the response time must not reveal who has an
    # account.
    mail.send_later(mail.mail_password_link, user=user.pk if user else "")
    return render_gate(request, "forgotten", title=_("Look into your mail"), sent_to=email)


@gate_page
def choose_password_view(request: HttpRequest, id: str, token: str, by: str = "") -> HttpResponse:
    """Sets a new password by a link, and signs in."""
    user = User.objects.filter(pk=id, is_active=True).first()
    if user is None or not passwords.link_fits(user, token, by):
        raise Http404
    form = PasswordForm(user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            passwords.choose_password_by_link(user, form.cleaned_data["new_password1"], token, by)
        except (Conflict, *REFUSALS) as problem:
            form.add_error(None, problem.message)
        else:
            return come_in(request, user, link_by=by)
    return _password_page(request, form, user.email, _("Choose a password"))


@gate_page
def invitation_view(request: HttpRequest, id: str, token: str) -> HttpResponse:
    """Accepts an invitation: with a new password, or as the account that is signed in."""
    with every_tenant():  # the tenant is only known from the link
        found = Invitation.objects.select_related("tenant").filter(pk=id).first()
    if found is None or not found.fits(token):
        raise Http404
    user = User.objects.with_email(found.email).first()
    with scoped_to(found.tenant_id):
        if invitations.needs_password(found, user):
            return _accept_with_password(request, found)
        return _accept_signed_in(request, found)


def _accept_with_password(request: HttpRequest, found: Invitation) -> HttpResponse:
    known = {"first_name": found.first_name, "last_name": found.last_name}
    # The password is checked for being too similar to these.
    made = User(email=found.email, **known)
    form = InvitedForm(made, request.POST if request.method == "POST" else None, initial=known)
    if form.is_valid():
        names = {name: form.cleaned_data[name] for name in known}
        try:
            user = invitations.accept_with_password(
                found, form.cleaned_data["new_password1"], **names
            )
        except (Conflict, *REFUSALS) as problem:
            form.add_error(None, problem.message)
        else:
            link_by = found.invited_by if found.shown else ""
            return come_in(request, user, f"/~{found.tenant.slug}/admin/", link_by=link_by)
    title = _("Welcome to %(tenant)s") % {"tenant": found.tenant}
    return _password_page(request, form, found.email, title)


def _accept_signed_in(request: HttpRequest, found: Invitation) -> HttpResponse:
    user: Any = request.user
    if not user.is_authenticated:
        onward = urlencode({"next": request.path}, safe="/")
        return HttpResponseRedirect(f"{reverse('enter')}?{onward}")
    problem = ""
    if request.method == "POST":
        try:
            invitations.accept_signed_in(found, user)
        except Conflict as refusal:
            problem = refusal.message
        else:
            return HttpResponseRedirect(f"/~{found.tenant.slug}/admin/")
    return render_gate(
        request,
        "invitation",
        status=409 if problem else 200,
        title=_("Welcome to %(tenant)s") % {"tenant": found.tenant},
        invitation=found,
        is_theirs=User.objects.with_email(found.email).filter(pk=user.pk).exists(),
        problem=problem,
    )


def _password_page(request: HttpRequest, form: Any, email: str, title: str) -> HttpResponse:
    status = 422 if form.errors else 200
    begin_where_empty(form)
    return render_gate(
        request, "choose_password", status=status, form=form, user_email=email, title=title
    )
