"""The commands that the schema makes: ``Lead``, ``Lead.find``, ``Lead.convert``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import typer

from headlessly.client.commands import describe, options, output
from headlessly.client.commands.failures import UsageError
from headlessly.client.commands.options import Option
from headlessly.client.commands.state import State
from headlessly.client.declarations import NounDeclaration
from headlessly.client.lists import Found
from headlessly.client.records import DryRun, Record
from headlessly.client.wire import comma_separated, query_pairs, wire_name

#: What every noun can be asked.
READS = {
    "find": "Records that fit: --status Qualified --score.gte 80 --organization.industry Technology.",
    "get": "One record.",
    "count": "How many records fit, exactly.",
    "history": "The events of one record, newest first.",
}
#: How many records a list shows unless it is told.
SHOWN = 25
LOOSE = {"ignore_unknown_options": True, "allow_extra_args": True}

OUTPUT = Option(
    "output", "table, json, ndjson or csv; else a table on a terminal and json in a pipe",
    ("--output",), "FORM", panel="Answer",
    complete_with=lambda typed: [form for form in output.FORMS if form.startswith(typed)],
)  # fmt: skip
FIELDS = Option("fields", "which fields, with commas", ("--fields",), "A,B", panel="Answer")
FILTER = Option(
    "filter", 'the filter language: {"score": {"$gte": 80}}; - reads it from stdin',
    ("--filter",), "JSON", panel="Which",
)  # fmt: skip
WORDS = Option("q", "words in any searchable field", ("--q", "-q"), "WORDS", panel="Which")
AS_OF = Option(
    "as_of", "as it was then: 2026-01-31T09:00:00Z, 7d ago", ("--as-of", "--asOf"), "MOMENT",
    panel="Which",
)  # fmt: skip
SORT = Option(
    "sort", "by which fields, - for descending: -score,createdAt", ("--sort",), "A,-B",
    panel="Which",
)  # fmt: skip
INCLUDE = Option(
    "include", "what to read with it: contact,organization", ("--include",), "A,B", panel="Answer"
)
ID = Option("id", "of the record", metavar="ID", kind=str, argument=True)
DRY_RUN = Option(
    "dry_run", "tell what would happen, and change nothing", ("--dry-run", "--dryRun"),
    kind=bool, default=False, panel="How",
)  # fmt: skip
IF_MATCH = Option(
    "if_match", "refuse unless this is the record's version", ("--if-match",), "N",
    kind=int | None, panel="How",
)  # fmt: skip
JSON = Option(
    "json", "the input as a JSON object, - from stdin; options go first", ("--json",), "JSON",
    panel="How",
)  # fmt: skip


def words_of(noun: NounDeclaration) -> list[str]:
    """Everything that can be said of a noun."""
    return [*READS, *noun.verbs]


def summary_of(noun: NounDeclaration, word: str) -> str:
    return READS.get(word) or noun.verbs[word]["description"]


def make_command(noun: NounDeclaration, word: str | None) -> Any:
    """The command of a noun (without a word) or of one of its words."""
    if word is None:
        return _make_typer_command(noun.name, noun.description, [OUTPUT], _describe_command(noun))
    name = f"{noun.name}.{word}"
    if word in READS:
        settings = LOOSE if word in ("find", "count") else {}
        return _make_typer_command(
            name, _help_text(noun, word), READING[word][0](noun), READING[word][1](noun), settings
        )
    return _make_typer_command(
        name, _help_text(noun, word), _verb_options(noun, word), _verb_command(noun, word)
    )


def _make_typer_command(
    name: str, doc: str, taken: list[Option], run: Any, settings: Mapping[str, Any] | None = None
) -> Any:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    made = options.make_function(taken, run, doc)
    app.command(name, context_settings=dict(settings or {}))(made)
    return typer.main.get_command(app)


def _help_text(noun: NounDeclaration, word: str) -> str:
    if word not in noun.verbs:
        return READS[word]
    declared = noun.verbs[word]
    parts = [declared["description"]]
    if "from" in declared:
        parts.append(f"Possible from {', '.join(declared['from'])}.")
    if declared.get("finds"):
        parts.append(f"Updates the one with this {declared['finds']}, where there is one.")
    return "\n\n".join(parts)


# -- asking ---------------------------------------------------------------------------------------


def _find_options(noun: NounDeclaration) -> list[Option]:
    own = [
        FILTER, WORDS, SORT, AS_OF,
        Option("limit", f"how many; {SHOWN}", ("--limit",), "N", kind=int | None, panel="Which"),
        Option("all", "all of them", ("--all",), kind=bool, default=False, panel="Which"),
        INCLUDE, FIELDS, OUTPUT,
    ]  # fmt: skip
    return _with_fields(noun, own)


def _with_fields(noun: NounDeclaration, own: list[Option]) -> list[Option]:
    """The options, and one for the value of each field; lookups (``--score.gte``) are read apart."""
    taken = {flag for option in own for flag in option.flags}
    fields = [
        options.option_of_field(wire, field, panel="Fields")
        for wire, field in noun.fields.items()
        if not field.get("computed") and not taken & set(options.flags(wire))
    ]
    return own + fields


def _list_query(noun: NounDeclaration, context: typer.Context, given: dict[str, Any]) -> Any:
    """The question of a list: its filter, its words, its moment and its conditions."""
    conditions = options.parse_conditions(context.args, noun, str(context.info_name))
    for wire in noun.fields:
        if (text := given.get(options.parameter_name(wire))) is not None:
            conditions[wire] = text
    filter = given.get("filter")
    asked = query_pairs(
        filter=None
        if filter is None
        else output.dump_json(options.parse_object(filter, "--filter")),
        q=given.get("q"),
        sort=given.get("sort"),
        asOf=given.get("as_of"),
    )
    return asked + tuple(conditions.items())


def _find_command(noun: NounDeclaration) -> Any:
    def run(context: typer.Context, given: dict[str, Any]) -> None:
        state = State.of_context(context)
        form = state.answer_form(output.check_form(given["output"]))
        limit = given["limit"]
        if limit is not None and limit < 0:
            raise UsageError("--limit is a number of records, 0 or more.")
        limit = None if given["all"] or limit == 0 else limit or SHOWN
        fields = given["fields"]
        columns = output.table_columns(noun, fields)
        include = given["include"]
        if include is None and form == "table":
            # A person reads names, not ids.
            include = [n for n in columns if noun.fields.get(n, {}).get("type") == "reference"]
        asked = _list_query(noun, context, given) + query_pairs(
            include=comma_separated(include), fields=comma_separated(fields)
        )
        found: Found[Record] = Found(
            state.client._session, lambda _: f"/{noun.plural}", asked, limit=limit
        )
        rows = (record.to_dict() for record in found)
        shown = output.write_rows(rows, form, columns, output.csv_columns(noun, fields))
        if limit is not None and shown == limit and (total := found.total) > shown:
            output.write_note(f"{shown} of {total:,}. --limit N or --all shows more.")
        elif not shown and form == "table":
            output.write_note("None.")

    return run


def _count_command(noun: NounDeclaration) -> Any:
    def run(context: typer.Context, given: dict[str, Any]) -> None:
        state = State.of_context(context)
        asked = _list_query(noun, context, given)
        found: Found[Record] = Found(state.client._session, lambda _: f"/{noun.plural}", asked)
        output.write(f"{found.count()}\n")

    return run


def _get_command(noun: NounDeclaration) -> Any:
    def run(context: typer.Context, given: dict[str, Any]) -> None:
        state = State.of_context(context)
        form = state.answer_form(output.check_form(given["output"]))
        record = state.client._session.noun(noun.name).get(
            given["id"],
            include=given["include"] or (),
            fields=given["fields"],
            as_of=given["as_of"],
        )
        output.write_one(record.to_dict(), form)

    return run


def _history_command(noun: NounDeclaration) -> Any:
    def run(context: typer.Context, given: dict[str, Any]) -> None:
        state = State.of_context(context)
        form = state.answer_form(output.check_form(given["output"]))
        found = state.client._session.noun(noun.name).history(given["id"])
        found._limit = given["limit"] or None
        columns = ("timestamp", "name", "actor", "version", "previous")
        every = ("$id", "timestamp", "name", "target", "actor", "version", "previous", "cause")
        output.write_rows((event.to_dict() for event in found), form, columns, every)

    return run


def _describe_command(noun: NounDeclaration) -> Any:
    def run(context: typer.Context, given: dict[str, Any]) -> None:
        describe.describe_noun(
            noun, State.of_context(context).answer_form(output.check_form(given["output"]))
        )

    return run


LIMIT = Option("limit", "how many", ("--limit",), "N", kind=int | None)
READING: dict[str, tuple[Callable[[NounDeclaration], list[Option]], Callable[..., Any]]] = {
    "find": (_find_options, _find_command),
    "get": (lambda noun: [ID, INCLUDE, FIELDS, AS_OF, OUTPUT], _get_command),
    "count": (lambda noun: _with_fields(noun, [FILTER, WORDS, AS_OF]), _count_command),
    "history": (lambda noun: [ID, LIMIT, OUTPUT], _history_command),
}


# -- doing ----------------------------------------------------------------------------------------


def _verb_options(noun: NounDeclaration, verb: str) -> list[Option]:
    """The options of a verb: its input first, and of ours those whose names it leaves."""
    declared = noun.verbs[verb]
    made = [] if declared.get("creates") else [ID]
    # What has no field to be called by is typed as --json.
    for wire, field in (declared.get("input") or {}).items():
        required = bool(field.get("required")) and verb != "update"
        made.append(options.option_of_field(wire, field, required=required, panel="Input"))
    taken = {flag for option in made for flag in option.flags}
    own = [JSON, DRY_RUN, OUTPUT] if declared.get("creates") else [JSON, DRY_RUN, IF_MATCH, OUTPUT]
    return made + [each for each in own if not taken & set(each.flags)]


def _verb_command(noun: NounDeclaration, verb: str) -> Any:
    declared = noun.verbs[verb]
    takes = declared.get("input") or {}

    def run(context: typer.Context, given: dict[str, Any]) -> None:
        state = State.of_context(context)
        form = state.answer_form(output.check_form(given.get("output")))
        inputs = options.parse_object(given["json"], "--json") if given.get("json") else {}
        for wire, field in takes.items():
            text = given.get(options.parameter_name(wire))
            if text is not None:
                inputs[wire] = options.parse_value(field, text, options.flags(wire)[0])
        dry_run = bool(given.get("dry_run"))
        session = state.client._session
        result = session.run(
            session.execute(
                noun.name,
                verb,
                given.get("id"),
                inputs,
                dry_run=dry_run,
                if_match=given.get("if_match"),
            )
        )
        write_result(result, noun, form, f"{noun.name}.{verb} {given.get('id')}")

    return run


def write_result(result: Any, noun: NounDeclaration, form: str, what: str) -> None:
    """What a verb came to."""
    if isinstance(result, DryRun):
        output.write_dry_run(
            result.record.to_dict(), [event.to_dict() for event in result.events], form
        )
    elif result is None:
        output.write_note(f"{what}: done.")
    elif form == "table":
        data = result.to_dict()
        output.write_one({n: v for n, v in data.items() if v is not None and n != "$context"}, form)
    else:
        output.write_one(result.to_dict(), form)


def split_name(name: str) -> tuple[str, str | None]:
    """``Lead.lostBy`` as noun and word."""
    noun, dot, word = name.partition(".")
    return noun, wire_name(word.replace("-", "_")) if dot else None
