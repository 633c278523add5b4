"""The template of an email: its words, with places for what each record says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from crm.models.steps import TEMPLATE, check_place, fill_in
from headlessly.declaration.fields import Flag, String, Text
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.errors import did_you_mean
from headlessly.nouns import Noun

#: The nouns from whose pages emails are written: those with a contact, and the contact itself.
ABOUT = ("Lead", "Deal", "Contact")


class EmailTemplate(Noun):
    """What an email about a lead, a deal or a contact begins with."""

    name = String(required=True)
    about = String(
        "whose places it has: of a Lead, a Deal or a Contact", required=True, example="Lead",
        offers=lambda: [(each, _(each)) for each in ABOUT],
    )  # fmt: skip
    subject = String("with places such as {{contact.firstName}}", required=True)
    body = Text(
        "with places such as {{contact.firstName|there}}: after the line what is said without one",
        required=True,
    )
    is_active = Flag("whether it is offered", default=True)

    class Surface:
        icon = "drafts"
        area = "setup"
        setting = "What emails begin with"
        rank = 64
        columns = ("name", "about", "subject", "is_active")
        facets = ("about", "is_active")
        search = ("name", "subject", "body")
        ordering = ("name",)
        groups = (("Template", ("name", "about", "subject", "body", "is_active")),)

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Allow the places of the noun that it is about."""
        about = str(values.get("about", self.about))
        if about not in ABOUT:
            problems["about"] = _("Use one of %s.") % ", ".join(ABOUT) + did_you_mean(about, ABOUT)
            return
        for name in ("subject", "body"):
            if not {name, "about"} & values.keys():
                continue
            try:
                for place in TEMPLATE.findall(values.get(name, getattr(self, name)) or ""):
                    check_place(registry[about], place)
            except ValueError as problem:
                problems[name] = str(problem)

    def first_values(self, record: Record) -> dict[str, str]:
        """Returns the subject and the text of an email about ``record``, in the inputs' names."""
        # Always a text, even if it consists of a single place.
        texts = (("subject", self.subject), ("description", self.body))
        return {name: fill_in(record, f"{text} ").strip() for name, text in texts}
