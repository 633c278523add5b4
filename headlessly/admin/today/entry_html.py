"""Renders the entries of the day without a template: there are dozens, with up to four forms each."""

from __future__ import annotations

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.html import conditional_escape as escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from headlessly.admin.field_values import tel_html
from headlessly.admin.notification_pages import later_choices
from headlessly.admin.today.agenda import AgendaPart, Entry


class EntryWriter:
    """Writes entries. What they share is rendered once. ``here`` is the page to return to."""

    def __init__(self, request: HttpRequest, here: str) -> None:
        csrf = f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">'
        self.begin_done = f'{csrf}<input type="hidden" name="back" value="{escape(here)}'
        self.next = escape("&next=" if "?" in here else "?next=")
        take, later = escape(reverse("admin:take")), escape(reverse("admin:put_off"))
        back = f'{csrf}<input type="hidden" name="back" value="{escape(here)}">'
        self.begin_take = f'<form method="post" action="{take}" data-live>{back}'
        self.begin_later = f'method="post" action="{later}" data-live>{back}'
        self.choices = "".join(
            f'<button name="until" value="{escape(value)}">{escape(said)}</button>'
            for value, said in later_choices()
        )
        self.typed = (
            '<input type="text" name="until" required maxlength="100" autocomplete="off" '
            f'placeholder="{escape(_("fri 9, 3.12., in 5 days"))}" aria-label="{escape(_("Another day"))}">'
        )
        self.done, self.take, self.later = map(escape, (_("Done"), _("Take it"), _("Later")))
        self.put_off, self.also = _("Put off: %(name)s"), _("also: %(reasons)s")

    def write(self, part: AgendaPart) -> SafeString:
        """Returns the entries of one reason."""
        return mark_safe("".join(self._entry(each, part.reason.moment) for each in part.entries))

    def _entry(self, entry: Entry, moment: str) -> str:
        name, ref = escape(entry.name), escape(entry.ref)
        record = f'<input type="hidden" name="record" value="{ref}">'
        acts = []
        if entry.done is not None:
            acts.append(self._done(entry, name))
        if entry.may_take:
            acts.append(f"{self.begin_take}{record}{_button('t', self.take, name)}</form>")
        if entry.may_put_off:
            acts.append(
                self._later(entry, f'{record}<input type="hidden" name="moment" value="{moment}">')
            )
        return (
            f'<li data-entry="{ref}"><span class="what"><a class="name" href="{escape(entry.url)}">{name}</a>'
            f'{self._below(entry)}</span> <span class="when">{escape(entry.when)}</span> '
            f'<span class="acts">{" ".join(acts)}</span></li>\n'
        )

    def _below(self, entry: Entry) -> str:
        call = tel_html(entry.call) if entry.call else ""
        said = " · ".join(map(escape, filter(None, (entry.below, call, entry.owner))))
        also = self.also % {"reasons": ", ".join(entry.also)} if entry.also else ""
        return (f"<small>{said}</small>" if said else "") + (
            f'<small class="also">{escape(also)}</small>' if also else ""
        )

    def _done(self, entry: Entry, name: str) -> str:
        following = f"{self.next}{escape(entry.about)}" if entry.about else ""
        inputs = "".join(
            f'<input type="hidden" name="{escape(input)}" value="{escape(value)}">'
            for input, value in entry.done_inputs
        )
        return (
            f'<form method="post" action="{escape(entry.done_url)}" data-live>{self.begin_done}{following}">'
            f"{inputs}{_button('d', self.done, name)}</form>"
        )

    def _later(self, entry: Entry, about: str) -> str:
        label = escape(self.put_off % {"name": entry.name})
        return (
            '<details class="menu"><summary class="btn plain small" data-does="s" aria-keyshortcuts="s" '
            f'aria-label="{label}">{self.later}</summary><div>'
            f"<form {self.begin_later}{about}{self.choices}</form>"
            f'<form class="typed" {self.begin_later}{about}{self.typed}</form></div></details>'
        )


def _button(key: str, label: str, name: str) -> str:
    return (
        f'<button class="btn small" data-does="{key}" aria-keyshortcuts="{key}">{label}'
        f'<span class="visually-hidden">: {name}</span></button>'
    )
