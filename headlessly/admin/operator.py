"""The operator's pages at ``/admin/``: tenants, users, memberships, keys. No tenant's records."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import action, display
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import Count, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Membership, Tenant, User
from headlessly.accounts.entering import is_confirmed
from headlessly.accounts.factors import remove_all
from headlessly.accounts.keys import issue_key, revoke_key
from headlessly.accounts.passwords import change_password
from headlessly.accounts.sessions import end_sessions
from headlessly.admin import display as words
from headlessly.admin.account import pages as account_pages
from headlessly.admin.controls import Text
from headlessly.admin.installation import installation_view
from headlessly.admin.settings.member_forms import find_contact_id
from headlessly.admin.sites import Site, menu_item
from headlessly.contents.models import ContentUse
from headlessly.context.tenant_scope import every_tenant
from headlessly.log.names import MEMBER_REMOVED, ROLE_CHANGED, SESSIONS_ENDED, SETTINGS_CHANGED
from headlessly.log.security_events import record_of_person, record_security_event
from headlessly.transfer import storage
from headlessly.web import csp
from headlessly.web.sign_in import redirect_to_sign_in, sign_in_url


class OperatorSite(Site):
    """The site for superusers, who are not members of a tenant by that alone."""

    def refused(self, request: HttpRequest) -> HttpResponse | None:
        if not request.user.is_authenticated:
            return redirect_to_sign_in(request)
        if not (request.user.is_active and request.user.is_superuser):
            raise Http404
        user: Any = request.user
        # The actor has no tenant: what they do is logged in the tenant that it is done to.
        actors.enter(actors.Actor(user.pk, str(user), actors.ADMIN))
        if account_pages.is_own_page(request) or is_confirmed(request):
            return None
        return account_pages.ask_to_confirm(request)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Guards Unfold's own pages, which need Alpine and read across tenants."""
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            with every_tenant():
                response = guarded(request, *args, **kwargs)
                if isinstance(response, TemplateResponse):
                    response.render()  # the template reads, too
            response.headers.setdefault(csp.HEADER, csp.WITH_ALPINE)
            return response

        return inner

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return super().each_context(request) | {
            "alpine": True,
            "site_title": _("Operator"),
            "site_header": _("Operator"),
            "site_symbol": "admin_panel_settings",
        }

    def account_links(self, request: HttpRequest) -> list[dict[str, str]]:
        tenants = {"title": _("Tenants of mine"), "link": f"{sign_in_url(request)}?choose=1"}
        return [*super().account_links(request), tenants]

    def get_urls(self) -> list[Any]:
        page = self.page("installation/", installation_view, "installation")
        return [page, *super().get_urls()]

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        icons = {Tenant: "domain", User: "person", Membership: "badge", ApiKey: "key"}
        titles = {model: capfirst(str(model._meta.verbose_name_plural)) for model in icons}
        items = [
            menu_item(request, titles[model], icon, words.page_url(model, "changelist"))
            for model, icon in icons.items()
        ]
        installation = reverse("admin:installation")
        items.append(menu_item(request, _("Installation"), "monitor_heart", installation))
        return [{"items": items}]


operator = OperatorSite(name="admin")


class OperatorAdmin(ModelAdmin):
    """Base of the four admins."""

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Renders a form with a single save button: nobody creates tenants and accounts by the dozen."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)


class TenantAdmin(OperatorAdmin):
    list_display = ("name", "address", "members", "kept_by_imports", "kept_by_files", "created_at")
    search_fields = ("name", "slug")
    ordering = ("name",)
    exclude = ("choices",)  # the tenant's admins have a page for them: Settings, Lists of values

    def get_queryset(self, request: HttpRequest) -> Any:
        found = super().get_queryset(request).annotate(member_count=Count("memberships"))
        files = ContentUse.objects.filter(tenant=OuterRef("pk")).values("bytes")
        return found.annotate(kept_bytes=storage.kept_by_imports(), file_bytes=Subquery(files))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # The slug is part of every address outside.
        return ("slug", "created_at") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=gettext_lazy("Imports keep"), ordering="kept_bytes")
    def kept_by_imports(self, tenant: Any) -> str:
        kept = words.number(round(tenant.kept_bytes / storage.MEGABYTE))
        return _("%(kept)s of %(quota)s MB") % {"kept": kept, "quota": settings.IMPORT_QUOTA_MB}

    @display(description=gettext_lazy("Files take"), ordering="file_bytes")
    def kept_by_files(self, tenant: Any) -> str:
        kept = words.number(round((tenant.file_bytes or 0) / storage.MEGABYTE))
        return _("%(kept)s of %(quota)s MB") % {"kept": kept, "quota": settings.FILES_QUOTA_MB}

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        before = (
            Tenant.objects.filter(pk=obj.pk).values(*form.changed_data).first() if change else {}
        )
        super().save_model(request, obj, form, change)
        now = {name: getattr(obj, name) for name in form.changed_data}
        if change and now:
            with tenancy.active(obj):
                record_security_event(SETTINGS_CHANGED, previous=before, **now)

    @display(description=gettext_lazy("Address"), ordering="slug")
    def address(self, tenant: Tenant) -> str:
        return f"/~{tenant.slug}"

    @display(description=gettext_lazy("Members"), ordering="member_count")
    def members(self, tenant: Any) -> int:
        return tenant.member_count


class NewPasswordForm(AdminPasswordChangeForm):
    """Sets a password; its owner is told as after every other change."""

    def save(self, commit: bool = True) -> User:
        operator_id = actors.current().id
        change_password(self.user, self.cleaned_data["password1"], link_by=operator_id)
        return self.user


class NewUser(UserCreationForm):
    class Meta:
        model = User
        fields = ("email",)


class UserAdmin(DjangoUserAdmin, OperatorAdmin):
    form, add_form, change_password_form = UserChangeForm, NewUser, NewPasswordForm
    actions = ("sign_out_users", "remove_second_factors")
    list_display = ("email", "first_name", "last_name", "is_superuser", "is_active", "last_login")
    list_filter = ("is_superuser", "is_active")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "password", "first_name", "last_name")}),
        (gettext_lazy("Rights"), {"fields": ("is_active", "is_superuser")}),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "first_name", "last_name", "password1", "password2")}),
        (gettext_lazy("Rights"), {"fields": ("is_superuser",)}),
    )
    readonly_fields = ("last_login", "date_joined")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "is_superuser":
            field.label = _("Operator")
            field.help_text = _("May see these pages. Being one lets nobody into a tenant.")
        return field

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.email_proven_at = timezone.now()  # the operator vouches for it
        super().save_model(request, obj, form, change)

    @action(description=gettext_lazy("Sign out of every browser"))
    def sign_out_users(self, request: HttpRequest, queryset: Any) -> None:
        for user in queryset:
            record_of_person(SESSIONS_ENDED, user, count=end_sessions(user))
        messages.success(request, _("They are signed out."))

    @action(description=gettext_lazy("Remove second factors, of who has lost theirs"))
    def remove_second_factors(self, request: HttpRequest, queryset: Any) -> None:
        for user in queryset:
            remove_all(user)
            end_sessions(user)
        messages.success(request, _("They sign in with their password alone."))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The log refers to users for ever. Who leaves is made inactive.
        return False


class MembershipForm(forms.ModelForm):
    """Looks the contact up within the tenant, so that another tenant's cannot be chosen."""

    person = Text(
        required=False,
        label=gettext_lazy("Contact"),
        help_text=gettext_lazy("Email or id of the contact in this tenant who this user is."),
    )

    class Meta:
        model = Membership
        fields = ("user", "tenant", "role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and self.instance.contact_id:
            self.fields["person"].initial = self.instance.contact_id

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        user = data.get("user") if self.instance.pk is None else None
        if user is not None and user.email_proven_at is None and user.memberships.exists():
            self.add_error("user", _("Nobody has shown yet that this account is theirs."))
        wanted, tenant = data.get("person", "").strip(), data.get("tenant") or self.instance.tenant
        data["contact_id"] = None
        if wanted and tenant:
            with tenancy.active(tenant), actors.acting(actors.SYSTEM):
                data["contact_id"] = find_contact_id(wanted)
            if data["contact_id"] is None:
                said = _("%(tenant)s has no contact %(wanted)s.")
                self.add_error("person", said % {"tenant": tenant, "wanted": wanted})
        return data

    def save(self, commit: bool = True) -> Membership:
        self.instance.contact_id = self.cleaned_data["contact_id"]
        return super().save(commit)


class MembershipAdmin(OperatorAdmin):
    form = MembershipForm
    list_display = ("user", "tenant", "role", "contact_id")
    list_filter = ("role",)
    list_select_related = ("user", "tenant")
    search_fields = ("user__email", "tenant__name", "tenant__slug")
    autocomplete_fields = ("user", "tenant")
    fields = ("user", "tenant", "role", "person")
    ordering = ("tenant__name", "user__email")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("user", "tenant") if obj else ()

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        before: Any = Membership.objects.filter(pk=obj.pk).values("role", "contact").first()
        super().save_model(request, obj, form, change)
        now = {"role": obj.role, "contact": obj.contact_id}
        if now != before:
            with tenancy.active(obj.tenant):
                record_security_event(ROLE_CHANGED, about=obj.user_id, previous=before, **now)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        with tenancy.active(obj.tenant):
            record_security_event(MEMBER_REMOVED, about=obj.user_id, role=obj.role)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for member in queryset:  # one by one: each one's keys end with it
            self.delete_model(request, member)


class ApiKeyAdmin(OperatorAdmin):
    """Keys are issued and revoked, never changed. The secret is shown once, in the response that issues
    the key."""

    list_display = ("name", "tenant", "scope", "hint", "created_at", "last_used_at", "standing")
    list_filter = ("scope",)
    list_select_related = ("tenant",)
    search_fields = ("name", "tenant__name", "tenant__slug")
    autocomplete_fields = ("tenant",)
    fields = ("tenant", "name", "scope", "expires_at", "rate_limit")
    ordering = ("-created_at",)
    actions = None
    change_form_outer_after_template = "headlessly/operator/revoke.html"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        known = ("hint", "created_at", "last_used_at", "revoked_at") if obj else ()
        return (*self.fields, *known)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=gettext_lazy("Now"))
    def standing(self, key: ApiKey) -> str:
        return words.key_standing_html(key)

    def get_urls(self) -> list[Any]:
        revoke = self.admin_site.admin_view(self.revoke_view)
        own = path("<str:id>/revoke/", revoke, name="headlessly_apikey_revoke")
        return [own, *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        values = dict(form.cleaned_data)
        with tenancy.active(values.pop("tenant")):
            key, secret = issue_key(**values, service=True)
        obj.__dict__.update(key.__dict__)
        vars(request)["issued_secret"] = secret

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None) -> Any:
        """Shows the secret. It is stored nowhere else, not even in a session."""
        return operator.respond(
            request,
            "operator/issued",
            _("API key “%s”") % obj.name,
            opts=self.opts,
            key=obj,
            secret=vars(request)["issued_secret"],
            back=reverse("admin:headlessly_apikey_changelist"),
        )

    @method_decorator(require_POST)
    def revoke_view(self, request: HttpRequest, id: str) -> HttpResponse:
        key = get_object_or_404(ApiKey.objects.select_related("tenant"), pk=id)
        if key.standing != "revoked":
            with tenancy.active(key.tenant):
                revoke_key(key)
            messages.success(request, _("Revoked. Whoever uses this key is refused from now on."))
        return redirect("admin:headlessly_apikey_change", id)


operator.register(Tenant, TenantAdmin)
operator.register(User, UserAdmin)
operator.register(Membership, MembershipAdmin)
operator.register(ApiKey, ApiKeyAdmin)
