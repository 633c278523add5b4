"""What the OpenAPI document says of the addresses that sales adds."""

from __future__ import annotations

from crm.models import Rule, RuleRun
from headlessly.api.json_schema import (
    COUNT,
    MOMENT,
    TEXT,
    TEXTS,
    WHEN,
    Schema,
    id_schema,
    nullable,
    object_schema,
    ref,
)
from headlessly.api.openapi.components import list_schema
from headlessly.api.openapi.operations import NOTHING, operation, read_operation, write_operation
from headlessly.api.openapi.parameters import path_parameter, query_parameter, shared_parameters
from headlessly.api.openapi.responses import WRITING, success_response

STATE: Schema = TEXT | {"enum": [*RuleRun.STATES]}


def paths() -> dict[str, Schema]:
    """Their path items."""
    rule = path_parameter(Rule.prefix)
    run = query_parameter("run", id_schema(RuleRun.prefix), place="path") | {"required": True}
    changes = {
        what: {
            "parameters": [rule, run],
            "post": write_operation(f"ruleRun{name}", said, "Rule", "RuleRun", NOTHING, "202", (404, 409)),
        }
        for what, name, said in (
            ("stop", "Stop", "Stop a run that is not over."),
            ("retry", "Retry", "Try the step again at which a run failed."),
        )
    }  # fmt: skip
    return {
        "/rules/{id}/runs": {
            "parameters": [rule],
            "get": read_operation(
                "ruleRuns",
                "What an automation did and waits for, the newest first.",
                "Rule",
                "RuleRunList",
                (403, 404),
                paged=True,
                own=[query_parameter("state", STATE, "Only the runs in this state.")],
            ),
            "post": write_operation(
                "ruleRunAll",
                "Run an automation on all that is there and fits, or an assignment on the leads that are "
                "nobody's; with dryRun say on what.",
                "Rule",
                "RuleRunsAsked",
                NOTHING,
                "202",
                (403, 404, 409),
                "dryRun",
            ),
        },
        "/rules/{id}/failures": {
            "parameters": [rule],
            "get": read_operation(
                "ruleFailures",
                "What a rule failed at and has not made up for, the latest first; nextAt is when it is tried "
                "again, null for what is not any more.",
                "Rule",
                "RuleFailureList",
                (403, 404),
                paged=True,
            ),
        },
        "/rules/{id}/failures/retry": {
            "parameters": [rule],
            "post": write_operation(
                "ruleFailuresRetry",
                "Try everything again now that a rule failed at.",
                "Rule",
                "RuleFailuresAsked",
                NOTHING,
                "202",
                (403, 404),
            ),
        },
        "/rules/{id}/backtest": {
            "parameters": [rule],
            "post": operation(
                "ruleBacktest",
                "What a rule would have done over the events of a period; nothing is written.",
                "Rule",
                {"200": success_response("What it would have done.", ref("RuleBacktest"))},
                parameters=[
                    query_parameter(
                        "from", WHEN, "Since when; 90 days before the end unless said."
                    ),
                    query_parameter("to", WHEN, "Until when; now unless said."),
                    *shared_parameters("idempotencyKey"),
                ],
                errors=(404, *WRITING),
                writes=True,
                requestBody=NOTHING,
            ),
        },
        "/rules/{id}/runs/{run}/stop": changes["stop"],
        "/rules/{id}/runs/{run}/retry": changes["retry"],
    }


def components() -> dict[str, Schema]:
    """What they answer."""
    step = object_schema(
        {
            "step": {"type": "object"},
            "state": TEXT,
            "at": MOMENT,
            "until": MOMENT,
            "did": object_schema({"type": TEXT, "id": TEXT}, ("type", "id")),
            "error": TEXT,
        },
        ("step", "state"),
    )
    run = {
        "id": id_schema(RuleRun.prefix),
        "rule": id_schema(Rule.prefix),
        "ruleVersion": {"type": "integer"},
        "record": TEXT,
        "recordType": TEXT,
        "event": nullable(TEXT),
        "eventName": nullable(TEXT),
        "moment": MOMENT,
        "state": STATE,
        "because": nullable(TEXT),
        "nextAt": nullable(MOMENT),
        "endedAt": nullable(MOMENT),
        "steps": {"type": "array", "items": step},
    }
    failure = {
        "rule": id_schema(Rule.prefix),
        "ruleVersion": {"type": "integer"},
        "record": TEXT,
        "recordType": TEXT,
        "because": TEXT,
        "failures": COUNT,
        "firstAt": MOMENT,
        "lastAt": MOMENT,
        "nextAt": nullable(MOMENT),
    }
    asked = {"dryRun": {"type": "boolean"}, "count": COUNT, "records": TEXTS}
    tried = {
        "rule": id_schema(Rule.prefix),
        "version": {"type": "integer"},
        "kind": TEXT,
        "from": MOMENT,
        "to": MOMENT,
        "complete": {"type": "boolean", "description": "Whether there was time for all of it."},
        "reached": MOMENT,
        "events": COUNT,
        "fitting": COUNT,
    }
    return {
        "RuleBacktest": object_schema(tried, tried),
        "RuleFailure": object_schema(failure, failure),
        "RuleFailureList": list_schema(ref("RuleFailure")),
        "RuleFailuresAsked": object_schema({"count": COUNT}, ("count",)),
        "RuleRun": object_schema(run, run),
        "RuleRunList": list_schema(ref("RuleRun")),
        "RuleRunsAsked": object_schema(asked, asked),
    }
