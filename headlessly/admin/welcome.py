"""The link by which somebody who was invited chooses their password.

An admin hands it over; it works once, for three days. It is given only for a user who belongs to that
admin's tenant alone: the password of somebody who is at home in another one too is none of their business.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from unfold.widgets import BASE_INPUT_CLASSES

from headlessly.access.models import Membership, User
from headlessly.admin.entrance import render_gate
from headlessly.declaration.values import UNSTORABLE
from headlessly.web.sign_in import sign_in_url


class Invitation(PasswordResetTokenGenerator):
    """Also void once the user belongs to another tenant, or to none."""

    key_salt = "headlessly.admin.welcome"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        places = (
            Membership.objects.filter(user=user).order_by("tenant").values_list("tenant", flat=True)
        )
        return f"{super()._make_hash_value(user, timestamp)}{list(places)}"


invitation = Invitation()


def may_invite(member: Membership) -> bool:
    """Whether an admin of this tenant may hand this user a link to choose a password."""
    user = member.user
    if not user.is_active or user.is_superuser:
        return False
    return not Membership.objects.filter(user=user).exclude(tenant=member.tenant_id).exists()


def welcome_url(request: HttpRequest, user: User) -> str:
    """The path of the link, at the site's root."""
    return f"{sign_in_url(request)}welcome/{user.pk}/{invitation.make_token(user)}"


class PasswordForm(SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs |= {"class": " ".join(BASE_INPUT_CLASSES)}
        self.fields["new_password1"].label = _("Password")
        self.fields["new_password2"].label = _("The same again")


@sensitive_post_parameters("new_password1", "new_password2")
@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest, id: str, token: str) -> HttpResponse:
    """Choose a password and come in."""
    user = None if UNSTORABLE.search(id) else User.objects.filter(pk=id, is_active=True).first()
    if user is None or not invitation.check_token(user, token):
        return render_gate(request, "expired", status=404, title=_("This link does not work"))
    form = PasswordForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
        response: HttpResponse = HttpResponseRedirect(reverse("enter"))
    else:
        status = 422 if form.errors else 200
        context = {"form": form, "user_email": user.email, "title": _("Welcome")}
        response = render_gate(request, "welcome", status=status, **context)
    # The address is the secret: no other site hears of it. "no-referrer" would also have the browser
    # send the form with `Origin: null`, which is refused.
    response["Referrer-Policy"] = "same-origin"
    return response
