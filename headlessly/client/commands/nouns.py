"""Commands made from the schema: ``Lead``, ``Lead.find``, ``Lead.convert``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

import typer

from headlessly.client.calls import Call
from headlessly.client.commands import describe, options, output
from headlessly.client.commands.failures import UsageError
from headlessly.client.commands.options import Option
from headlessly.client.commands.state import State
from headlessly.client.declarations import NounDeclaration
from headlessly.client.lists import Found
from headlessly.client.records import DryRun, Record
from headlessly.client.wire import comma_separated, query_pairs, wire_name

#: The read commands of every noun.
READS = {
    "find": "Records that fit: --status Qualified --score.gte 80 --organization.industry Technology.",
    "get": "One record.",
    "count": "How many records fit, exactly.",
    "aggregate": "Measured by group: --group source --measure count,sum(budget) --by month(createdAt).",
    "history": "The events of one record, newest first.",
}
#: The write command of every noun beside its verbs.
UPSERT = {
    "upsert": "Change the record that is called so, or create it: upsert email ada@x.example --title CEO."
}
#: How many records a list shows by default.
SHOWN = 25
Command = Callable[[NounDeclaration, typer.Context, dict[str, Any]], None]
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
    """Returns the names of all commands of a noun."""
    return [*READS, *UPSERT, *(n for n in noun.operations if n not in noun.verbs), *noun.verbs]


def summary_of(noun: NounDeclaration, word: str) -> str:
    return (READS | UPSERT).get(word) or noun.word(word)[1]["description"]


def make_command(noun: NounDeclaration, word: str | None) -> Any:
    """Returns the command of a noun (without a word) or of one of its words."""
    if word is None:
        name, doc, taken, run = noun.name, noun.description, [OUTPUT], partial(_describe, noun)
    else:
        name, doc = f"{noun.name}.{word}", _help_text(noun, word)
        if word in READS:
            make_options, read = READING[word]
            taken, run = make_options(noun), partial(read, noun)
        elif word in UPSERT:
            taken, run = _upsert_options(noun), partial(_upsert, noun)
        elif noun.is_operation(word):
            taken, run = _operation_options(noun, word), partial(_operate, noun, word)
        else:
            taken, run = _verb_options(noun, word), partial(_execute, noun, word)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    settings = dict(LOOSE) if word in ("find", "count", "aggregate") else {}
    app.command(name, context_settings=settings)(options.make_function(taken, run, doc))
    return typer.main.get_command(app)


def _help_text(noun: NounDeclaration, word: str) -> str:
    if word not in noun.verbs:
        return summary_of(noun, word)
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
    """Returns the options with one for each field. Lookups (``--score.gte``) are parsed separately."""
    taken = {flag for option in own for flag in option.flags}
    fields = [
        options.option_of_field(wire, field, panel="Fields")
        for wire, field in noun.fields.items()
        if not field.get("computed") and not taken & set(options.flags(wire))
    ]
    return own + fields


def _list_query(noun: NounDeclaration, context: typer.Context, given: dict[str, Any]) -> Any:
    """Returns the query of a list: its filter, words, moment and conditions."""
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


def _read_limit(given: dict[str, Any]) -> int | None:
    """Returns the limit, which is 0 for all. Raises UsageError."""
    limit: int | None = given["limit"]
    if limit is not None and limit < 0:
        raise UsageError("--limit is a number of records, 0 or more.")
    return limit


def _find(noun: NounDeclaration, context: typer.Context, given: dict[str, Any]) -> None:
    state, form = State.of_answer(context, given["output"])
    asked_for = _read_limit(given)
    limit = None if given["all"] or asked_for == 0 else asked_for or SHOWN
    fields = given["fields"]
    columns = output.table_columns(noun, fields)
    include = given["include"]
    if include is None and form == "table":
        # People read names rather than ids.
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


def _count(noun: NounDeclaration, context: typer.Context, given: dict[str, Any]) -> None:
    state = State.of_context(context)
    asked = _list_query(noun, context, given)
    found: Found[Record] = Found(state.client._session, lambda _: f"/{noun.plural}", asked)
    output.write(f"{found.count()}\n")


def _aggregate(noun: NounDeclaration, context: typer.Context, given: dict[str, Any]) -> None:
    state, form = State.of_answer(context, given["output"])
    own = {
        name: given[name] for name in ("group", "measure", "by", "having", "zone") if given[name]
    }
    asked = _list_query(noun, context, given)
    limit = {"limit": str(given["limit"])} if given["limit"] else {}
    session = state.client._session
    call = Call("GET", f"/{noun.plural}/aggregate", (*asked, *query_pairs(**own, **limit)))
    groups = session.run(session.request_json(call))["groups"]
    columns = list(dict.fromkeys(name for group in groups for name in group))
    output.write_rows(iter(groups), form, columns, columns)


def _get(noun: NounDeclaration, context: typer.Context, given: dict[str, Any]) -> None:
    state, form = State.of_answer(context, given["output"])
    record = state.client._session.noun(noun.name).get(
        given["id"],
        include=given["include"] or (),
        fields=given["fields"],
        as_of=given["as_of"],
    )
    output.write_one(record.to_dict(), form)


def _history(noun: NounDeclaration, context: typer.Context, given: dict[str, Any]) -> None:
    state, form = State.of_answer(context, given["output"])
    found = state.client._session.noun(noun.name).history(given["id"])
    found._limit = _read_limit(given) or None
    columns = ("timestamp", "name", "actor", "version", "previous")
    every = ("$id", "timestamp", "name", "target", "actor", "version", "previous", "cause")
    output.write_rows((event.to_dict() for event in found), form, columns, every)


def _describe(noun: NounDeclaration, context: typer.Context, given: dict[str, Any]) -> None:
    describe.describe_noun(noun, State.of_answer(context, given["output"])[1])


MEASURED = [
    Option("group", "fields to group by, with commas", ("--group",), "A,B", panel="Groups"),
    Option("measure", "count, sum(budget), avg(score), ...", ("--measure",), "A,B", panel="Groups"),
    Option("by", "a stretch of time: month(createdAt)", ("--by",), "UNIT(FIELD)", panel="Groups"),
    Option("zone", "the time zone of --by", ("--zone",), "ZONE", panel="Groups"),
    Option("having", '{"count": {"$gte": 10}}', ("--having",), "JSON", panel="Groups"),
]
LIMIT = Option("limit", "how many", ("--limit",), "N", kind=int | None)
#: The options and the function of each read command.
READING: dict[str, tuple[Callable[[NounDeclaration], list[Option]], Command]] = {
    "find": (_find_options, _find),
    "get": (lambda noun: [ID, INCLUDE, FIELDS, AS_OF, OUTPUT], _get),
    "count": (lambda noun: _with_fields(noun, [FILTER, WORDS, AS_OF]), _count),
    "aggregate": (
        lambda noun: _with_fields(noun, [FILTER, WORDS, AS_OF, SORT, *MEASURED, LIMIT, OUTPUT]),
        _aggregate,
    ),
    "history": (lambda noun: [ID, LIMIT, OUTPUT], _history),
}


# -- asking of one record, beside its fields ------------------------------------------------------


def _operation_options(noun: NounDeclaration, name: str) -> list[Option]:
    """Returns the options of an operation: parts of its address are arguments, others options."""
    declared = noun.operations[name]
    made = [ID]
    for wire, field in declared["takes"].items():
        if declared.get("paged") and wire in ("limit", "offset", "cursor"):
            continue
        if field.get("required"):
            argument = {"metavar": wire.upper(), "kind": str, "argument": True}
            made.append(
                Option(options.parameter_name(wire), field.get("description", ""), **argument)
            )
        else:
            shared = {"asOf": AS_OF, "dryRun": DRY_RUN}.get(wire)
            made.append(shared or options.option_of_field(wire, field, panel="Which"))
    return [*made, *([LIMIT] if declared.get("paged") else ()), OUTPUT]


def _operate(
    noun: NounDeclaration, name: str, context: typer.Context, given: dict[str, Any]
) -> None:
    state, form = State.of_answer(context, given["output"])
    declared, session = noun.operations[name], state.client._session
    asked = {"asOf": given.get("as_of"), "dryRun": given.get("dry_run") or None}
    for wire, field in declared["takes"].items():
        if (text := given.get(options.parameter_name(wire))) is not None:
            asked[wire] = options.parse_value(field, text, options.flags(wire)[0])
    asked = {wire: value for wire, value in asked.items() if value is not None}

    def ask(**page: Any) -> Any:
        return session.run(session.execute(noun.name, name, given["id"], asked | page))

    if not declared.get("paged"):
        output.write_answer(ask(), form)
        return
    most = _read_limit(given) or None
    rows = islice(
        output.every_row(lambda n, after: ask(limit=n, **({"cursor": after} if after else {}))),
        most,
    )
    columns = declared.get("columns") or ()
    if not output.write_rows(rows, form, columns, columns) and form == "table":
        output.write_note("None.")


# -- doing ----------------------------------------------------------------------------------------


def _verb_options(noun: NounDeclaration, verb: str) -> list[Option]:
    """Returns the options of a verb: its inputs first, then the general ones whose names are still free."""
    declared = noun.verbs[verb]
    made = [] if declared.get("creates") else [ID]
    # Inputs that are not declared can be given by --json.
    for wire, field in (declared.get("input") or {}).items():
        required = bool(field.get("required")) and verb != "update"
        made.append(options.option_of_field(wire, field, required=required, panel="Input"))
    taken = {flag for option in made for flag in option.flags}
    own = [JSON, DRY_RUN, OUTPUT] if declared.get("creates") else [JSON, DRY_RUN, IF_MATCH, OUTPUT]
    return made + [each for each in own if not taken & set(each.flags)]


def _upsert_options(noun: NounDeclaration) -> list[Option]:
    """Returns the arguments that identify the record, and the inputs of an update."""
    own = _verb_options(noun, "update" if "update" in noun.verbs else "create")
    named = [
        Option("by", "a unique field, or a system that has an id of it", metavar="FIELD|SYSTEM",
               kind=str, argument=True),
        Option("called", "the value, or the id", metavar="VALUE", kind=str, argument=True),
    ]  # fmt: skip
    return named + [option for option in own if option is not ID]


def _upsert(noun: NounDeclaration, context: typer.Context, given: dict[str, Any]) -> None:
    state, form = State.of_answer(context, given.get("output"))
    inputs = _inputs(noun, "update" if "update" in noun.verbs else "create", given)
    result = state.client._session.noun(noun.name).upsert(
        given["by"],
        given["called"],
        dry_run=bool(given.get("dry_run")),
        if_match=given.get("if_match"),
        **inputs,
    )
    write_result(result, form, f"{noun.name}.upsert {given['called']}")


def _inputs(noun: NounDeclaration, verb: str, given: dict[str, Any]) -> dict[str, Any]:
    """Returns the typed inputs of a verb, as JSON and by options."""
    inputs = options.parse_object(given["json"], "--json") if given.get("json") else {}
    for wire, field in (noun.verbs[verb].get("input") or {}).items():
        text = given.get(options.parameter_name(wire))
        if text is not None:
            inputs[wire] = options.parse_value(field, text, options.flags(wire)[0])
    return inputs


def _execute(
    noun: NounDeclaration, verb: str, context: typer.Context, given: dict[str, Any]
) -> None:
    state, form = State.of_answer(context, given.get("output"))
    inputs = _inputs(noun, verb, given)
    dry_run, if_match = bool(given.get("dry_run")), given.get("if_match")
    session = state.client._session
    steps = session.execute(
        noun.name, verb, given.get("id"), inputs, dry_run=dry_run, if_match=if_match
    )
    result = session.run(steps)
    write_result(result, form, f"{noun.name}.{verb} {given.get('id')}")


def write_result(result: Any, form: str, what: str) -> None:
    """Writes the result of a verb."""
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
    """Splits ``Lead.lostBy`` into noun and word."""
    noun, dot, word = name.partition(".")
    return noun, wire_name(word.replace("-", "_")) if dot else None
