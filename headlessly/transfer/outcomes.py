"""The outcome of an import's rows, with reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headlessly import errors
from headlessly.context import tracing
from headlessly.errors import HeadlesslyError
from headlessly.transfer.rows import Row

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"
#: The maximum length of a reason, in characters.
LONGEST_REASON = 1_000


@dataclass
class Refusal:
    """A row that was not imported, and why: ``[{field, message}]``."""

    row: Row
    problems: list[dict[str, Any]]


@dataclass
class Outcome:
    """The outcome of some rows."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys((CREATED, UPDATED, UNCHANGED), 0)
    )
    refusals: list[Refusal] = field(default_factory=list)
    #: What was left out of imported rows, by their number.
    warnings: list[tuple[int, list[dict[str, Any]]]] = field(default_factory=list)
    already_here: int = 0
    made: Counter[str] = field(default_factory=Counter)


def list_problems(problems: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns problems by field as ``[{field, message}]``."""
    return [
        {"field": name, "message": message[:LONGEST_REASON]} for name, message in problems.items()
    ]


def explain_problem(problem: Exception) -> list[dict[str, Any]]:
    """Returns an exception as ``[{field, message}]``."""
    if isinstance(problem, HeadlesslyError) and problem.details:
        return [
            {"field": each["field"], "message": each["message"][:LONGEST_REASON]}
            for each in problem.details
        ]
    _status, body = errors.status_and_body(problem)
    message = body["message"][:LONGEST_REASON]
    if not isinstance(problem, HeadlesslyError):
        message += f" ({tracing.request_id()})"
    return [{"field": body.get("field"), "message": message}]
