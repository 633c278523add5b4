"""Followed records by REST: which the person who asks is told of, and following them."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.serializers import BooleanField, CharField

from headlessly.access import actors
from headlessly.access.models import Membership
from headlessly.api.base import ResourceViewSet, refuse_key_that_reads
from headlessly.api.bodies import ApiResponse
from headlessly.api.describing import answers
from headlessly.api.json_schema import TEXT
from headlessly.api.log import paginate
from headlessly.api.serializers import KindSerializer, SchemaField, refuse_body
from headlessly.declaration.registry import noun_of
from headlessly.errors import NotFound
from headlessly.notifications import following, inbox
from headlessly.nouns import Noun

KIND = "Following"


class FollowingSerializer(KindSerializer):
    kind = KIND
    meta: ClassVar = {"$context": SchemaField(TEXT, source="*")}

    record = CharField(help_text="The id of the record.")
    record_type = CharField()
    name = CharField(help_text="What it is called; empty where you see it no more.")
    following = BooleanField(help_text="Whether you are told of what becomes of it.")


class FollowingViewSet(ResourceViewSet):
    """One's own: a key's are those of the person whose it is. The id is that of a record."""

    word, tag, is_refused = "following", "Notification", True
    ids: ClassVar = {
        "id": TEXT | {"examples": ["lead_7hqtm2XLwPhY"], "description": "The id of a record."}
    }

    @answers(FollowingSerializer, many=True)
    def list(self, request: Request) -> ApiResponse:
        """The records that you follow, by their ids."""
        return ApiResponse(list_followed(self.asked))

    @answers(FollowingSerializer)
    def retrieve(self, request: Request, id: str) -> ApiResponse:
        """Whether you follow a record."""
        member = inbox.require_member()
        record = _seen_record(member, id)
        return _answer(record, following.is_following(member.user_id, record.pk))

    @answers(FollowingSerializer)
    @action(detail=True, methods=["post"])
    def follow(self, request: Request, id: str) -> ApiResponse:
        """Be told from now on of what becomes of a record."""
        member = _writing(request)
        record = _seen_record(member, id)
        following.follow(member.user_id, record.pk)
        return _answer(record, True)

    @answers(FollowingSerializer)
    @action(detail=True, methods=["post"])
    def unfollow(self, request: Request, id: str) -> ApiResponse:
        """Be told no more."""
        member = _writing(request)
        if not following.is_following(member.user_id, id):
            return _answer(_seen_record(member, id), False)
        following.unfollow(member.user_id, id)
        # Also of one that they see no more: then without its name.
        return ApiResponse(_said(id, _names(member, [id]).get(id, ""), False))


def list_followed(asked: dict[str, Any]) -> dict[str, Any]:
    """A page of the records that the person who asks follows, by their ids."""
    member = inbox.require_member()
    found = following.followed_by(member.user_id)
    page = paginate(found, lambda each: each.record, **asked)
    names = _names(member, page["results"])
    return page | {"results": [_said(id, names.get(id, ""), True) for id in page["results"]]}


def _names(member: Membership, ids: list[str]) -> dict[str, str]:
    """What those of these records are called that the member sees; one query a noun."""
    by_noun: dict[type[Noun], list[str]] = {}
    for id in ids:
        if (noun := noun_of(id)) is not None:
            by_noun.setdefault(noun, []).append(id)
    with actors.acting(member.actor):
        return {
            record.pk: str(record)
            for noun, here in by_noun.items()
            for record in noun.objects.filter(pk__in=here)
        }


def _seen_record(member: Membership, id: str) -> Noun:
    """The record with this id. Raises NotFound, also for one that the member does not see."""
    noun = noun_of(id)
    with actors.acting(member.actor):
        found = noun.objects.filter(pk=id).first() if noun is not None else None
    if found is None:
        raise NotFound(f"There is no record {id[:64]}.", type=KIND, id=id[:64])
    return found


def _writing(request: Request) -> Membership:
    refuse_body(request.data, KIND)
    refuse_key_that_reads(KIND)
    return inbox.require_member()


def _answer(record: Noun, follows: bool) -> ApiResponse:
    return ApiResponse(_said(record.pk, str(record), follows))


def _said(id: str, name: str, follows: bool) -> dict[str, Any]:
    noun = noun_of(id)
    said = {"record": id, "record_type": noun.__name__ if noun else "", "name": name}
    return FollowingSerializer.to_json(said | {"following": follows})
