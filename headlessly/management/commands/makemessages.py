"""`manage.py makemessages de`: updates a catalogue of translations, and compiles it.

It replaces Django's command, as it also collects the words of declarations, and needs no gettext.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

import polib
from django.core.management.base import BaseCommand, CommandError

from headlessly.management import catalogue


class Command(BaseCommand):
    help = (
        "Add new messages to a catalogue, drop those that nobody says any more, and compile it. "
        "What is not translated yet is printed; write it into the .po and run this again."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("language", nargs="*", help="all that are there, when not given")
        parser.add_argument(
            "--check",
            action="store_true",
            help="change nothing; list what is English so far, and fail on what is translated wrongly",
        )

    def handle(self, *, language: list[str], check: bool, **_: Any) -> None:
        there = (path.name for path in catalogue.locale_folder().iterdir() if path.is_dir())
        found = language or sorted(there)
        wrong = False
        for name in found:
            if not check:
                self._update(name)
            said = catalogue.findings(name)
            for problem in (*said.faults, *said.gaps):
                self.stdout.write(f"{name}: {problem}")
            self.stdout.write(f"{name}: {len(said.gaps)} to do, {len(said.faults)} wrong")
            wrong = wrong or bool(said.faults)
        if check and wrong:
            raise CommandError("A translation is wrong. Mend it in the .po, and run makemessages.")

    @staticmethod
    def _update(language: str) -> None:
        file = catalogue.catalogue_file(language)
        known: dict[catalogue.Key, Any] = {}
        made = polib.POFile(wrapwidth=100)
        made.metadata = {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Transfer-Encoding": "8bit",
            "Language": language,
            "Plural-Forms": "nplurals=2; plural=(n != 1);",
        }
        if file.exists():
            before = polib.pofile(str(file))
            made.metadata = before.metadata
            known = {(entry.msgctxt, entry.msgid): entry for entry in before}
        for message in catalogue.all_messages():
            entry = polib.POEntry(
                msgctxt=message.context,
                msgid=message.text,
                occurrences=[(place, "") for place in message.places],
                flags=message.flags,
            )
            old = known.get(message.key)
            if message.plural:
                entry.msgid_plural = message.plural
                entry.msgstr_plural = (old and old.msgstr_plural) or {0: "", 1: ""}
            elif old is not None:
                entry.msgstr = old.msgstr
            made.append(entry)
        file.parent.mkdir(parents=True, exist_ok=True)
        made.save(str(file))
        made.save_as_mofile(str(file.with_suffix(".mo")))
