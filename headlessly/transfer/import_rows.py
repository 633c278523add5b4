"""Imports rows: many at once if no hook can notice, otherwise each in its own savepoint."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, transaction

from headlessly.errors import Conflict, HeadlesslyError
from headlessly.execution import executor, inputs
from headlessly.transfer.bulk_create import Collision, Gathering, Importing
from headlessly.transfer.described_records import Known
from headlessly.transfer.outcomes import (
    CREATED,
    UNCHANGED,
    Outcome,
    Refusal,
    explain_problem,
    list_problems,
)
from headlessly.transfer.references import by_unique
from headlessly.transfer.row_lookup import RowLookup
from headlessly.transfer.row_readers import ObjectReader, TableReader
from headlessly.transfer.row_values import RowValues
from headlessly.transfer.row_verbs import RowVerbs, writes_together
from headlessly.transfer.rows import Row

if TYPE_CHECKING:
    from headlessly.transfer.models import Import

logger = logging.getLogger(__name__)


class Taker:
    """Imports the rows of one import, in the active tenant as the current actor."""

    def __init__(
        self, source: Import, reader: TableReader | ObjectReader, *, foreign: bool
    ) -> None:
        self.source, self.reader = source, reader
        self.lookup = RowLookup(source, reader, foreign=foreign)
        self.verbs = RowVerbs(self.lookup)
        self.together = not any(
            hook.needs_rows for verb in self._verbs() for hook in (verb.before, verb.after)
        )

    def gathering(self) -> Gathering:
        return Gathering(
            self.lookup.sets_protected_fields, self.source.event, set(self.lookup.made)
        )

    def take_together(self, rows: Sequence[Row], gathering: Gathering) -> Outcome:
        """Import rows in the current execution. Raises Collision if the database refuses one of them."""
        self.lookup.describer.forget()
        said = [self.lookup.read(row) for row in rows]
        found, twins = self._prepare(said, gathering)
        outcome = Outcome()
        keys: set[Any] = set()
        for each in said:
            target = found.get(each.key) if each.key is not None else None
            if target is None and self.lookup.is_new(each, gathering.taken, keys):
                gathering.flush()
                target = self.lookup.find_target(each.key)
            if each.again:
                gathering.flush()
                self.lookup.resolve_again(each)
            twin = twins.get(self.lookup.twin_key(each)) if twins else None
            made: list[Known] = []
            self._note(outcome, each, made, partial(self.verbs.take, each, target, twin, made))
            keys.add(each.key)
        if self.source.dry_run:
            self.lookup.made |= gathering.taken
            self.lookup.made_keys |= keys
            self.lookup.describer.forget()
        return outcome

    def _prepare(
        self, said: Sequence[RowValues], gathering: Gathering
    ) -> tuple[dict[Any, str], dict[Any, str]]:
        """Look up for all rows at once what each would look up: references, and existing records."""
        self.lookup.look_up(said)
        data = [each.data for each in said if not each.problems]
        for name, ids in self.lookup.references.ids(data).items():
            inputs.lock_references(gathering, self.lookup.noun.registry[name], ids)
        for each in self.lookup.unique:
            there = by_unique(
                self.lookup.noun.objects.all(), each, self.lookup.given_values(each, said)
            )
            gathering.taken.update((self.lookup.schema.name, each.name, key) for key in there)
        found = (
            self.lookup.find_targets({e.key for e in said if e.key is not None})
            if self.lookup.match
            else {}
        )
        return found, self.lookup.find_twins(said)

    def take_singly(self, rows: Sequence[Row]) -> Outcome:
        """Import rows, each in its own savepoint, with everything that its hooks do."""
        outcome = Outcome()
        self.lookup.describer.forget()
        said = [self.lookup.read(row) for row in rows]
        self.lookup.look_up(said)
        twins = self.lookup.find_twins(said)
        for each in said:
            if each.again:
                self.lookup.resolve_again(each)
            twin = twins.get(self.lookup.twin_key(each)) if twins else None
            made: list[Known] = []
            self._note(outcome, each, made, partial(self._alone, each, twin, made))
            if self.source.dry_run and each.key is not None:
                self.lookup.made_keys.add(each.key)
        if self.source.dry_run:
            self.lookup.describer.forget()
        return outcome

    def _alone(self, said: RowValues, twin: str | None, made: list[Known]) -> str:
        for attempt in (1, 2):
            try:
                target = None if said.key is None else self.lookup.find_target(said.key)
                with executor.one_transaction(
                    make=lambda: Importing(self.lookup.sets_protected_fields, self.source.event)
                ):
                    return self.verbs.take(said, target, twin, made)
            except Conflict as problem:
                self.lookup.describer.forget(made)
                made.clear()
                # Somebody else has created it since we looked: now it exists.
                there = self.lookup.matcher is not None and problem.extra.get("existingId")
                if not (
                    there and problem.field == self.lookup.match and target is None and attempt == 1
                ):
                    raise
        raise AssertionError("unreachable")

    def _note(
        self, outcome: Outcome, said: RowValues, made: list[Known], take: Callable[[], str]
    ) -> None:
        """Import one row, and count its outcome."""
        if said.row.problem is not None:
            problems = [{"field": None, "message": said.row.problem}]
        elif said.problems:
            problems = list_problems(said.problems | self.lookup.also_wrong(said))
        else:
            try:
                became = take()
                outcome.counts[became] += 1
                if made:
                    outcome.made += self.lookup.describer.count(made)
                problems = list_problems(said.left_out)
                if became == CREATED and (told := self.lookup.told_alike(said)) is not None:
                    problems.append({"field": None, "message": told})
                if problems:
                    outcome.warnings.append((said.row.number, problems))
                if became in (CREATED, UNCHANGED) and said.twin:
                    outcome.already_here += 1
                return
            except HeadlesslyError as problem:
                if (made or self.lookup.describer.completion.filled) and writes_together():
                    # Its other effects must not be kept: go one by one.
                    raise Collision from problem
                self.lookup.describer.forget(made)
                problems = explain_problem(problem)
            except (OperationalError, Collision):
                raise
            except Exception as problem:
                if transaction.get_connection().needs_rollback or writes_together():
                    raise
                self.lookup.describer.forget(made)
                logger.exception("row %s of %s failed", said.row.number, self.source.pk)
                problems = explain_problem(problem)
        outcome.refusals.append(Refusal(said.row, problems))

    def _verbs(self) -> list[Any]:
        """Returns the verbs that may be executed. Unless one of their hooks reads rows, these can be written
        together."""
        described = [f.target_noun for f in self.lookup.describer.fields]
        updating = [self.lookup.noun.verbs["update"]] if self.lookup.match else []
        completing = [noun.verbs["update"] for noun in described]
        return [
            *(noun.verbs["create"] for noun in (self.lookup.noun, *described)),
            *updating,
            *completing,
        ]
