"""A wrong name is found by the type checker where the product is extended: tile, hook, verb, call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]

#: What somebody who extends the product would write, with one mistake in each marked line.
SNIPPET = dedent(
    '''
    from __future__ import annotations

    from typing import Any

    from crm import reports
    from crm.models import Deal, Lead, Organization
    from headlessly.admin.dashboards.figures import Tile, dashboard
    from headlessly.declaration.fields import String
    from headlessly.execution.executor import Context
    from headlessly.nouns import Noun, verb
    from headlessly.query.reports import Slice


    @dashboard.tile(rank=1)
    def tile(slice: Slice) -> Tile | None:
        found = slice.cached(reports.open_pipeline)
        found.evry  # a tile reads a number
        return None


    @Lead.convertign  # a hook is connected
    def connected(lead: Lead, ctx: Context) -> None: ...


    @Lead.converting
    def before(lead: Lead, ctx: Context) -> None:
        lead.statsu  # a hook reads a field
        ctx.Dela.create(name="Large")  # a hook names a noun
        ctx.Deal.creat(name="Large")  # a hook calls a verb
        lead.score + 1  # a hook reckons with what may be empty


    @Lead.converted  # a hook is of another noun
    def after(deal: Deal, ctx: Context) -> None: ...


    class Ticket(Noun):
        subject = String("what it is about", required=True)

        @verb(source="Open", tragte="Closed")  # a verb is declared
        def close(self) -> None:
            """Be done with it."""

        @verb
        def rename(self, *, subject: str) -> None:
            """Call it otherwise."""
            self.subject = subject or self.subjekt  # a verb reads a field


    @Ticket.renamed
    def renamed(ticket: Ticket, ctx: Context) -> None:
        ticket.rename(subject="", dry_run=True, if_match=1)
        Organization.score("organization_1", health=3)  # a call gives an input
    '''
)


def found(folder: Path) -> dict[int, str]:
    """What mypy says of the snippet, by line; with the cache of the project's own run."""
    (folder / "snippet.py").write_text(SNIPPET)
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", str(folder / "snippet.py")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said: dict[int, str] = {}
    for line in run.stdout.splitlines():
        where, _, what = line.partition(": error: ")
        if what:
            said.setdefault(int(where.rpartition(":")[2]), what)
    assert said, run.stdout + run.stderr
    return said


MISTAKES = {
    text.partition("  # ")[2]: number
    for number, text in enumerate(SNIPPET.splitlines(), 1)
    if "  # " in text
}


def test_it_finds_each_mistake_and_nothing_else(tmp_path: Path) -> None:
    said = found(tmp_path)
    assert [where for where, number in MISTAKES.items() if number not in said] == []
    assert {n: what for n, what in said.items() if n not in MISTAKES.values()} == {}
