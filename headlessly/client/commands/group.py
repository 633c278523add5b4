"""Finds a command: in the modules of commands, or made from a noun of the tenant."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from headlessly.client.commands import nouns
from headlessly.client.commands.failures import ReaderGone
from headlessly.client.commands.state import State
from headlessly.client.declarations import UnknownName

VERB = re.compile(r"[A-Z]\w*\.\w[\w-]*\Z")


def complete_noun_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Returns the nouns that complete the typed text."""
    declared = State.of_context(ctx).cached_declarations
    return [n for n in (declared.nouns if declared else ()) if n.startswith(incomplete)]


#: Parameters that commands share: the format of the answer, and an optional noun.
Output = Annotated[str | None, typer.Option("--output", metavar="FORM", help=nouns.OUTPUT.help)]
OneNoun = Annotated[
    str | None,
    typer.Argument(help="Lead, for one; all if not said", autocompletion=complete_noun_names),
]


class NounCommands(TyperGroup):
    """The commands of :mod:`.app`, and one for every noun and verb of the tenant."""

    #: Whether only names and summaries are needed, for which the cached declarations are enough.
    light = False
    #: Whether this is shell completion, in which every verb is a command.
    completing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Returns the fixed commands, and those of cached nouns."""
        own = super().list_commands(ctx)
        declared = State.of_context(ctx).cached_declarations if self.light else None
        if declared is None:
            return own
        found = [*own, *declared.nouns]
        if self.completing:
            found += [
                f"{n.name}.{word}" for n in declared.nouns.values() for word in nouns.words_of(n)
            ]
        return found

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if (own := super().get_command(ctx, cmd_name)) is not None:
            return own
        if not cmd_name[:1].isupper():
            return None
        state = State.of_context(ctx)
        name, word = nouns.split_name(cmd_name)
        declared = state.cached_declarations if self.light or state.completing else state.declared
        if declared is None or (noun := declared.nouns.get(name)) is None:
            return None
        if word is not None and word not in nouns.words_of(noun):
            return None
        if self.light:
            summary = noun.description if word is None else nouns.summary_of(noun, word)
            return TyperCommand(cmd_name, help=summary, rich_help_panel="Nouns")
        return nouns.make_command(noun, word)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.light = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.light = False

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        self.light = self.completing = True
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self.light = self.completing = False

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderGone from None  # typer would report a failure

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] == "do" and len(args) > 1 and VERB.match(args[1]):
            args = args[1:]
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            raise self._unknown(ctx, name)
        return super().resolve_command(ctx, args)

    def _unknown(self, ctx: Any, name: str) -> Exception:
        own = TyperGroup.list_commands(self, ctx)
        if not name[:1].isupper() and "." not in name:
            return UnknownName(f"There is no command {name}.", name, own)
        noun, word = nouns.split_name(name)
        declared = State.of_context(ctx).declared
        if noun not in declared.nouns:
            return UnknownName(f"There is no noun {noun}.", noun, declared.nouns)
        return UnknownName(
            f"{noun} has no verb {word}.", word or "", nouns.words_of(declared.nouns[noun])
        )
