"""The events that a webhook subscribes to, in words: suggestions for its form, and how its input is read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from django.utils.translation import gettext as _

from headlessly.declaration import labels
from headlessly.declaration.folding import fold
from headlessly.declaration.registry import registry
from headlessly.log.names import OF, VIEW_EVENTS
from headlessly.query.saved_views import View
from headlessly.webhooks import patterns

#: Separates several patterns in the input.
BETWEEN = ";"
#: How many views are suggested at most.
VIEWS = 20


def offered_patterns() -> Iterator[tuple[str, str]]:
    """Yields each pattern of events that a webhook can subscribe to, with its label."""
    yield patterns.ALL, _("Everything")
    for source in patterns.event_sources():
        noun = registry.get(source)
        named = labels.plural_title(noun) if noun is not None else _("Views")
        yield f"{source}.*", _("%(nouns)s: everything") % {"nouns": named}
    for name in patterns.known_event_names():
        yield name, labels.event_title(name)
    for view in View.watched_ones().order_by("name", "id")[:VIEWS]:
        for name in VIEW_EVENTS:
            yield f"{name}{OF}{view.pk}", f"{view.name}: {labels.event_word(name)}"


def read_patterns(text: str) -> list[str]:
    """Returns the patterns in the input, each typed by its name or its label. Names need no separator
    between them."""
    # Views of the same name share a label, which then stands for none of them.
    called = [(fold(label), name) for name, label in offered_patterns()]
    often = Counter(label for label, _name in called)
    named = {label: name for label, name in called if often[label] == 1}
    found: list[str] = []
    for part in re.split(rf"[{BETWEEN}\n,]+", text):
        known = named.get(fold(part.strip()))
        found += [known] if known is not None else part.split()
    return found
