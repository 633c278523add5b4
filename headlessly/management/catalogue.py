"""Collects every message that people can read, for the catalogues of translations (``locale/``).

There are three sources: what the code and the templates mark for translation, the words of the
declarations (:func:`headlessly.declaration.labels.catalogue_messages`), and what Unfold marks, as it ships
no catalogues. Messages that Django translates itself are left out. No gettext is needed: a fresh checkout
can tell whether a catalogue is complete.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import polib
from django.conf import settings
from django.utils.translation.template import templatize

from headlessly.admin.lists.columns import CARRIED
from headlessly.declaration import labels
from headlessly.language import wording
from headlessly.query.filters import META_FIELDS
from headlessly.query.named_reports import DEFINITION, reports

#: The functions that mark a message, with the positions of their arguments: context, singular and plural.
MARKS = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}
#: Such calls in a template, which Django's ``templatize`` turns into something like code with literals.
LITERAL = r"""u?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
CALL = re.compile(
    rf"\b(n?p?gettext|_)\(\s*{LITERAL}(?:\s*,\s*{LITERAL})?(?:\s*,\s*{LITERAL})?\s*[,)]"
)
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%[sd%]|\{(\w+)\}")
#: Folders whose messages are not translated: only operators see them.
NOT_READ = ("management", "migrations", "demo")
OURS = ("headlessly", "crm", "marketing")

Key = tuple[str | None, str]  #: context and English


@dataclass
class Message:
    """A message: its context, its English, its plural if it counts, and where it is used."""

    context: str | None
    text: str
    plural: str | None = None
    places: list[str] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return self.context, self.text

    @property
    def flags(self) -> list[str]:
        """Which placeholders it has, for the tools of translators."""
        if re.search(r"%\(\w+\)[sd]|%[sd]", self.text):
            return ["python-format"]
        return ["python-brace-format"] if re.search(r"\{\w+\}", self.text) else []


@cache
def all_messages() -> list[Message]:
    """Returns all messages, each once, in the order of their English."""
    found: dict[Key, Message] = {}
    for message in (
        *_code_messages(),
        *_template_messages(),
        *_declaration_messages(),
        *_definition_messages(),
        *_unfold_messages(),
    ):
        known = found.setdefault(message.key, message)
        known.plural = known.plural or message.plural
        known.places = sorted({*known.places, *message.places})
    return sorted(found.values(), key=lambda m: (m.text.casefold(), m.text, m.context or ""))


def placeholders(text: str) -> list[str]:
    """Returns the placeholders of a text, sorted: a translation has the same ones, in any order."""
    return sorted(match.group() for match in PLACEHOLDER.finditer(text))


# -- sources ---------------------------------------------------------------------------------------


def _code_messages() -> Iterator[Message]:
    for name in OURS:
        for path in sorted((settings.BASE_DIR / name).rglob("*.py")):
            if not set(NOT_READ) & set(path.relative_to(settings.BASE_DIR).parts):
                yield from messages_in_code(
                    path.read_text(), str(path.relative_to(settings.BASE_DIR))
                )


def _template_messages() -> Iterator[Message]:
    for path in sorted(settings.TEMPLATES_DIR.rglob("*.html")):
        yield from messages_in_template(path.read_text(), str(path.relative_to(settings.BASE_DIR)))


def _declaration_messages() -> Iterator[Message]:
    for each in (*CARRIED.values(), *META_FIELDS.values()):
        yield Message(wording.LABEL, labels.english_label(each), places=["declarations"])
    for context, text in labels.catalogue_messages():
        if text:
            yield Message(context, text, places=["declarations"])


def _definition_messages() -> Iterator[Message]:
    """Yields the definitions of named reports, which the page of definitions shows."""
    for report in reports.by_name.values():
        yield Message(DEFINITION, report.definition, places=["declarations"])


def _unfold_messages() -> Iterator[Message]:
    """Yields the messages of Unfold that Django does not translate."""
    folder, known = _package("unfold"), _django_keys()
    found: list[Message] = []
    for part in (folder, folder / "contrib" / "filters"):
        for path in (*part.glob("*.py"), *part.glob("templates/**/*.html")):
            read = messages_in_template if path.suffix == ".html" else messages_in_code
            found += read(path.read_text(), "unfold")
    yield from (message for message in found if message.key not in known)


def _django_keys() -> set[Key]:
    """Returns the messages in Django's catalogues; the English ones list them all."""
    places = ("conf/locale", "contrib/admin/locale", "contrib/auth/locale")
    files = [_package("django") / place / "en/LC_MESSAGES/django.po" for place in places]
    return {(entry.msgctxt, entry.msgid) for file in files for entry in polib.pofile(str(file))}


def _package(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


# -- reading --------------------------------------------------------------------------------------


def messages_in_code(code: str, place: str) -> Iterator[Message]:
    """Yields the messages that Python code marks."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id in MARKS:
            given = [_text(argument) for argument in node.args[:3]]
            yield from _make_message(MARKS[node.func.id], given, place)


def messages_in_template(source: str, place: str) -> Iterator[Message]:
    for match in CALL.finditer(templatize(source)):
        name, *literals = match.groups()
        given = [None if each is None else ast.literal_eval(each) for each in literals]
        yield from _make_message(MARKS[name], given, place)


def _make_message(
    mark: tuple[int | None, int, int | None], given: list[str | None], place: str
) -> Iterable[Message]:
    context, text, plural = (None if at is None or at >= len(given) else given[at] for at in mark)
    return [Message(context, text, plural, [place])] if text else []


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


# -- a catalogue ----------------------------------------------------------------------------------


def locale_folder() -> Path:
    """Returns the folder with the catalogues of all languages."""
    return Path(settings.LOCALE_PATHS[0])


def catalogue_file(language: str) -> Path:
    """Returns the file with the translations into a language."""
    return locale_folder() / language / "LC_MESSAGES" / "django.po"


@dataclass
class Findings:
    """The problems of a catalogue, each in a sentence."""

    #: Wrong translations, which must be fixed.
    faults: list[str] = field(default_factory=list)
    #: Missing translations: such a message is shown in English until then.
    gaps: list[str] = field(default_factory=list)


def findings(language: str) -> Findings:
    """Checks the catalogue of a language. Returns what is wrong with it, and what it lacks."""
    file, found = catalogue_file(language), Findings()
    if not file.exists():
        found.faults.append(f"There is no {file.name} in {file.parent}.")
        return found
    entries = polib.pofile(str(file))
    wanted = {message.key for message in all_messages()}
    there = {(entry.msgctxt, entry.msgid): entry for entry in entries if not entry.obsolete}
    found.gaps += [f"Obsolete: {entry.msgid!r}" for entry in entries if entry.obsolete]
    found.gaps += [f"Nobody says this any more: {key}" for key in there.keys() - wanted]
    found.gaps += [f"Missing: {key}" for key in wanted - there.keys()]
    for key, entry in there.items():
        translations = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        if entry.fuzzy:
            found.faults.append(f"Fuzzy: {key}")
        if not all(translations) or (entry.msgid_plural and len(translations) < 2):
            found.gaps.append(f"Untranslated: {key}")
            continue
        for text, english in zip(
            translations, (entry.msgid, entry.msgid_plural or entry.msgid), strict=False
        ):
            if placeholders(text) != placeholders(english):
                found.faults.append(f"Other placeholders: {key} → {text!r}")
    compiled = file.with_suffix(".mo")
    if not compiled.exists() or compiled.read_bytes() != entries.to_binary():
        found.faults.append(f"{compiled.name} is not what {file.name} says: compile it.")
    return Findings(sorted(found.faults), sorted(found.gaps))
