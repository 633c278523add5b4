"""The dialog of a board before a card moves: the inputs of the verb that leads there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from headlessly.admin.records.dialogs import VerbDialog
from headlessly.declaration import labels
from headlessly.declaration.verbs import Verb
from headlessly.nouns import Noun


class MoveDialog(VerbDialog):
    """A verb's dialog in its shortest form: for a new record it asks only for required fields, and says
    where the others come from."""

    only_required = True

    def __init__(
        self,
        verb: Verb,
        record: Noun,
        site: Any,
        url: str,
        data: Mapping[str, str] | None = None,
        *,
        target: str | None = None,
    ) -> None:
        super().__init__(verb, record, site, data)
        self.url, self.target = url, target
        if verb.chooses:  # the column in which the card was dropped says it
            del self.form.fields[verb.chooses], self.form.declared[verb.chooses]
        for other in [each for each in self.choices if each is not self.choice]:
            for name in filter(None, (other.without, other.name)):
                del self.form.fields[name], self.form.declared[name]
            self.choices.remove(other)
        if (choice := self.choice) is None:
            return
        choice.form.fields[choice.name].label = _("Or attach an existing %s") % choice.noun_named
        new = choice.new or choice.offer_new({})
        for item in new.fields.values():
            item.widget.attrs["placeholder"] = _("from this %s") % labels.noun_in_sentence(
                verb.noun
            )

    def given(self) -> dict[str, Any]:
        given = super().given()
        if self.verb.chooses and self.target:
            given[self.verb.chooses] = self.target
        return given
