"""Finds the elements that make up pages: of two pages with the same elements, only one needs to be
checked."""

from __future__ import annotations

from html.parser import HTMLParser

#: Elements without content.
EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "path", "source",
         "track", "use", "wbr"}  # fmt: skip
#: Attributes whose values matter to how an element looks or sounds.
TELLING = ("class", "type", "role", "style", "dir", "lang", "tabindex", "inputmode", "autocomplete")
#: The step in characters by which longer texts and words count as different, and how many steps are counted.
ROOM, WIDEST = 12, 6


class Markup(HTMLParser):
    """The kinds of elements of a page: tag, attributes, the two elements around it, and the room for its
    text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.around: list[tuple[str, str]] = []
        self.kinds: set[tuple[object, ...]] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        telling = (" ".join(sorted((given.get(name) or "").split())) for name in TELLING)
        names = " ".join(sorted(name for name in given if not name.startswith("data-")))
        kind = f"{tag} {'|'.join(telling)} {names}"
        self.kinds.add((kind, *(each for _tag, each in self.around[-2:])))
        if tag not in EMPTY:
            self.around.append((tag, kind))

    def handle_endtag(self, tag: str) -> None:
        for number in range(len(self.around) - 1, -1, -1):
            if self.around[number][0] == tag:
                del self.around[number:]
                return

    def handle_data(self, data: str) -> None:
        if not self.around or not (words := data.split()):
            return
        (_tag, kind), longest = self.around[-1], max(map(len, words))
        for what, size in (("text", len(" ".join(words))), ("word", longest)):
            # Room for a longer text is enough for a shorter one.
            self.kinds |= {(what, kind, n) for n in range(min(size // ROOM, WIDEST) + 1)}


def with_something_new(pages: dict[str, str], known: set[tuple[object, ...]]) -> list[str]:
    """Returns addresses of pages, given with their HTML, that together contain everything that is not in
    `known`.

    Pages with most of it come first, and pages that add nothing are left out. What they contain is added to
    `known`.
    """
    kinds = {address: Markup(html).kinds for address, html in pages.items()}
    found = []
    while kinds:
        address = max(kinds, key=lambda each: len(kinds[each] - known))
        new = kinds.pop(address) - known
        if not new:
            break
        known |= new
        found.append(address)
    return found
