"""Takes the pictures of README anew, from the demo that runs: `.venv/bin/python docs/pictures/make.py`.

`make demo` runs in another terminal. It looks at what a rep of the demo sees, large and light, in the dark,
on a phone and in German; it changes nothing but the language of who looks, which is put back. It needs
Playwright and a Chromium; CHROMIUM is its path.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("HEADLESSLY_DATA") or HERE.parents[1] / ".data")
DEMO = json.loads((DATA / "demo.json").read_text())
ACME = DEMO["tenants"]["acme"]
LARGE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
MINE = "/admin/crm/lead/?view=mine&status=New,Contacted,Qualified&owner=me&o=-score"


def main() -> None:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport=LARGE)
        page.emulate_media(reduced_motion="reduce")
        sign_in(page, "ben.whitlock@acme.example")
        take(page, "/admin/crm/lead/?view=all&status=New,Contacted,Qualified&o=-score", "leads")
        open_first(page, MINE, "lead")
        take(page, "/admin/", "today")
        take(page, "/admin/crm/deal/board/", "board")
        take(page, "/admin/crm/activity/calendar/?view=all&assignee=me", "calendar")
        take(page, "/admin/dashboard/", "dashboard")
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme="dark")
        open_first(page, MINE, "lead-phone-dark")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(LARGE)
        try:
            speak(page, "de")
            open_first(page, MINE, "lead-german")
        finally:
            speak(page, "")
        browser.close()


def speak(page: Any, language: str) -> None:
    """Set the language of who looks, as its page does; empty is the browser's."""
    page.goto(ACME["url"] + "/admin/preferences/")
    page.locator("[name=language]").select_option(language)
    page.locator("form:has([name=language]) [type=submit]").first.click()
    page.wait_for_load_state("networkidle")


def launch(playwright: Any) -> Any:
    return playwright.chromium.launch(
        executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
        args=["--no-sandbox"],
    )


def sign_in(page: Any, email: str) -> None:
    page.goto(DEMO["url"])
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(ACME["password"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/")


def take(page: Any, address: str, name: str) -> None:
    page.goto(ACME["url"] + address)
    save(page, name)


def open_first(page: Any, address: str, name: str) -> None:
    page.goto(ACME["url"] + address)
    page.locator("td.name a").first.click()
    page.wait_for_url("**/change/**")
    save(page, name)


def save(page: Any, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.mouse.move(0, 0)
    file = HERE / f"{name}.png"
    page.screenshot(path=file)
    # As many colours as an interface has: a third of the size, and nobody sees it.
    Image.open(file).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
        file, optimize=True
    )


if __name__ == "__main__":
    main()
