"""Refuses passwords that are mostly made of words that an attacker knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from headlessly.access.models import Tenant
from headlessly.context.tenant_scope import every_tenant

#: How many letters and digits a password needs besides these words.
LEAST_LEFT = 8
#: Shorter words would be found in anything.
SHORTEST_WORD = 3


class KnownWordsValidator:
    """A password validator: a password has to be long enough without the names of the product, of its
    hosts and of the user's tenants."""

    def validate(self, password: str, user: Any = None) -> None:
        left = _letters(password)
        found = [word for word in known_words(user) if word in left]
        for word in found:
            left = left.replace(word, "")
        if found and len(left) < LEAST_LEFT:
            raise ValidationError(
                _("The password is little more than a name that others guess first: %(word)s."),
                code="password_known_word",
                params={"word": found[0]},
            )

    def get_help_text(self) -> str:
        return _("Your password can’t be the name of your company or of this product.")


def known_words(user: Any = None) -> list[str]:
    """Returns the words that are known for this user, the longest first."""
    hosts = [part for host in settings.ALLOWED_HOSTS for part in host.split(".")[:-1]]
    words = ["headlessly", *hosts]
    email = getattr(user, "email", "")
    if email:
        tenants = Tenant.objects.filter(memberships__user__email=email) | Tenant.objects.filter(
            invitations__email=email
        )
        with every_tenant():  # the user's tenants, whichever is active
            names = list(tenants.values_list("slug", "name").distinct())
        for slug, name in names:
            words += [slug, name, *name.split()]
    spelled = {_letters(word) for word in words}
    return sorted((word for word in spelled if len(word) >= SHORTEST_WORD), key=len, reverse=True)


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
