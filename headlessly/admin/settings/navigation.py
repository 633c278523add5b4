"""The navigation of the settings: a list of all pages, in groups, shown beside each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.admin import display
from headlessly.declaration import labels
from headlessly.declaration.registry import registry


@dataclass(frozen=True)
class SettingsPage:
    """One page: its address, what it is for, whether it is the current one, and whether the actor may open
    it."""

    title: str
    effect: str
    url: str
    here: bool = False
    is_open: bool = True


def open_pages(request: HttpRequest) -> list[SettingsPage]:
    """Returns the pages that the actor may open."""
    return [page for _title, pages in settings_pages(request) for page in pages if page.is_open]


def settings_pages(request: HttpRequest) -> list[tuple[str, list[SettingsPage]]]:
    """Returns the pages by the titles of their groups."""
    at = request.resolver_match.url_name if request.resolver_match else ""
    actor = actors.current()
    administers = actors.may_administer(actor)
    imports = any(actors.may(actor, "create", noun) for noun in registry.values())

    def page(
        name: str, title: str, effect: str, *inside: str, is_open: bool = administers
    ) -> SettingsPage:
        here = at == name or any(str(at).startswith(each) for each in inside)
        return SettingsPage(title, effect, reverse(f"admin:{name}"), here, is_open)

    nouns = [page for noun in registry.values() for page in _noun_pages(noun, request)]
    docs = f"{tenancy.context_url()}/docs"
    return [
        (
            _("Company"),
            [
                page("settings_general", _("General"), _("Its name, currency and rules")),
                page("settings_fields", _("Fields"), _("What you keep of a lead ..."), "settings_field"),
                page("settings_lists", _("Lists of values"), _("Sources, reasons ..."), "settings_list"),
                *nouns,
            ],
        ),
        (
            _("People"),
            [
                page("settings_members", _("Members"), _("Who gets in, and as what"), "settings_member"),
                page("account", _("Your sign-in"), _("Your password, factors and sessions"), is_open=True),
            ],
        ),
        (
            _("Connections"),
            [
                page("settings_keys", _("API keys"), _("What programs get in by"), "settings_key"),
                page("settings_webhooks", _("Webhooks"), _("What is told elsewhere"), "settings_webhook"),
                SettingsPage(_("API"), _("Every address, to be tried"), docs),
            ],
        ),
        (
            _("Data"),
            [
                page(
                    "imports", _("Imports"), _("Files that came in, each to be taken back"),
                    "import", is_open=imports,
                ),
                page("settings_log", _("Who did what"), _("Every change, sign-in and export")),
            ],
        ),
    ]  # fmt: skip


def _noun_pages(noun: Any, request: HttpRequest) -> list[SettingsPage]:
    """Returns the pages of a noun that is a setting: its list, or one page for each of its kinds."""
    if not noun.Surface.setting:
        return []
    url, title = display.page_url(noun, "changelist"), labels.plural_title(noun)
    is_open = actors.may(actors.current(), "create", noun)
    here = request.path.startswith(url)
    choice, kinds = noun.schema.kind, noun.Surface.kinds
    if choice is None or kinds is None or not kinds.settings:
        return [SettingsPage(title, _(noun.Surface.setting), url, here, is_open)]
    return [
        SettingsPage(
            f"{title}: {labels.choice_label(choice, kind)}",
            _(effect),
            f"{url}?{choice.wire}={kind}",
            here and request.GET.get(choice.wire) == kind,
            is_open,
        )
        for kind, effect in kinds.settings.items()
    ]
