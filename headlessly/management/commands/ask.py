"""`manage.py ask`: calls an operation of a record other than its verbs, such as `score`."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.context.tracing import request_id_scope
from headlessly.declaration.registry import registry
from headlessly.errors import HeadlesslyError
from headlessly.log.events import dump_json
from headlessly.query.record_operations import RecordOperation, record_operations


class Command(BaseCommand):
    help = (
        "Ask something of a record beside its fields, as the system: "
        "`ask acme lead_.../score asOf=2026-01-31`. The answer is JSON."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = "What there is:\n" + "\n".join(
            f"  <{noun.prefix} id>/{each.name} {' '.join(f'{name}=' for name in each.takes)}\n"
            f"      {each.description}"
            for noun in registry.values()
            for each in record_operations(noun)
        )
        parser.add_argument("tenant", metavar="SLUG", help="of which tenant")
        parser.add_argument("what", metavar="ID/NAME", help="rule_.../backtest, for one")
        parser.add_argument(
            "given", metavar="NAME=VALUE", nargs="*", default=[], help="what it takes"
        )

    def handle(self, *, tenant: str, what: str, given: list[str], **_: Any) -> None:
        found = Tenant.find_by_slug(tenant)
        if found is None:
            raise CommandError(f"There is no tenant {tenant}.")
        pairs = [each.partition("=") for each in given]
        if wrong := next((name for name, equals, _value in pairs if not equals), None):
            raise CommandError(f"{wrong}: say NAME=VALUE.")
        names = Counter(name for name, _equals, _value in pairs)
        if twice := next((name for name, times in names.items() if times > 1), None):
            raise CommandError(f"{twice} is given {names[twice]} times; give it once.")
        id, _slash, name = what.partition("/")
        with tenancy.active(found), actors.acting(actors.SYSTEM), request_id_scope():
            asked = self._find(id, name)
            try:
                answer = asked.answer(id, {name: value for name, _equals, value in pairs})
            except HeadlesslyError as problem:
                raise CommandError(problem.message) from None
            shown = orjson.dumps(orjson.loads(dump_json(answer)), option=orjson.OPT_INDENT_2)
        self.stdout.write(shown.decode())

    @staticmethod
    def _find(id: str, name: str) -> RecordOperation:
        """Returns the operation of this name. Raises CommandError, which lists those that exist."""
        prefix = id.rpartition("_")[0]
        nouns = {noun.prefix: record_operations(noun) for noun in registry.values()}
        there = {each.name: each for each in nouns.get(prefix, ())}
        if name not in there:
            known = there or {f"{p}_.../{e.name}": e for p, found in nouns.items() for e in found}
            raise CommandError(f"{id}/{name}: use one of {', '.join(known)}.")
        return there[name]
