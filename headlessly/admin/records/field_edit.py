"""One field of a record, edited where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from headlessly.admin import display, forms, toasts
from headlessly.declaration.values import to_json_value
from headlessly.errors import HeadlesslyError, Invalid, Stale
from headlessly.execution import executor

if TYPE_CHECKING:
    from headlessly.declaration.schema import Field
    from headlessly.nouns import Noun


class InPlace:
    """The part of :class:`~headlessly.admin.editing.Editing` for a single field."""

    def edit_one(self, request: HttpRequest, found: Noun, inputs: list[Field]) -> HttpResponse:
        """One field, edited in place: what others saved in other fields meanwhile is no conflict."""
        field, version = inputs[0], found.version
        if request.method != "POST":
            form = forms.DeclaredForm(inputs, self.admin_site, record=found)
            return self._one_page(request, found, form, field, version)
        form = forms.DeclaredForm(inputs, self.admin_site, data=request.POST, record=found)
        read = whole(request.POST.get("version"))
        base = self.read_at(found, read)
        back = self.place("change", found.pk) + self.keep(request)
        changed = form.changed(base)
        if not changed:
            return HttpResponseRedirect(back)
        now = getattr(found, field.column)
        if to_json_value(now) != to_json_value(base[field.name]):
            value = display.plain(found, field) or _("empty")
            form.is_valid()
            form.add_error(
                field.name,
                _("This is %s now, somebody saved it meanwhile. Saving puts yours in its place.")
                % value,
            )
            return self._one_page(request, found, form, field, version, status=Stale.status)
        try:
            check_readable(changed)
            answer = executor.run(
                self.model.verbs["update"], found.pk, changed, text=True, if_match=version
            )
        except Stale:
            return self.edit_one(request, self.find(found.pk), inputs)
        except HeadlesslyError as problem:
            form.refuse(problem)
            return self._one_page(request, found, form, field, read, status=problem.status)
        toasts.say(request, _("Saved."), answer)
        return HttpResponseRedirect(back)

    def _one_page(
        self,
        request: HttpRequest,
        found: Noun,
        form: forms.DeclaredForm,
        field: Field,
        version: int | None,
        status: int = 200,
    ) -> HttpResponse:
        return self.respond(
            request,
            "field",
            status=status,
            original=found,
            title=_("Edit %s") % found,
            form=form,
            bound=form[field.name],
            version=version or found.version,
            action=self.place("edit", found.pk) + self.keep(request),
            back=self.place("change", found.pk) + self.keep(request),
        )


def check_readable(sent: Mapping[str, Any]) -> None:
    if problems := forms.unreadable(sent):
        raise Invalid.for_fields(problems)


def whole(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 10 else None
