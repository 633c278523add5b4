"""Tenants, users, memberships and API keys: the only tables that belong to no tenant, or make one."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from headlessly.access import actors, sign_in_emails, suggestions, tenancy
from headlessly.access.actors import Actor
from headlessly.access.encryption import hash_secret
from headlessly.access.tenant_rows import TenantRow
from headlessly.context import fiscal_year
from headlessly.context.tenant_scope import every_tenant
from headlessly.database.cluster import CLOSED, CLUSTER
from headlessly.database.prepared import fetch_by_unique
from headlessly.declaration.currencies import validate_currency
from headlessly.declaration.fields import PublicId, Reference
from headlessly.declaration.registry import registry
from headlessly.declaration.values import is_storable

SLUG = RegexValidator(
    r"\A[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?\Z",
    gettext_lazy("Use 1 to 48 small letters, digits and hyphens."),
)

#: Requests a minute with one key, unless it says otherwise.
RATE_LIMIT = 1000


class Tenant(models.Model):
    """One customer's isolated world, at ``/~{slug}``. Its number is internal: every index begins with it."""

    slug = models.CharField(gettext_lazy("slug"), max_length=48, unique=True, validators=[SLUG])
    name = models.CharField(gettext_lazy("name"), max_length=255)
    limits_reps = models.BooleanField(
        gettext_lazy("reps see only their own records"),
        default=False,
        help_text=gettext_lazy(
            "A rep then sees what they own and what nobody owns, and nothing of the others'."
        ),
    )
    currency = models.CharField(
        gettext_lazy("currency"),
        max_length=3,
        blank=True,
        default="USD",
        validators=[validate_currency],
        help_text=gettext_lazy("New amounts are in it, and sums of several are converted to it."),
    )
    fiscal_year_begins = models.PositiveSmallIntegerField(
        gettext_lazy("fiscal year begins in"),
        blank=True,
        default=fiscal_year.JANUARY,
        db_default=fiscal_year.JANUARY,
        validators=[MinValueValidator(1), MaxValueValidator(12)],
        help_text=gettext_lazy("Quarters and years are counted from this month."),
    )
    requires_second_factor = models.BooleanField(
        gettext_lazy("everybody needs a second factor"),
        default=False,
        help_text=gettext_lazy("Who has none sets one up before they get in."),
    )
    allows_own_approval = models.BooleanField(
        gettext_lazy("people may approve what they proposed themselves"), default=False
    )
    #: The stamp of its own shape, which changes with every change; 0 without one:
    #: :mod:`headlessly.declaration.shapes`.
    shape = models.BigIntegerField(default=0, db_default=0, editable=False)
    has_webhooks = models.BooleanField(default=False, editable=False)  #: whether any is active
    #: Whether anybody follows a record.
    has_followers = models.BooleanField(default=False, editable=False)
    #: Whether some of its lists are watched: :mod:`headlessly.subscriptions`.
    has_watched_views = models.BooleanField(default=False, db_default=False, editable=False)
    #: The offset that is added to the numbers of transactions in the log, and the cluster for which it holds:
    #: :mod:`headlessly.log.offsets`.
    log_offset = models.BigIntegerField(default=0, editable=False)
    log_cluster = models.CharField(
        max_length=64, db_default=RawSQL(CLUSTER, ()), editable=False, db_collation="C"
    )
    #: The moment since which the past is in the database, and the last position of the log that is not:
    #: :mod:`headlessly.log.kept`.
    past_begins = models.DateTimeField(null=True, editable=False)
    archived_to = models.CharField(max_length=40, null=True, editable=False, db_collation="C")
    choices = models.JSONField(
        gettext_lazy("suggestions"),
        default=dict,
        blank=True,
        validators=[suggestions.check_suggestions],
        help_text=gettext_lazy(
            'Its own lists where it has them: {"Lead.lostReason": ["Price", "Timing"]}.'
        ),
    )
    created_at = models.DateTimeField(gettext_lazy("created at"), auto_now_add=True)

    class Meta:
        verbose_name = gettext_lazy("tenant")
        verbose_name_plural = gettext_lazy("tenants")

    def __str__(self) -> str:
        return self.name

    @property
    def is_closed(self) -> bool:
        """Whether nobody may write here, because it moves to another database or has moved."""
        return self.log_cluster == CLOSED

    @classmethod
    def not_closed(cls) -> models.QuerySet[Tenant]:
        """Returns the tenants in which one may write."""
        return cls.objects.exclude(log_cluster=CLOSED)

    def clean(self) -> None:
        """Raise ValidationError for a change of the currency if there are exchange rates, which are given in
        it."""
        before = Tenant.objects.filter(pk=self.pk).values_list("currency", flat=True).first()
        if before in (None, self.currency):
            return
        for noun in filter(lambda noun: noun.holds_exchange_rates, registry.values()):
            with tenancy.active(self):
                count = noun._base_manager.filter(tenant=self.pk, deleted_at=None).count()
            if count:
                raise ValidationError(
                    {
                        "currency": _(
                            "There are exchange rates to %(currency)s (%(count)d). "
                            "Delete them first, then change it."
                        )
                        % {"count": count, "currency": before}
                    }
                )

    @classmethod
    def find_by_slug(cls, slug: str) -> Tenant | None:
        """Returns the tenant with this address, or None."""
        if not is_storable(slug):
            return None
        return fetch_by_unique(cls, slug=slug)


class UserManager(BaseUserManager["User"]):
    """Finds users by their email address, in its one spelling (see :mod:`.sign_in_emails`)."""

    def with_email(self, email: str) -> models.QuerySet[User]:
        """Returns the user with this address in any spelling; none for text that is no address."""
        return sign_in_emails.with_email(self.get_queryset(), email)

    def get(self, *args: Any, **kwargs: Any) -> User:
        """Uses a prepared statement for a look-up by key alone, which every request of a signed-in user
        makes."""
        if args or kwargs.keys() != {"pk"} or type(self) is not UserManager:
            return super().get(*args, **kwargs)
        if (found := fetch_by_unique(self.model, **kwargs)) is None:
            raise self.model.DoesNotExist("There is no such user.")
        return found  # type: ignore[no-any-return]

    def get_by_natural_key(self, email: str | None) -> User:
        return self.with_email(email or "").get()

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user. Raises ValidationError for text that is no address, or could be mistaken for
        another."""
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(
            email, password, **fields | {"is_staff": True, "is_superuser": True}
        )


class User(AbstractUser):
    """A person who signs in. ``is_superuser`` is the operator, who is not thereby in any tenant."""

    prefix: ClassVar[str] = "user"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    id = PublicId()
    username = None  # type: ignore[assignment]
    email = models.EmailField(gettext_lazy("email"), unique=True)
    #: When they proved that mail to this address reaches them; None for an account that somebody created and
    #: nobody proved.
    email_proven_at = models.DateTimeField(null=True, editable=False)
    #: Who made the link by which the current password was chosen, if not its owner.
    password_link_by = models.CharField(
        max_length=32, blank=True, default="", editable=False, db_collation="C"
    )
    #: Their language and time zone; empty to use the browser's.
    language = models.CharField(max_length=16, blank=True, default="", editable=False)
    time_zone = models.CharField(max_length=64, blank=True, default="", editable=False)

    objects = UserManager()  # type: ignore[misc,assignment]

    class Meta:
        verbose_name = gettext_lazy("user")
        verbose_name_plural = gettext_lazy("users")
        constraints: ClassVar = [
            models.UniqueConstraint(sign_in_emails.COMPARED, name="user_email_unique")
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    def clean(self) -> None:
        """Normalize the address, for forms. Raises ValidationError."""
        try:
            self.email = sign_in_emails.normalize_sign_in_email(self.email)
        except ValidationError as problem:
            raise ValidationError({"email": problem}) from None

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save with a normalized address. A user who becomes inactive loses all sessions and keys at once."""
        self.email = sign_in_emails.normalize_sign_in_email(self.email)
        super().save(*args, **kwargs)
        if not self.is_active:
            self.sessions.all().delete()  # type: ignore[attr-defined]  # of another room
            ApiKey.revoke_all(user=self)


class Membership(TenantRow):
    """A user's place in a tenant: what they may do there, and which contact they are."""

    ROLES: ClassVar = [
        (actors.ADMIN, gettext_lazy("Admin")),
        (actors.MANAGER, gettext_lazy("Manager")),
        (actors.REP, gettext_lazy("Rep")),
        (actors.VIEWER, gettext_lazy("Viewer")),
    ]

    user = models.ForeignKey(
        User, models.CASCADE, related_name="memberships", verbose_name=gettext_lazy("user")
    )
    tenant = models.ForeignKey(
        Tenant,
        models.CASCADE,
        related_name="memberships",
        verbose_name=gettext_lazy("tenant"),
        db_index=False,
    )
    role = models.CharField(gettext_lazy("role"), max_length=16, choices=ROLES, default=actors.REP)
    contact = Reference(
        settings.PERSON_MODEL,
        "memberships",
        "the rep as a contact: the owner of their leads",
        verbose_name=gettext_lazy("contact"),
    )
    #: Their choices of notifications and channels: :mod:`headlessly.notifications.kinds`.
    notifications = models.JSONField(default=dict, blank=True, editable=False)
    #: The part of the address of their calendar that ends with it: :mod:`headlessly.admin.calendars.feed`.
    calendar_key = models.CharField(max_length=32, default="", db_default="", editable=False)
    #: When they were last active in this tenant; other tenants are not counted.
    seen_at = models.DateTimeField(null=True, editable=False)

    #: Not limited to a tenant: a person's memberships in all of them.
    objects: ClassVar = models.Manager["Membership"]()  # type: ignore[assignment]

    class Meta:
        verbose_name = gettext_lazy("membership")
        verbose_name_plural = gettext_lazy("memberships")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "user"], name="one_membership")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save. Raises ValidationError for a contact of another tenant, and for a second tenant of an account
        whose owner has not proved it."""
        if self._state.adding and self.user.email_proven_at is None:
            elsewhere = Membership.objects.filter(user=self.user_id).exclude(tenant=self.tenant_id)
            with every_tenant():
                is_elsewhere = elsewhere.exists()
            if is_elsewhere:
                raise ValidationError(
                    {"user": _("Nobody has shown yet that this account is theirs.")}
                )
        if self.contact_id:
            person: Any = self._meta.get_field("contact").related_model
            with tenancy.active(self.tenant), actors.acting(actors.SYSTEM):
                if not person.objects.filter(pk=self.contact_id).exists():
                    raise ValidationError(
                        {"contact": _("There is no such contact in %s.") % self.tenant}
                    )
        super().save(*args, **kwargs)
        if "role" not in (kwargs.get("update_fields") or ("role",)):
            return
        # Revoke keys that may do more than the new role.
        beyond = set(actors.SCOPES) - actors.SCOPES_OF_ROLES[self.role]
        ApiKey.revoke_all(user=self.user_id, tenant=self.tenant_id, scope__in=beyond)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Remove the member, and revoke their keys."""
        ApiKey.revoke_all(user=self.user_id, tenant=self.tenant_id)
        return super().delete(*args, **kwargs)

    @classmethod
    def of_contacts(cls) -> models.QuerySet[Membership]:
        """Returns the memberships of the active tenant that are linked to a contact."""
        return cls.objects.filter(tenant=tenancy.require()).exclude(contact=None)

    @classmethod
    def find_membership(cls, user: Any, tenant: Tenant | None) -> Membership | None:
        """Returns the membership of ``user`` in ``tenant``, or None; ``tenant`` may be None."""
        if not user.is_authenticated or not user.is_active:
            return None
        # Query even without a tenant, so that the time does not reveal whether it exists.
        found: Membership | None = fetch_by_unique(
            cls, user=user.pk, tenant=tenant.pk if tenant else 0
        )
        if found is not None and tenant is not None:
            found.user, found.tenant = user, tenant  # saves two queries
        return found

    @property
    def actor(self) -> Actor:
        """The member as the one who acts in the tenant."""
        limited = self.is_limited(self.tenant)
        return Actor(self.user_id, str(self.user), self.role, self.contact_id, limited)

    def is_limited(self, tenant: Tenant) -> bool:
        """Whether they see their own records and nobody's alone, in ``tenant``, which is theirs."""
        return self.role == actors.REP and tenant.limits_reps


class ApiKey(TenantRow):
    """The credential of an integration or agent. Only a hash is stored; the key itself is shown once."""

    prefix: ClassVar[str] = "apikey"
    SCOPES: ClassVar = [
        ("read", gettext_lazy("Read")),
        ("propose", gettext_lazy("Propose")),
        ("write", gettext_lazy("Write")),
        ("admin", gettext_lazy("Admin")),
    ]

    id = PublicId()
    tenant = models.ForeignKey(
        Tenant,
        models.CASCADE,
        related_name="api_keys",
        verbose_name=gettext_lazy("tenant"),
        db_index=False,
    )
    #: The owner; the key ends with their membership. None for a service key, which its name describes.
    user = models.ForeignKey(
        User,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="api_keys",
        verbose_name=gettext_lazy("user"),
        db_index=False,
    )
    name = models.CharField(gettext_lazy("name"), max_length=255)
    scope = models.CharField(gettext_lazy("scope"), max_length=16, choices=SCOPES, default="write")
    hash = models.CharField(max_length=64, editable=False)
    hint = models.CharField(gettext_lazy("hint"), max_length=16, editable=False)
    created_at = models.DateTimeField(gettext_lazy("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(gettext_lazy("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(gettext_lazy("revoked at"), null=True, blank=True)
    last_used_at = models.DateTimeField(
        gettext_lazy("last used at"), null=True, blank=True, editable=False
    )
    rate_limit = models.PositiveIntegerField(
        gettext_lazy("rate limit"),
        default=RATE_LIMIT,
        validators=[MinValueValidator(1)],
        help_text=gettext_lazy("The most requests in a minute."),
    )

    #: Not limited to a tenant: a key is looked up before its tenant is known.
    objects: ClassVar = models.Manager["ApiKey"]()  # type: ignore[assignment]

    class Meta:
        verbose_name = gettext_lazy("API key")
        verbose_name_plural = gettext_lazy("API keys")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "hash"], name="one_key_of_a_hash")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "user"], name="key_by_user")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def issue(
        cls,
        tenant: Tenant,
        name: str,
        scope: str = "write",
        *,
        user: User | None = None,
        expires_at: datetime | None = None,
        rate_limit: int = RATE_LIMIT,
    ) -> tuple[ApiKey, str]:
        """Create a key, of ``user`` or a service key. Returns it with its secret, which nobody can read
        again."""
        secret = "hly_sk_" + secrets.token_urlsafe(32)
        key = cls.objects.create(
            tenant=tenant,
            user=user,
            name=name,
            scope=scope,
            hash=hash_secret(secret),
            hint=secret[:7] + "…" + secret[-4:],
            expires_at=expires_at,
            rate_limit=rate_limit,
        )
        return key, secret

    @classmethod
    def find_valid(cls, secret: str) -> ApiKey | None:
        """Returns the valid key with this secret, or None if it is unknown, expired or revoked."""
        with every_tenant():
            key = fetch_by_unique(cls, hash=hash_secret(secret))
        return key if key is not None and key.standing == "valid" else None

    @property
    def standing(self) -> str:
        """The status of the key: valid, expired or revoked."""
        if self.revoked_at:
            return "revoked"
        if self.expires_at and self.expires_at <= timezone.now():
            return "expired"
        return "valid"

    @property
    def actor(self) -> Actor:
        """The key as an actor. A key of a person may and sees no more than that person, who is its ``me``."""
        if self.user_id is None:
            return Actor(self.id, self.name, actors.SCOPES[self.scope])
        place = fetch_by_unique(Membership, user=self.user_id, tenant=self.tenant_id)
        if place is None:  # its person is just being removed, and the key with them
            return Actor(self.id, self.name, actors.VIEWER, None, True)
        active = tenancy.current()
        tenant = active if active is not None and active.pk == self.tenant_id else self.tenant
        role = actors.role_of_key(self.scope, place.role)
        return Actor(self.id, self.name, role, place.contact_id, place.is_limited(tenant))

    @classmethod
    @every_tenant()
    def revoke_all(cls, **conditions: Any) -> None:
        """Revoke these keys from the next request on."""
        cls.objects.filter(**conditions, revoked_at=None).update(revoked_at=timezone.now())

    def revoke(self) -> bool:
        """Revoke this key from the next request on. Returns whether it was not revoked before."""
        now = timezone.now()
        own = ApiKey.objects.filter(tenant=self.tenant_id, pk=self.pk)
        revoked = own.filter(revoked_at=None).update(revoked_at=now)
        if revoked:
            self.revoked_at = now
        return bool(revoked)


class KeyUse(models.Model):
    """How often a key was used in its current minute, counted for all processes together.

    The migration makes the table UNLOGGED: counting writes nothing to the write-ahead log and waits for no
    disk. A crash of the database empties it, and every minute begins anew.
    """

    key = models.CharField(max_length=32, primary_key=True, db_collation="C")
    since = models.DateTimeField()
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


class Presence(models.Model):
    """Who looked at a record and when. UNLOGGED like the uses of keys, because losing it does no harm."""

    pk = models.CompositePrimaryKey("tenant_id", "record", "actor")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    record = models.CharField(max_length=32, db_collation="C")
    actor = models.CharField(max_length=32, db_collation="C")
    name = models.CharField(max_length=150)
    writes = models.BooleanField(default=False)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.record}"


class IdempotentReply(models.Model):
    """The first response to a POST with an Idempotency-Key, written in the transaction of its effect.

    While that transaction runs, the row has no status and is visible only to it; a second request with the
    same key waits at the unique index.
    """

    pk = models.CompositePrimaryKey("tenant_id", "actor", "key")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    actor = models.CharField(max_length=32, db_collation="C")
    #: Hashed, because the key may contain anything of the caller's.
    key = models.CharField(max_length=64, db_collation="C")
    fingerprint = models.CharField(max_length=64, db_collation="C")  #: of the request
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant", "created_at"], name="reply_by_created")]

    def __str__(self) -> str:
        return f"{self.status} to {self.actor}"
