"""`manage.py tenant acme --name "Acme" --admin you@example.com`: creates a tenant and a member of it.

`manage.py tenant export acme DIR`, `tenant import DIR` and `tenant move acme --to URL` copy a whole one;
`tenant delete acme-moved-...` deletes what a move has left behind.
"""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from headlessly.access import actors, tenancy
from headlessly.access.models import SLUG, Membership, Tenant, User
from headlessly.access.sign_in_emails import normalize_sign_in_email
from headlessly.context.tenant_scope import every_tenant
from headlessly.copies.process import begin_copying
from headlessly.copies.tenant_delete import delete_left_behind
from headlessly.copies.tenant_export import export_tenant
from headlessly.copies.tenant_import import import_tenant
from headlessly.copies.tenant_move import Move, SwitchFailed, run_switch
from headlessly.copies.tenant_rows import CopyRefused
from headlessly.declaration.currencies import validate_currency
from headlessly.log.names import ROLE_CHANGED
from headlessly.log.security_events import record_security_event

#: Actions on a whole tenant, each with its usage, and how many arguments follow.
COPYING = {
    "export": ("export SLUG DIR [--with-secrets]", 2),
    "import": ("import DIR [--slug NAME]", 1),
    "delete": ("delete SLUG, of a tenant that has moved", 1),
    "move": ("move SLUG --to DATABASE_URL [--on-switch COMMAND] [--limit SECONDS]", 1),
}


class Command(BaseCommand):
    help = "Make a tenant; with --admin also let somebody in, as its administrator unless said."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "words",
            nargs="+",
            metavar="SLUG",
            help="its address: acme is served at /~acme. Or: export SLUG DIR, import DIR, "
            "move SLUG --to URL, delete SLUG",
        )
        parser.add_argument("--name", help="what people call it")
        parser.add_argument("--currency", help="of a new tenant's amounts; USD unless said")
        parser.add_argument("--admin", metavar="EMAIL", help="who may do everything in it")
        parser.add_argument("--member", metavar="EMAIL", help="the same in another --role")
        parser.add_argument("--role", choices=actors.ROLES, help="of --member; rep unless said")

        copies = parser.add_argument_group("export, import, move")
        copies.add_argument(
            "--slug",
            dest="new_slug",
            metavar="NAME",
            help="what the imported tenant is called here",
        )
        copies.add_argument(
            "--with-secrets",
            action="store_true",
            help="export also secrets of webhooks, in the open, and the hashes of keys and passwords",
        )
        copies.add_argument("--to", metavar="DATABASE_URL", help="where it moves, past a pooler")
        copies.add_argument(
            "--on-switch",
            metavar="COMMAND",
            help="what tells the proxy; TENANT is in its environment",
        )
        copies.add_argument(
            "--limit", type=float, default=5, metavar="SECONDS", help="the longest stop; 5"
        )

    @every_tenant()
    def handle(self, *, words: list[str], **options: Any) -> None:
        action, *rest = words
        if action not in COPYING:
            if rest:
                raise CommandError(
                    f"{' '.join(words)}: name one tenant, or one of {', '.join(COPYING)}."
                )
            self.done: list[str] = []
            self.change_tenant(slug=action, **options)
            self.stdout.write("\n".join(self.done))  # nothing if the transaction failed
            return
        form, count = COPYING[action]
        if len(rest) != count:
            raise CommandError(f"manage.py tenant {form}")
        begin_copying()
        try:
            getattr(self, f"{action}_tenant")(*rest, **options)
        except CopyRefused as problem:
            raise CommandError(str(problem)) from None
        except OSError as problem:  # the folder or its disk
            raise CommandError(f"{problem.filename or rest[-1]}: {problem.strerror}.") from None

    def export_tenant(self, tenant: str, folder: str, *, with_secrets: bool, **_: Any) -> None:
        manifest = export_tenant(tenant, Path(folder), with_secrets=with_secrets)
        rows = sum(table["rows"] for table in manifest["tables"].values())
        self.stdout.write(
            f"{folder}: {rows:,} rows of {tenant} as of {manifest['moment']:%Y-%m-%d %H:%M:%S} UTC."
        )
        if not with_secrets:
            self.stdout.write(
                "Without secrets: no keys, passwords or invitations; webhooks are paused."
            )

    def delete_tenant(self, tenant: str, **_: Any) -> None:
        self.stdout.write(f"Deleted {tenant}: {delete_left_behind(tenant):,} rows.")

    def import_tenant(self, folder: str, *, new_slug: str | None, **_: Any) -> None:
        manifest, known = import_tenant(Path(folder), slug=new_slug)
        self.stdout.write(
            f"Made the tenant {new_slug or manifest['tenant']}, as of {manifest['moment']}."
        )
        for email in known:
            self.stdout.write(f"{email} has an account here already, and is a member by it.")

    def move_tenant(
        self, tenant: str, *, to: str | None, on_switch: str | None, limit: float, **_: Any
    ) -> None:
        if not to:
            raise CommandError("Where to? --to DATABASE_URL, of the database without a pooler.")
        switch = partial(run_switch, on_switch, tenant) if on_switch else None
        try:
            moved = Move(tenant, to, limit=limit).run(switch)
        except SwitchFailed as problem:
            raise CommandError(str(problem)) from None
        if not moved.looks:
            self.stdout.write(
                f"{tenant} had moved already, by a move that was killed. What that had still to do is done: "
                "what is left of it here is closed, and has another name."
            )
            return
        self.stdout.write(
            f"{tenant} has moved: {moved.rows:,} rows in {moved.looks} looks; it stood for "
            f"{moved.seconds:.1f} s. What is left of it here is closed."
        )

    @transaction.atomic
    def change_tenant(
        self,
        *,
        slug: str,
        name: str,
        currency: str,
        admin: str,
        member: str,
        role: str,
        **_: Any,
    ) -> None:
        if role and not member:
            raise CommandError("--role says what --member may do. Who is it?")
        tenant = Tenant.find_by_slug(slug)
        if tenant is None:
            tenant = self.make_tenant(slug, name, currency or "USD")
        elif not (admin or member):
            raise CommandError(f"There is a tenant {slug} already: {tenant.name}.")
        elif name and name != tenant.name:
            raise CommandError(f"The tenant {slug} is called {tenant.name}. Rename it at /admin/.")
        elif currency and currency != tenant.currency:
            raise CommandError(
                f"The tenant {slug} is in {tenant.currency}. Change it in its settings."
            )
        if admin:
            self.add_member(tenant, admin, actors.ADMIN)
        if member:
            self.add_member(tenant, member, role or actors.REP)

    def make_tenant(self, slug: str, name: str | None, currency: str) -> Tenant:
        for check, value in ((SLUG, slug), (validate_currency, currency)):
            try:
                check(value)
            except ValidationError as problem:
                raise CommandError(f"{value}: {problem.message}") from None
        tenant = Tenant.objects.create(slug=slug, name=name or slug.capitalize(), currency=currency)
        self.done.append(f"Made the tenant {tenant.name}, at /~{slug}/")
        return tenant

    def add_member(self, tenant: Tenant, email: str, role: str) -> None:
        try:
            email = normalize_sign_in_email(email)
        except ValidationError as problem:
            if problem.code == "look_alike":
                raise CommandError(f"{email}: {problem.messages[0]}") from None
            raise CommandError(f"{email} is not an email address.") from None
        user = User.objects.with_email(email).first()
        if user is None:
            password = secrets.token_urlsafe(12)
            # The operator vouches for the address.
            user = User.objects.create_user(email, password, email_proven_at=timezone.now())
            self.done.append(f"Made the user {user.email}, with the password {password}")
        try:
            membership, created = Membership.objects.get_or_create(
                user=user, tenant=tenant, defaults={"role": role}
            )
        except ValidationError as problem:
            raise CommandError(f"{user.email}: {problem.messages[0]}") from None
        if not created and membership.role == role:
            raise CommandError(f"{user.email} is {role} in {tenant.slug} already.")
        previous = None if created else {"role": membership.role}
        membership.role = role
        membership.save(update_fields=["role"])
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            record_security_event(ROLE_CHANGED, about=user.pk, previous=previous, role=role)
        self.done.append(f"{user.email} is {role} in {tenant.slug}.")
