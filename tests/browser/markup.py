"""What pages are made of: of two that are made of the same, one need not be looked at."""

from __future__ import annotations

from html.parser import HTMLParser

#: Elements that hold none.
EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "path", "source",
         "track", "use", "wbr"}  # fmt: skip
#: Attributes whose values make another element of it, for whoever looks at it or listens.
TELLING = ("class", "type", "role", "style", "dir", "lang", "tabindex", "inputmode", "autocomplete")
#: So many characters longer, a text or a word takes more room; none is as wide as this many times that.
ROOM, WIDEST = 12, 6


class Markup(HTMLParser):
    """The kinds of elements of a page: what each is, which attributes it has, in which two it is, and how
    much room what it says takes."""

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
            # Whatever is longer has room for what is shorter.
            self.kinds |= {(what, kind, n) for n in range(min(size // ROOM, WIDEST) + 1)}


def with_something_new(pages: dict[str, str], known: set[tuple[object, ...]]) -> list[str]:
    """The addresses of pages, by their HTML, that together have all that is not known, and no more than that:
    those with most of it first. What they are made of is known then."""
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
