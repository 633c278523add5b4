"""The catalogue of German: nothing in it is wrong, and what it lacks is listed."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import polib
import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from headlessly.language import wording
from headlessly.management import catalogue


def test_says_nothing_wrong_and_is_compiled():
    """What is not translated yet is no fault: it is read in English, and `.ci/run` lists it."""
    assert catalogue.findings("de").faults == []


def test_says_sie_to_everybody():
    """The reader is addressed in one way on all pages, and told what to do as politely everywhere."""
    german = polib.pofile(str(catalogue.catalogue_file("de")))
    said = [text for each in german for text in (each.msgstr, *each.msgstr_plural.values())]
    told = "Sende|Schicke|Wähle|wähle|Gib|gib|Nimm|nimm|Lass|Öffne|Speichere|Nenne|Grenze"
    familiar = re.compile(rf"\b(du|dich|dir|deine?[rmns]?|[Ee]ntferne|[Ll]ösche|{told})\b")
    assert [text for text in said if familiar.search(text)] == []


def test_knows_what_the_declarations_say_without_a_second_list():
    keys = {message.key for message in catalogue.all_messages()}
    assert {
        ("label", "Lost reason"),
        ("value", "In progress"),
        ("noun", "Lead"),
        ("nouns", "Activities"),
        ("object", "this organization"),
        ("verb", "Convert"),
        ("event", "Converted"),
        (None, "Hand this lead to sales as a deal."),
        (None, "the sales rep who works it"),
        ("group", "Where from"),
        (None, "BANT complete"),
        (None, "Going cold"),
        ("relation", "Owned leads"),
        ("touch", "Note"),
        ("suggestion", "No budget"),
    } <= keys


def test_reads_what_code_and_templates_mark():
    code = "_('a' 'b'); ngettext('one', 'many', n); pgettext('noun', 'Lead'); print('not this')"
    assert [(m.context, m.text, m.plural) for m in catalogue.messages_in_code(code, "x")] == [
        (None, "ab", None), (None, "one", "many"), ("noun", "Lead", None),
    ]  # fmt: skip
    template = (
        '{% load i18n %}{% translate "It\'s here" %}{% translate "to" context "state" %}'
        "{% blocktranslate count n=x %}one{% plural %}{{ n }} more{% endblocktranslate %} Not this"
    )
    assert [(m.context, m.text, m.plural) for m in catalogue.messages_in_template(template, "x")] == [
        (None, "It's here", None), ("state", "to", None), (None, "one", "%(n)s more"),
    ]  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A catalogue to spoil: the function changes an entry of a copy, and answers what is wrong then."""
    few = ("%(nouns)s board", "Saved.", "%d day")
    whole = polib.pofile(str(catalogue.catalogue_file("de")))
    catalog = polib.POFile()
    catalog.metadata = whole.metadata
    catalog.extend(whole.find(text) for text in few)
    plain = (message for message in catalogue.all_messages() if message.context is None)
    messages = [message for message in plain if message.text in few]
    file = tmp_path / "django.po"
    monkeypatch.setattr(catalogue, "catalogue_file", lambda language: file)
    monkeypatch.setattr(catalogue, "all_messages", lambda: messages)

    def spoiled(change: Any, *, compile: bool = True) -> catalogue.Findings:
        change(catalog.find("%(nouns)s board"), catalog)
        catalog.save(str(file))
        if compile:
            catalog.save_as_mofile(str(file.with_suffix(".mo")))
        return catalogue.findings("de")

    return spoiled


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda entry, _: setattr(entry, "msgstr", "%(noun)s-Board"), "Other placeholders"),
        (lambda entry, _: entry.flags.append("fuzzy"), "Fuzzy"),
    ],
)
def test_says_what_is_wrong_with_a_translation_and_fails(copy, change, said, capsys):
    found = copy(change)
    assert [problem.startswith(said) for problem in found.faults] == [True]
    with pytest.raises(CommandError, match="A translation is wrong"):
        call_command("makemessages", "de", check=True)
    assert f"de: {found.faults[0]}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda entry, _: setattr(entry, "msgstr", ""), "Untranslated"),
        (lambda entry, _: setattr(entry, "obsolete", True), "Obsolete"),
        (lambda entry, _: setattr(entry, "msgid", "No %(nouns)s like it"), "Nobody says this"),
        (lambda entry, catalog: catalog.remove(entry), "Missing"),
    ],
)
def test_lists_what_is_to_do_and_does_not_fail(copy, change, said, capsys):
    found = copy(change)
    assert any(problem.startswith(said) for problem in found.gaps)
    assert found.faults == []
    call_command("makemessages", "de", check=True)
    assert f"de: {found.gaps[0]}" in capsys.readouterr().out


def test_a_message_without_a_translation_is_read_in_english():
    with translation.override("de"):
        assert translation.gettext("A word that nobody has translated yet") == (
            "A word that nobody has translated yet"
        )
        assert wording.state_label("A state that nobody has translated yet") == (
            "A state that nobody has translated yet"
        )


def test_notices_one_that_was_not_compiled(copy):
    assert copy(lambda *_: None, compile=False).faults == [
        "django.mo is not what django.po says: compile it."
    ]


def test_the_command_adds_what_is_new_drops_what_is_old_and_keeps_the_rest(copy, capsys):
    def change(entry: Any, catalog: Any) -> None:
        catalog.append(polib.POEntry(msgid="Long gone", msgstr="Lange her"))
        catalog.remove(entry)

    assert len(copy(change).gaps) == 2
    call_command("makemessages", "de")
    assert "Untranslated: (None, '%(nouns)s board')" in capsys.readouterr().out
    after = polib.pofile(str(catalogue.catalogue_file("de")))
    assert after.find("Long gone") is None
    assert after.find("%(nouns)s board").msgstr == ""
    assert after.find("Saved.").msgstr == "Gespeichert."


@pytest.mark.parametrize(
    ("said", "gaps", "expected"),
    [
        (
            "A %(noun)s starts as %(state)s.",
            {"noun": "Organization", "state": "New"},
            "An Organization starts as New.",
        ),
        ("a %(noun)s, a %(noun)s", {"noun": "ExchangeRate"}, "an ExchangeRate, an ExchangeRate"),
        ("There is such a %s already.", "Activity", "There is such an Activity already."),
        (
            "As %(role)s you may not make a %(noun)s.",
            {"role": "admin", "noun": "User"},
            "As admin you may not make a User.",
        ),
    ],
)
def test_an_article_fits_what_follows_it(said: str, gaps: Any, expected: str) -> None:
    assert wording.fill(said, gaps) == expected
    with translation.override("de"):
        assert wording.fill("Nicht a %(noun)s", {"noun": "Organisation"}) == "Nicht a Organisation"


def test_no_article_stands_before_a_gap_that_is_filled_as_it_is() -> None:
    """``a %(noun)s`` is filled by ``wording.fill``; what is no message says ``with_article``."""
    before_a_gap = re.compile(r"\b[Aa] \{")
    for path in (p for app in ("headlessly", "crm", "marketing") for p in Path(app).rglob("*.py")):
        text = path.read_text()
        assert not [line for line in text.splitlines() if before_a_gap.search(line)], path
        if not wording.ARTICLE.search(text):
            continue
        for each in ast.walk(ast.parse(text)):
            if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Mod):
                said = [n.value for n in ast.walk(each.left) if isinstance(n, ast.Constant)]
                assert not any(wording.ARTICLE.search(str(text)) for text in said), (path, said)
