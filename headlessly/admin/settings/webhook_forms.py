"""Forms of a webhook, with the same checks as the REST API."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from headlessly.admin.controls import Switch, Text
from headlessly.admin.settings import webhook_events
from headlessly.webhooks import addresses, patterns, signing


class WebhookForm(forms.Form):
    """The address of a webhook, and its events."""

    url = Text(
        label=gettext_lazy("Address"),
        max_length=addresses.MAX_URL_LENGTH,
        help_text=gettext_lazy("https, on the public internet, like https://example.com/hook."),
    )
    events = forms.CharField(
        label=gettext_lazy("Events"),
        initial=patterns.ALL,
        widget=UnfoldAdminTextInputWidget(attrs={"data-between": webhook_events.BETWEEN}),
        help_text=gettext_lazy(
            "What it is told of: choose from what is suggested, or type names as programs do, "
            "such as Lead.Converted or Deal.*."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        says = {
            "kind": "text",
            "one": _("Event"),
            "add": _("Add another"),
            "remove": _("Remove"),
            "offers": [list(each) for each in webhook_events.offered_patterns()],
        }
        said = json.dumps(says, ensure_ascii=False)
        self.fields["events"].widget.attrs["data-several"] = said

    def clean_url(self) -> str:
        url = self.cleaned_data["url"].strip()
        _checked(addresses.WebhookUrl.parse, url)
        return url

    def clean_events(self) -> list[str]:
        names = webhook_events.read_patterns(self.cleaned_data["events"])
        return _checked(patterns.check_patterns, names)


class NewWebhookForm(WebhookForm):
    secret = forms.CharField(
        label=gettext_lazy("Secret"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("What is sent is signed with it. Left empty, one is made."),
    )

    def clean_secret(self) -> str:
        given = self.cleaned_data["secret"]
        return _checked(signing.check_secret, given) if given else signing.new_secret()


class ChangedWebhookForm(WebhookForm):
    active = Switch(
        label=gettext_lazy("Sends"),
        help_text=gettext_lazy("Paused, it loses nothing: it goes on where it was."),
    )
    new_secret = Switch(
        label=gettext_lazy("Make a new secret"),
        help_text=gettext_lazy("It signs from now on; the old one no longer does."),
    )


def _checked(check: Any, value: Any) -> Any:
    try:
        return check(value)
    except ValueError as problem:
        raise forms.ValidationError(str(problem)) from None
