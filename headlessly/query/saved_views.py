"""Saved views: the filters, columns and order of a noun's list under a name, or a report about it. Also the
views that users start with, and the reports on their pages.

A view is private, or shared with the tenant by somebody whom :func:`headlessly.access.actors.may_share`
allows. A shared one belongs to the team: everybody who may share may change it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.access.tenant_rows import TenantRow
from headlessly.context.request_memory import forget_what_was_read, read_once
from headlessly.database.tenant_joins import TenantForeignKey
from headlessly.declaration.fields import PublicId
from headlessly.declaration.values import check_storable, is_storable
from headlessly.errors import Conflict, Forbidden, Invalid, NotFound
from headlessly.notifications.models import Follower

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: The kinds of views: a list, or a report made of the same filters.
LIST, REPORT = "list", "report"
#: The maximum number of reports on one person's page.
MAX_PINS = 12
#: The maximum number of views that one person can save for a noun.
MAX_VIEWS = 50
#: The maximum length of an address: some software cuts off longer ones.
MAX_QUERY = 4_000


class View(TenantRow):
    """One list with a name, in the language of its address."""

    prefix: ClassVar[str] = "view"
    NAME = 80

    id = PublicId()
    noun = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, default=LIST)
    name = models.CharField(max_length=NAME)
    query = models.TextField(blank=True)
    #: The creator; a shared view outlives them.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    shared = models.BooleanField(default=False)
    #: Whether the log has the records that enter and leave it, for anybody who follows it
    #: (:mod:`headlessly.subscriptions`).
    watched = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "tenant", "noun", "kind", "user", Lower("name"), name="view_name_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def watched_ones(cls) -> QuerySet[View]:
        """Returns the lists of the active tenant whose changes are logged."""
        return cls.objects.filter(kind=LIST, shared=True, watched=True)

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        forget_what_was_read()

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        forget_what_was_read()
        return super().delete(*args, **kwargs)

    @property
    def key(self) -> str:
        """Its name in an address."""
        return self.pk

    @property
    def mine(self) -> bool:
        return self.user_id == actors.current().id

    @property
    def may_change(self) -> bool:
        return actors.may_share(actors.current()) if self.shared else self.mine

    def change(self, **values: Any) -> None:
        """Set ``name``, ``query`` or ``shared``. Raises Forbidden, Invalid and Conflict."""
        shared = values.get("shared", self.shared)
        if not self.may_change or (
            shared != self.shared and not actors.may_share(actors.current())
        ):
            raise Forbidden(_("Managers change what the team shares; save a view of your own."))
        no_more = self.shared and not shared
        for name, value in values.items():
            setattr(self, name, value)
        if not shared:
            self.watched = False
        if not shared and self.user_id is None:
            self.user_id = actors.current().id  # otherwise nobody would see it any more
        with transaction.atomic():
            self._store()
            if no_more:
                self._followers().exclude(user=self.user_id).delete()

    def _followers(self) -> models.QuerySet[Follower]:
        return Follower.objects.filter(tenant=self.tenant_id, record=self.pk)

    def remove(self) -> None:
        """Delete it; users who started with it then start with the plain list. Raises Forbidden."""
        if not self.may_change:
            raise Forbidden(_("Managers change what the team shares."))
        with transaction.atomic():
            Start.objects.filter(tenant=self.tenant_id, noun=self.noun, view=self.pk).delete()
            self._followers().delete()
            self.delete()

    def _store(self) -> None:
        self.name = check_name(self.name)
        if len(self.query) > MAX_QUERY or not is_storable(self.query):
            raise Invalid.for_fields({"query": _("These filters are too many for one view.")})
        try:
            with transaction.atomic():
                self.save()
        except IntegrityError:
            said = _("You have a view called “%s” already.") % self.name
            raise Conflict(said, field="name") from None


class Start(TenantRow):
    """The view with which one user starts the list of one noun: a saved or a ready-made one."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    noun = models.CharField(max_length=64)
    view = models.CharField(max_length=100)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "user", "noun"], name="one_start")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} starts {self.noun} with {self.view}"


class Pin(TenantRow):
    """A report on the page of one user, at its place."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    view = TenantForeignKey(View, models.CASCADE, related_name="+", db_index=False)
    place = models.PositiveSmallIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "user", "view"], name="one_pin")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} has {self.view_id} at {self.place}"


def _visible(kind: str) -> models.QuerySet[View]:
    mine = Q(user=actors.current().id) | Q(shared=True)
    return View.objects.filter(mine, kind=kind).order_by(Lower("name"), "pk")


def visible_lists() -> models.QuerySet[View]:
    """Returns the views of lists that the actor may use, in all nouns: their own and the shared ones, by
    name."""
    return _visible(LIST)


def visible_views(noun: type[Record]) -> list[View]:
    """Returns those of one noun."""
    return list(visible_lists().filter(noun=noun.__name__))


def get_view(id: str) -> View:
    """Returns one view of a list. Raises NotFound, also for somebody else's private view."""
    return _only(_visible(LIST).filter(pk=id))


@read_once
def watched_views() -> dict[str, tuple[str, str]]:
    """Returns the noun and the name of each watched view, by its id: there are at most a hundred."""
    return {
        id: (noun, name) for id, noun, name in View.watched_ones().values_list("pk", "noun", "name")
    }


def visible_reports() -> list[View]:
    """Returns the reports that the actor may use, in all nouns, by name."""
    return list(_visible(REPORT))


def get_report(id: str) -> View:
    """Returns one report. Raises NotFound, also for somebody else's private one."""
    return _only(_visible(REPORT).filter(pk=id))


def _only(found: models.QuerySet[View]) -> View:
    if (view := found.first()) is None:
        raise NotFound(_("There is no such view any more."), type="View")
    return view


def save_view(
    noun: type[Record], name: str, query: str, *, shared: bool = False, kind: str = LIST
) -> View:
    """Create a view of the actor's. Raises Invalid, Conflict and Forbidden."""
    actor = actors.current()
    if shared and not actors.may_share(actor):
        raise Forbidden(_("Managers share views with the team."))
    check_name(name)
    mine = View.objects.filter(noun=noun.__name__, kind=kind, user=actor.id)
    if mine.count() >= MAX_VIEWS:
        raise Conflict(_("You have %d views of these: delete one first.") % MAX_VIEWS)
    view = View(
        tenant=tenancy.require(),
        noun=noun.__name__,
        kind=kind,
        user_id=actor.id,
        name=name,
        query=query,
        shared=shared,
    )
    view._store()
    return view


def check_name(name: str) -> str:
    """Returns a name that can be stored, stripped. Raises Invalid."""
    name = name.strip()
    try:
        check_storable(name)
    except ValueError as problem:
        raise Invalid.for_fields({"name": str(problem)}) from None
    if not 0 < len(name) <= View.NAME:
        said = _("Give it a name of at most %d characters.") % View.NAME
        raise Invalid.for_fields({"name": said})
    return name


def start_view_of(noun: type[Record]) -> str:
    """Returns the key of the view with which the actor starts, or an empty string."""
    mine = Start.objects.filter(user=actors.current().id, noun=noun.__name__)
    return next(iter(mine.values_list("view", flat=True)), "")


def set_start_view(noun: type[Record], key: str) -> None:
    """Start with this view from now on; with the plain list if ``key`` is empty."""
    who: dict[str, Any] = {
        "tenant": tenancy.require(),
        "user_id": actors.current().id,
        "noun": noun.__name__,
    }
    if key:
        Start.objects.update_or_create(**who, defaults={"view": key})
    else:
        Start.objects.filter(**who).delete()


# -- reports on a page of one's own --------------------------------------------------------------------------


def _my_pins() -> models.QuerySet[Pin]:
    return Pin.objects.filter(user=actors.current().id).order_by("place", "pk")


def pinned_reports() -> list[View]:
    """Returns the reports on the actor's page in order, without those that are no longer shared."""
    visible = _visible(REPORT).values("pk")
    return [pin.view for pin in _my_pins().filter(view__in=visible).select_related("view")]


def pin_report(view: View) -> None:
    """Put a report at the end of the actor's page. Raises Conflict if it is full."""
    places = list(_my_pins().values_list("view", "place"))
    if view.pk in dict(places):
        return
    if len(places) >= MAX_PINS:
        raise Conflict(_("There are %d reports on your page: take one away first.") % MAX_PINS)
    last = max((place for _view, place in places), default=0)
    user = actors.current().id
    Pin.objects.create(tenant=tenancy.require(), user_id=user, view=view, place=last + 1)


def unpin_report(view: View) -> None:
    """Remove a report from the actor's page."""
    _my_pins().filter(view=view).delete()


def move_report(view: View, steps: int) -> None:
    """Move a report on the actor's page down by ``steps``, or up if negative."""
    with transaction.atomic():
        shown = {pinned.pk for pinned in pinned_reports()}
        pins = [pin for pin in _my_pins().select_for_update() if pin.view_id in shown]
        at = next((n for n, pin in enumerate(pins) if pin.view_id == view.pk), None)
        if at is None:
            return
        pins.insert(min(max(at + steps, 0), len(pins) - 1), pins.pop(at))
        for place, pin in enumerate(pins, 1):
            pin.place = place
        Pin.objects.bulk_update(pins, ["place"])


__all__ = [
    "LIST",
    "MAX_PINS",
    "MAX_VIEWS",
    "REPORT",
    "Pin",
    "Start",
    "View",
    "check_name",
    "get_report",
    "get_view",
    "move_report",
    "pin_report",
    "pinned_reports",
    "save_view",
    "set_start_view",
    "start_view_of",
    "unpin_report",
    "visible_lists",
    "visible_reports",
    "visible_views",
]
