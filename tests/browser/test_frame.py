"""What surrounds every page, by keyboard alone: the way past the menu, the menu, the account, the colours."""

from __future__ import annotations

import base64
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def seen(page):
    """Whether what has the focus shows that it has it; a choice of several shows it around all of them."""
    return page.evaluate(
        "(() => { const at = document.activeElement;"
        " const s = getComputedStyle(at.closest('.select2-selection') || at);"
        " return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2; })()"
    )


def test_the_keyboard_alone_gets_everywhere_and_shows_where_it_is(desk, site, lead):
    keys = desk.keyboard
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    keys.press("Tab")
    skip = desk.get_by_role("link", name="To the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    keys.press("Enter")
    keys.press("Tab")
    assert desk.evaluate("document.activeElement.closest('main') !== null")
    for _ in range(40):
        assert seen(desk), desk.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if desk.evaluate("document.activeElement.matches('td.name a')"):
            break
        keys.press("Tab")
    keys.press("Enter")
    desk.wait_for_url(f"**/{lead.pk}/change/**")

    account = desk.locator(".frame-user summary")
    account.focus()
    keys.press("Enter")
    expect(desk.get_by_role("button", name="Sign out")).to_be_visible()
    keys.press("Tab")  # the colours: arrows choose
    keys.press("ArrowLeft")
    expect(desk.locator("html")).to_have_class("dark")
    keys.press("Escape")
    expect(account).to_be_focused()
    desk.reload()
    expect(desk.locator("html")).to_have_class("dark")


def test_the_menu_of_a_phone_opens_closes_and_gives_the_focus_back(desk, site):
    desk.set_viewport_size({"width": 390, "height": 844})
    desk.goto(f"{site}/~acme/admin/")
    menu, opener = desk.locator("#menu"), desk.get_by_role("button", name="Menu", exact=True)
    expect(menu).to_be_hidden()
    opener.click()
    expect(desk.locator(".frame-places [aria-current]")).to_be_focused()
    desk.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(opener).to_be_focused()
    opener.click()
    menu.get_by_role("link", name="Deals").click()
    desk.wait_for_url("**/crm/deal/?view=all")
    expect(menu).to_be_hidden()
    # However long what is looked for, and said to fit nothing, is: it stays in the window.
    desk.goto(f"{site}/~acme/admin/crm/contact/?q={'a' * 200}")
    expect(desk.locator(".advice")).to_be_visible()
    assert desk.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_menu_stays_away_once_it_was_put_away(desk, site):
    desk.goto(f"{site}/~acme/admin/")
    desk.get_by_role("button", name="Show or hide the menu").click()
    expect(desk.locator("#menu")).to_be_hidden()
    desk.goto(f"{site}/~acme/admin/crm/deal/")
    expect(desk.locator("#menu")).to_be_hidden()


def painted(switch: Any) -> dict[str, Any]:
    """How a switch is painted: its track, the accent of the page, and how far it is from its box's edges."""
    return switch.evaluate(
        """(input) => {
          const probe = document.createElement("i");
          probe.style.color = "var(--accent)";
          input.parentElement.append(probe);
          const accent = getComputedStyle(probe).color;
          probe.remove();
          const inner = input.getBoundingClientRect();
          const outer = input.closest(".switch").getBoundingClientRect();
          return {
            accent,
            track: getComputedStyle(input).backgroundColor,
            gap: Math.min(inner.left - outer.left, inner.top - outer.top),
          };
        }"""
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_switch_is_seen_and_switched_by_keyboard_in_any_light(desk, site, bob, scheme):
    from headlessly.access.models import Membership, Tenant

    Membership.objects.filter(user=bob).update(role="admin")
    desk.emulate_media(color_scheme=scheme)
    desk.goto(f"{site}/~acme/admin/settings/")
    switch = desk.get_by_role("checkbox", name="Reps see only their own records")
    expect(switch).not_to_be_checked()
    off = painted(switch)
    assert off["track"] != off["accent"] and off["gap"] >= 8
    desk.get_by_label("Fiscal year begins in", exact=True).focus()
    desk.keyboard.press("Tab")
    expect(switch).to_be_focused()
    assert seen(desk)
    desk.keyboard.press("Space")
    expect(switch).to_be_checked()
    desk.wait_for_function("() => document.getAnimations().length === 0")
    on = painted(switch)
    assert on["track"] == on["accent"]
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("Saved.")).to_be_visible()
    assert Tenant.objects.get(slug="acme").limits_reps


def painted_rows(desk: Any, bar: Any) -> int:
    """In how many rows of pixels a bar has another colour near its beginning than near its end."""
    image = base64.b64encode(bar.screenshot()).decode()
    looking = (
        desk.context.new_page()
    )  # a page of its own: that of the workplace loads no images of a script
    rows = looking.evaluate(
        """async (image) => {
          const bytes = Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0));
          const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
          const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
          canvas.drawImage(picture, 0, 0);
          const colour = (x, y) => canvas.getImageData(Math.round(x * picture.width), y, 1, 1).data.join();
          const rows = [...Array(picture.height).keys()];
          return rows.filter((y) => colour(0.25, y) !== colour(0.85, y)).length;
        }""",
        image,
    )
    looking.close()
    return int(rows)


def test_a_bar_is_filled_in_all_of_its_height(desk, site, bob, lead):
    """It was once a line of two pixels at the upper edge."""
    lead.update(score=50)
    for place in ("", f"{lead.pk}/change/"):
        desk.goto(f"{site}/~acme/admin/crm/lead/{place}")
        assert painted_rows(desk, desk.locator("progress").first) >= 5, place
