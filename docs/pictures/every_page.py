"""Takes a picture of every page of the demo that runs, as people may have it: large and on a phone, light and
dark, in each language. `.venv/bin/python docs/pictures/every_page.py /tmp/pages [words of addresses]`

`make demo` runs in another terminal. The pages are those that the menu leads to, the first record of each
list, and what is done with it; nothing is changed but the language of who looks, which is put back.
`index.html` in the folder has all of them side by side. Needs Playwright; CHROMIUM is the path of a Chromium.
"""

from __future__ import annotations

import html
import itertools
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from make import ACME, LARGE, PHONE, launch, sign_in, speak
from playwright.sync_api import sync_playwright

WHO = "admin@acme.example"  #: sees the settings too
LANGUAGES, THEMES = ("en", "de"), ("light", "dark")
SIZES = {"1440": LARGE, "390": PHONE}
#: What there is beside the menu: below a list, below a record, and below the tenant's address.
OF_LIST, OF_RECORD = ("add/", "board/"), ("edit/",)
BESIDE = ("preferences/", "account/", "imports/", "dashboard/definitions/")


def main() -> None:
    folder, *words = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport=LARGE)
        page.emulate_media(reduced_motion="reduce")
        sign_in(page, WHO)
        places = [p for p in find_pages(page) if not words or any(word in p for word in words)]
        try:
            for language in LANGUAGES:
                speak(page, language)
                for theme, (width, size) in itertools.product(THEMES, SIZES.items()):
                    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                    page.set_viewport_size(size)
                    for place in places:
                        take(
                            page,
                            place,
                            Path(folder) / f"{width}-{theme}-{language}-{name(place)}.png",
                        )
        finally:
            speak(page, "")
        browser.close()
    write_index(Path(folder), places)


def find_pages(page: Any) -> list[str]:
    """The addresses of the menu, and what each list leads to."""
    links = page.locator("nav a[href], aside a[href]").evaluate_all(
        "all => all.map(a => a.pathname)"
    )
    start = urlsplit(ACME["url"]).path + "/admin/"
    found = dict.fromkeys(link for link in links if link.startswith(start))
    for place in list(found):
        page.goto(base() + place)
        record = page.locator("td.name a[href*='/change/']").first
        if not record.count():
            continue
        first = urlsplit(record.get_attribute("href")).path
        found |= dict.fromkeys([first, *(first.replace("change/", each) for each in OF_RECORD)])
        found |= dict.fromkeys(place + each for each in OF_LIST)
    found |= dict.fromkeys(start + each for each in BESIDE)
    page.goto(base() + start + "settings/")
    settings = page.locator(".settings-pages a[href]").evaluate_all(
        "all => all.map(a => a.pathname)"
    )
    found |= dict.fromkeys(link for link in settings if link.startswith(start))
    page.goto(base() + start + "settings/members/")
    member = page.locator("a.name[href*='/settings/members/']").first.get_attribute("href")
    found |= dict.fromkeys([urlsplit(member).path])
    return [place for place in found if page.request.get(base() + place).ok]


def base() -> str:
    parts = urlsplit(ACME["url"])
    return f"{parts.scheme}://{parts.netloc}"


def take(page: Any, place: str, file: Path) -> None:
    page.goto(base() + place)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=file, full_page=True)


def name(place: str) -> str:
    kept = place.split("/admin/", 1)[1].strip("/") or "today"
    return "-".join(part for part in kept.split("/") if "_" not in part)


def write_index(folder: Path, places: list[str]) -> None:
    rows = []
    for place in places:
        files = sorted(folder.glob(f"*-{name(place)}.png"))
        shown = "".join(
            f'<a href="{f.name}"><img src="{f.name}" alt="{f.name}"></a>' for f in files
        )
        rows.append(f"<h2>{html.escape(place)}</h2><div>{shown}</div>")
    style = "img { height: 420px; margin: 4px; border: 1px solid #999; vertical-align: top }"
    page = f"<!doctype html><meta charset=utf-8><style>{style}</style>{''.join(rows)}"
    (folder / "index.html").write_text(page)


if __name__ == "__main__":
    main()
