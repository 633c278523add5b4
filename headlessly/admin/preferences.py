"""A person's language and time zone, which are the same in every tenant."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from headlessly.admin.controls import Choice
from headlessly.language import languages


class PreferencesForm(forms.Form):
    language = Choice(label=gettext_lazy("Language"), required=False)
    time_zone = Choice(
        label=gettext_lazy("Time zone"),
        required=False,
        help_text=gettext_lazy("All times are shown in it, and days begin and end in it."),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = languages.language_of(request)
        browser = _("As my browser says: %s")
        language, time_zone = self.fields["language"], self.fields["time_zone"]
        assert isinstance(language, forms.ChoiceField) and isinstance(time_zone, forms.ChoiceField)
        language.choices = [
            ("", browser % dict(settings.LANGUAGES).get(asked, asked)),
            *settings.LANGUAGES,
        ]
        names = sorted(languages.time_zone_names() - {"UTC"})
        time_zone.choices = [
            ("", browser % languages.time_zone_of(request)),
            ("UTC", "UTC"),
            *((name, name.replace("_", " ")) for name in names),
        ]


def preferences_view(request: HttpRequest, *, site: Any) -> HttpResponse:
    """Shows the choices; a POST stores them with the user."""
    user: Any = request.user
    chosen = {"language": user.language, "time_zone": user.time_zone}
    form = PreferencesForm(
        request, request.POST if request.method == "POST" else None, initial=chosen
    )
    if form.is_valid():
        user.language = form.cleaned_data["language"]
        user.time_zone = form.cleaned_data["time_zone"]
        user.save(update_fields=["language", "time_zone"])
        # The next page is in the new language, and so is its message.
        with translation.override(languages.language_of(request, user)):
            messages.success(request, _("Saved."))
        return HttpResponseRedirect(request.get_full_path())
    return site.respond(request, "preferences", _("Language and time"), form=form)
