"""What a board asks before a card moves: the inputs of the verb that leads there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.admin import display
from headlessly.admin.forms import DeclaredForm, Input, sent

if TYPE_CHECKING:
    from headlessly.declaration.verbs import Verb


@dataclass
class Asking:
    """A verb about to be done to the record of a card."""

    name: str
    label: str
    url: str
    text: str = ""
    form: DeclaredForm | None = None
    new: DeclaredForm | None = None  #: the fields of a new record in place of an existing one
    new_of: str = ""

    @property
    def dialog(self) -> str:
        return f"do-{self.name}"


def fill(button: Asking, verb: Verb, site: Any, data: Any = None) -> None:
    """Give the button the inputs of its verb, with what was typed before."""
    button.label = f"{display.verb_label(verb)}…"
    inputs = list(verb.inputs.values())
    button.form = DeclaredForm(inputs, site, data=data, id=verb.name, parent=button.dialog)
    button.form.suggest(verb.noun)
    for given in inputs:
        if given.new:
            other = verb.noun.registry[given.to]
            button.new_of = display.noun_in_sentence(other)
            button.form.fields[given.name].label = _("Or attach an existing %s") % button.new_of
            fields = [f for f in other.schema.inputs() if f.required]
            button.new = DeclaredForm(fields, site, data=data, id=f"{verb.name}_new")
            button.new.prefix = given.name
            for name in button.new.fields:
                item: Input = button.new.fields[name]
                item.widget.attrs.pop("aria-required", None)
                item.widget.attrs["placeholder"] = _("from this %s") % display.noun_in_sentence(
                    verb.noun
                )


def read(verb: Verb, form: DeclaredForm, new: DeclaredForm | None) -> dict[str, Any]:
    """What a dialog sent: an existing record where one was chosen, else what a new one shall be."""
    given = {name: value for name, value in form.given().items() if value != ""}
    if new is not None and not given.get(new.prefix):
        inner = {
            name: sent(item, new.data[key])
            for name, item in new.declared.items()
            if new.data.get(key := f"{new.prefix}-{name}", "").strip()
        }
        if inner:
            given[new.prefix] = inner
    return given
