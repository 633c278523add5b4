"""The six models of attribution from exported NDJSON: a plain script that knows nothing of the product.

    python tests/marketing/attribution_oracle.py touchpoints.ndjson leads.ndjson deals.ndjson

prints what each campaign earned under each model, in cents by currency. It is slow and says the contract in
its own words: exact fractions, and forty digits where a weight is irrational.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from datetime import datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def read(lines):
    return [json.loads(line, parse_float=Decimal) for line in lines if line.strip()]


def path_of(deal, leads, touches):
    own = {lead["$id"] for lead in leads if lead["deal"] == deal["$id"]}
    won = moment(deal["wonAt"])
    found = [
        touch
        for touch in touches
        if moment(touch["occurredAt"]) <= won
        and (touch["lead"] in own or (deal["contact"] and touch["contact"] == deal["contact"]))
    ]
    return sorted(found, key=lambda touch: (moment(touch["occurredAt"]), touch["$id"]))


def anchors_of(deal, leads, path):
    """Returns the places of F, L and O."""

    def last_until(then):
        places = [n for n, touch in enumerate(path) if moment(touch["occurredAt"]) <= then]
        return places[-1] if places else 0

    created = [moment(lead["$createdAt"]) for lead in leads if lead["deal"] == deal["$id"]]
    lead = last_until(min(created)) if created else 0
    return 0, lead, last_until(moment(deal["$createdAt"]))


def shares(model, path, anchors, won):
    """Returns the share of each touch; together they are one."""
    count = len(path)
    first, lead, opportunity = anchors
    if model == "FirstTouch":
        return [Fraction(n == 0) for n in range(count)]
    if model == "LastTouch":
        return [Fraction(n == count - 1) for n in range(count)]
    if model == "Linear":
        return [Fraction(1, count)] * count
    if model == "TimeDecay":
        with localcontext() as context:
            context.prec = 60
            days = [
                Decimal((won - moment(touch["occurredAt"])) // (won - won).resolution)
                / 86_400_000_000
                for touch in path
            ]
            weights = [Fraction(Decimal(2) ** (-each / 7)) for each in days]
        return [weight / sum(weights) for weight in weights]
    said = (
        [(first, 40), (lead, 40)]
        if model == "PositionBased"
        else [(first, 30), (lead, 30), (opportunity, 30)]
    )
    found = [Fraction(0)] * count
    for place, percent in said:
        found[place] += Fraction(percent, 100)
    others = [n for n in range(count) if n not in {place for place, _ in said}]
    rest = 1 - sum(found)
    if not others:
        return [each / sum(found) for each in found]
    for place in others:
        found[place] = rest / len(others)
    return found


def cents_of(value, parts):
    whole = int(value * 100)
    exact = [whole * part for part in parts]
    found = [each.numerator // each.denominator for each in exact]
    order = sorted(range(len(exact)), key=lambda n: (found[n] - exact[n], n))
    for place in order[: whole - sum(found)]:
        found[place] += 1
    return found


MODELS = ("FirstTouch", "LastTouch", "Linear", "PositionBased", "WShaped", "TimeDecay")


def credits(deal, leads, touches):
    """Returns for each model what each touch of a won deal earned, in cents."""
    path = path_of(deal, leads, touches)
    if not path:
        return {model: {} for model in MODELS}
    anchors = anchors_of(deal, leads, path)
    return {
        model: dict(
            zip(
                [touch["$id"] for touch in path],
                cents_of(deal["value"], shares(model, path, anchors, moment(deal["wonAt"]))),
                strict=True,
            )
        )
        for model in MODELS
    }


def report(by, deals, leads, touches):
    """Returns for each model and group what was earned, in cents by currency."""
    found = {model: defaultdict(lambda: defaultdict(int)) for model in MODELS}
    said = {touch["$id"]: touch[by] for touch in touches}
    for deal in deals:
        if deal["stage"] != "Won":
            continue
        for model, parts in credits(deal, leads, touches).items():
            for id, cents in parts.items():
                found[model][said[id]][deal["currency"]] += cents
            if not parts:
                found[model][None][deal["currency"]] += int(deal["value"] * 100)
    return found


if __name__ == "__main__":
    files = [Path(name).read_text().splitlines() for name in sys.argv[1:4]]
    touches, leads, deals = map(read, files)
    print(json.dumps(report("campaign", deals, leads, touches), indent=1))
