"""Models of accounts: invitations, sessions, browsers, second factors, guesses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone
from django.utils.crypto import constant_time_compare, get_random_string, salted_hmac
from django.utils.translation import gettext_lazy

from headlessly.access.encryption import EncryptedText
from headlessly.access.models import Membership, Tenant, User
from headlessly.access.tenant_rows import TenantRow
from headlessly.declaration.fields import PublicId

#: How long an invitation may be accepted.
INVITATION_LASTS = timedelta(days=7)


def new_nonce() -> str:
    return get_random_string(32)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> InvitationQuerySet:
        """Returns invitations that are neither accepted nor withdrawn, including expired ones."""
        return self.filter(accepted_at=None, withdrawn_at=None)


class Invitation(TenantRow):
    """An invitation to a tenant. Somebody is no member before they accept it.

    Its link is derived from a secret of the environment, and stored nowhere. Sending it again makes the
    previous link void.
    """

    prefix: ClassVar[str] = "invitation"

    id = PublicId()
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="invitations", db_index=False)
    email = models.EmailField()
    first_name = models.CharField(max_length=150)
    last_name = models.CharField(max_length=150, blank=True, default="")
    role = models.CharField(max_length=16, choices=Membership.ROLES)
    #: The contact that they will be linked to.
    contact_id = models.CharField(max_length=32, null=True, db_collation="C")
    invited_by = models.CharField(max_length=32, db_collation="C")
    #: Whether the link was shown to an admin instead of being sent: then it does not prove the address.
    shown = models.BooleanField(default=False)
    nonce = models.CharField(max_length=32, default=new_nonce)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects: ClassVar = InvitationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="one_open_invitation",
            )
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_over(self) -> bool:
        return self.expires_at <= timezone.now()

    @property
    def is_open(self) -> bool:
        return not (self.accepted_at or self.withdrawn_at or self.is_over)

    @property
    def token(self) -> str:
        """The last part of its link."""
        return salted_hmac("headlessly.invitation", f"{self.pk}:{self.nonce}").hexdigest()

    def fits(self, token: str) -> bool:
        """Whether this is the token of the latest link, and it still works."""
        return self.is_open and constant_time_compare(token, self.token)


class Session(AbstractBaseSession):
    """A browser in which somebody is signed in. Its key is stored as a hash (see :mod:`.sessions`)."""

    session_key = models.CharField(max_length=64, primary_key=True, db_collation="C")
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    address = models.CharField(max_length=64, blank=True, default="")
    browser = models.CharField(max_length=200, blank=True, default="")

    class Meta(AbstractBaseSession.Meta):
        abstract = False

    @classmethod
    def get_session_store_class(cls) -> Any:
        from headlessly.accounts.sessions import SessionStore

        return SessionStore

    @property
    def public_id(self) -> str:
        """The id on its page, which cannot be used as a cookie."""
        return self.session_key[:32]


class Device(models.Model):
    """A browser in which somebody has signed in before. It has a cookie that says so."""

    user = models.ForeignKey(User, models.CASCADE, related_name="devices")
    hash = models.CharField(max_length=64, db_collation="C")
    browser = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "hash"], name="one_device")
        ]

    def __str__(self) -> str:
        return self.browser


class SecondFactor(models.Model):
    """A second factor: an authenticator app, a passkey, or recovery codes."""

    prefix: ClassVar[str] = "factor"
    TOTP, PASSKEY, CODES = "totp", "passkey", "codes"
    KINDS: ClassVar = [
        (TOTP, gettext_lazy("Authenticator app")),
        (PASSKEY, gettext_lazy("Passkey")),
        (CODES, gettext_lazy("Recovery codes")),
    ]

    id = PublicId()
    user = models.ForeignKey(User, models.CASCADE, related_name="second_factors")
    kind = models.CharField(max_length=16, choices=KINDS)
    name = models.CharField(max_length=100)
    #: TOTP: the key in base32. Passkey: the credential in base64. Codes: the hashes of unused ones.
    secret = EncryptedText()
    #: TOTP: the time step of the last accepted code. Passkey: its signature counter.
    counter = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "kind"],
                condition=models.Q(kind__in=["totp", "codes"]),
                name="one_factor_of_a_kind",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Guess(models.Model):
    """The number of failed attempts in a row: for an account, from an address, or both (see
    :mod:`.guessing`)."""

    key = models.CharField(max_length=64, primary_key=True, db_collation="C")
    failures = models.PositiveIntegerField()
    last_at = models.DateTimeField(db_index=True)
    until = models.DateTimeField()  #: no attempt is allowed before this

    def __str__(self) -> str:
        return f"{self.key}: {self.failures}"
