"""The form: what a website asks a visitor, who becomes a lead by answering."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from headlessly.declaration.fields import (
    Integer,
    Json,
    ListWhere,
    Reference,
    Slug,
    StatusField,
    String,
    Text,
    Url,
)
from headlessly.declaration.indexes import index_of_reference
from headlessly.declaration.schema import Field
from headlessly.nouns import Noun, verb
from marketing import question_names, questions, received

logger = logging.getLogger("marketing.forms")


class Form(Noun):
    """A form on a website: whoever sends it becomes a lead, attributed to its campaign."""

    class Status(models.TextChoices):
        DRAFT = "Draft"
        PUBLISHED = "Published"
        ARCHIVED = "Archived"

    name = String("what visitors read above it", required=True)
    slug = Slug("the end of its address: /f/request-a-demo", unique=True)
    description = Text("what visitors read below its name")
    fields = Json(
        "in order: name, type (text, email, number, select, textarea, checkbox, date, url, phone), "
        "label, required, options (of a select)",
        keys=questions.FIELD_KEYS,
        kinds={
            "name": question_names.offered_names,
            "type": questions.QuestionTypes(),
            "required": "flag",
            "options": ListWhere("type", "select"),
        },
        form_help="in order. An answer fills the field that is chosen as its name, also one of your own; "
        "what has another name is kept with the lead. A question may stand there as visitors read it",
        form_value=question_names.name_questions,
    )
    campaign = Reference(
        "marketing.Campaign", "forms", "what its leads are attributed to; else utm_* decide"
    )
    status = StatusField(Status, entry=[Status.DRAFT])
    submission_count = Integer(
        "how often it was sent", default=0, editable=False, verbose_name="submissions"
    )
    redirect_url = Url("where visitors go after it; else they are thanked")

    class Surface:
        icon = "dynamic_form"
        rank = 2
        path = ("Draft", "Published")
        area = "marketing"
        columns = ("name", "status", "submission_count", "campaign", "slug")
        counts = ("submission_count",)
        facets = ("status", "campaign")
        search = ("name", "slug")
        groups = (
            ("Form", ("name", "slug", "description", "fields")),
            ("Results", ("campaign", "redirect_url", "status", "submission_count")),
        )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="form_by_created"),
            index_of_reference("campaign", name="form_by_campaign"),
        ]

    @verb(source=[Status.DRAFT, Status.ARCHIVED], target=Status.PUBLISHED)
    def publish(self) -> None:
        """Let visitors send it, from its own page and from other websites."""

    @verb(source=[Status.DRAFT, Status.PUBLISHED], target=Status.ARCHIVED)
    def archive(self) -> None:
        """Take nothing more from visitors; what came in stays."""

    @verb(
        source=Status.PUBLISHED,
        asks="questions",
        public=["name", "redirect_url"],
        sets=["submission_count"],
        receives="receive",
    )
    def submit(self) -> None:
        """Send it: the sender becomes a contact, and a lead with the form's campaign.

        The body is flat: the form's own field names and their values. Beside them may stand utm_source,
        utm_medium, utm_campaign and their like, and page, the address of the page that it is on. What else a
        website sends is kept in the log. An answer that is named like a field of the tenant's own, of leads
        or of contacts, is its value. Known contacts keep what is known of them; only what is empty is
        filled. The same answers within ten minutes are one submission. Needs no key.
        """
        self.submission_count += 1

    def receive(self, sent: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]] | None:
        """Returns the answers and the remaining input of a submission, or None if it is from a bot or a
        repetition."""
        answers, extras = received.sort_submission(self.questions(), sent)
        if str(sent.get(questions.HONEYPOT) or "").strip():
            logger.info("%s: a submission fell into the trap", self.pk)
            return None
        if not received.SentAnswers.claim(self.pk, answers, self.moment()):
            logger.info("%s: a submission was sent twice", self.pk)
            return None
        return answers, extras

    def questions(self) -> dict[str, Field]:
        """Returns the fields that a submission may have, by name."""
        return questions.submission_fields(self.fields)

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Check the fields, and that visitors of a published form can say who they are."""
        if (fields := values.get("fields", self.fields)) is not None and (
            found := questions.fields_problems(fields)
        ):
            problems["fields"] = " ".join(found)
        elif self.status == self.Status.PUBLISHED and questions.email_question(fields) is None:
            problems["fields"] = _("A published form needs an email field.")
