"""Limits the storage of a tenant's imports: their files until they are finished, and the refused rows."""

from __future__ import annotations

from django.conf import settings
from django.db.models import BigIntegerField, Case, Exists, F, OuterRef, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.errors import Conflict
from headlessly.transfer.models import Import, ImportPart

MEGABYTE = 1024 * 1024
#: The maximum size of refused rows of one import, in bytes: with reasons, a few bytes of a file become
#: hundreds.
MOST_REFUSED = 64 * MEGABYTE


class TooManyRefusals(Exception):
    """An import has more refused rows than can be kept."""


def kept_by_imports() -> Coalesce:
    """Returns the bytes that the imports of a tenant occupy, as a column of tenants."""
    file = Exists(ImportPart.objects.filter(tenant=OuterRef("tenant"), source=OuterRef("pk")))
    size = Case(When(file, then=F("size")), default=Value(0)) + F("refused_bytes")
    of_tenant = Import.objects.filter(tenant=OuterRef("pk")).order_by().values("tenant")
    found = of_tenant.annotate(kept=Sum(size)).values("kept")
    return Coalesce(Subquery(found), Value(0), output_field=BigIntegerField())


def refuse_over_quota(size: int) -> None:
    """Raise Conflict if the active tenant has no room for a file of so many bytes."""
    quota = settings.IMPORT_QUOTA_MB * MEGABYTE
    tenant = Tenant.objects.filter(pk=tenancy.require().pk)
    kept = tenant.values_list(kept_by_imports(), flat=True).get()
    if kept + size > quota:
        raise Conflict(
            _(
                "The imports of this tenant keep %(kept)s of %(quota)s MB already. Wait until some are done, "
                "or cancel them; refused rows are forgotten after 30 days."
            )
            % {"kept": kept // MEGABYTE, "quota": settings.IMPORT_QUOTA_MB},
            type="Import",
            code="quota",
        )
