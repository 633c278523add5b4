"""Saved views by REST: those that the person who asks may use, and following them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.serializers import BooleanField, CharField

from headlessly.access import actors
from headlessly.access.models import Membership
from headlessly.api.base import TaggedViewSet, refuse_key_that_reads
from headlessly.api.bodies import ApiResponse
from headlessly.api.describing import answers
from headlessly.api.json_schema import TEXT, nullable
from headlessly.api.log import paginate
from headlessly.api.parameters import PAGE
from headlessly.api.serializers import Moment, ResourceSerializer, SchemaField, refuse_body
from headlessly.declaration.registry import registry
from headlessly.errors import Forbidden, InvalidFilter, did_you_mean
from headlessly.notifications import inbox
from headlessly.query import saved_views
from headlessly.query.saved_views import View
from headlessly.subscriptions import following

OF_NOUN = TEXT | {"examples": ["Lead"], "description": "Only those of it."}


class ViewSerializer(ResourceSerializer):
    kind, prefix = "View", View.prefix
    meta: ClassVar = {
        "$createdAt": Moment(source="created_at"),
        "$updatedAt": Moment(source="updated_at"),
    }

    name = CharField()
    noun = CharField()
    query = CharField(help_text="What the address of its list says: filters, columns, order.")
    shared = BooleanField(help_text="False: only whoever made it has it.")
    watched = BooleanField(
        help_text="Whether View.Entered and View.Left are in the log, whoever follows it."
    )
    following = SchemaField(
        nullable({"type": "boolean"}),
        help_text="Whether you are told of what enters and leaves it; null for a key that is nobody's.",
    )
    problem = SchemaField(
        nullable(TEXT), help_text="Why it is not looked at, though somebody follows it; else null."
    )


class ViewViewSet(TaggedViewSet):
    """One's own views of lists, and the shared ones: a key's are those of the person whose it is."""

    kind, word, tag = "View", "view", "View"
    untagged: ClassVar = ("problem",)

    @answers(ViewSerializer, many=True, parameters={"noun": OF_NOUN})
    def list(self, request: Request) -> ApiResponse:
        """The saved views that you may use, by name: your own and the shared ones."""
        return ApiResponse(list_views(self.asked))

    @answers(ViewSerializer)
    def retrieve(self, request: Request, id: str) -> ApiResponse:
        """One of them."""
        return ApiResponse(self.shown(id))

    def shown(self, id: str) -> dict[str, Any]:
        with _as_person() as member:
            return _said_of(saved_views.get_view(id), member)

    @answers(ViewSerializer)
    @action(detail=True, methods=["post"])
    def follow(self, request: Request, id: str) -> ApiResponse:
        """Be told from now on of the records that enter a view and leave it. What is in it now is no news. A
        422 that names `query` for one of too many records."""
        with _writing(request) as member:
            view = saved_views.get_view(id)
            following.follow(view, _somebody(member))
            return _answer(view, member)

    @answers(ViewSerializer)
    @action(detail=True, methods=["post"])
    def unfollow(self, request: Request, id: str) -> ApiResponse:
        """Be told no more."""
        with _writing(request) as member:
            view = saved_views.get_view(id)
            following.unfollow(view, _somebody(member))
            return _answer(view, member)

    @answers(ViewSerializer)
    @action(detail=True, methods=["post"])
    def watch(self, request: Request, id: str) -> ApiResponse:
        """Have View.Entered and View.Left in the log, and sent to webhooks, whoever follows it. For managers,
        of a view that is shared."""
        return self._watch(request, id, True)

    @answers(ViewSerializer)
    @action(detail=True, methods=["post"])
    def unwatch(self, request: Request, id: str) -> ApiResponse:
        """Have them there only while somebody follows it."""
        return self._watch(request, id, False)

    @staticmethod
    def _watch(request: Request, id: str, watched: bool) -> ApiResponse:
        actor = actors.current()
        with _writing(request) as member:
            view = saved_views.get_view(id)
            with actors.acting(actor):  # what a key may share, its scope says
                following.watch(view, watched=watched)
            return _answer(view, member)


def list_views(asked: dict[str, Any]) -> dict[str, Any]:
    """A page of the views that the person who asks may use, by name."""
    with _as_person() as member:
        found = saved_views.visible_lists()
        if (noun := asked.get("noun")) is not None:
            if noun not in registry:
                said = f"noun: use one of {', '.join(registry)}.{did_you_mean(noun, registry)}"
                raise InvalidFilter(said, field="noun")
            found = found.filter(noun=noun)
        asked_page = {name: asked[name] for name in PAGE if name in asked}
        page = paginate(found, lambda view: view, of=noun or "", **asked_page)
        states = following.states_of(page["results"], member)
        return page | {"results": [_said(view, states) for view in page["results"]]}


def _answer(view: View, member: Membership | None) -> ApiResponse:
    return ApiResponse(_said_of(view, member))


def _said_of(view: View, member: Membership | None) -> dict[str, Any]:
    return _said(view, following.states_of([view], member))


def _said(view: View, states: dict[str, following.State]) -> dict[str, Any]:
    view.following, view.problem = states[view.pk]  # type: ignore[attr-defined]
    return ViewSerializer.to_json(view)


@contextmanager
def _as_person() -> Iterator[Membership | None]:
    """The block as the person who asks, or whose key does; with None as a key that is nobody's."""
    try:
        member = inbox.require_member()
    except Forbidden:
        yield None
        return
    with actors.acting(member.actor):
        yield member


@contextmanager
def _writing(request: Request) -> Iterator[Membership | None]:
    """The same where something changes, without a body. Raises Forbidden for a key that only reads."""
    refuse_body(request.data, "View")
    refuse_key_that_reads("View")
    with _as_person() as member:
        yield member


def _somebody(member: Membership | None) -> Membership:
    """The member who follows. Raises Forbidden."""
    if member is None:
        raise Forbidden(
            "People follow views, and this key is nobody's: use one that a member made for themselves, or "
            "`watch`, which has it in the log and sends it to webhooks.",
            type="View",
        )
    return member
