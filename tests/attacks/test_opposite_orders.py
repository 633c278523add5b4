"""Several write the same records in opposite order, each all or nothing."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial

from tests.attacks.site import Answer, Site, all_at_once

CLIENTS, BATCHES = 8, 3


def test_never_fails_where_batches_and_scripts_lock_each_other(site: Site) -> None:
    leads = [
        site.call(
            "POST", "/leads", {"name": f"Lead {n}", "source": "website"}, tenant="greedy"
        ).body["$id"]
        for n in range(12)
    ]

    def send_batches(number: int) -> list[Answer]:
        order = leads if number % 2 else leads[::-1]
        operations = [
            {"method": "PATCH", "path": f"/leads/{id}", "body": {"score": number}} for id in order
        ]
        code = "\n".join(f'Lead.update("{id}", score={number + 10})' for id in order)
        found = []
        for turn in range(BATCHES):
            if number < 6:
                sent = {"operations": operations, "atomic": True}
                found.append(site.call("POST", "/batch", sent, tenant="greedy", timeout=90))
            else:
                found.append(site.script(f"# {turn}\n{code}", "greedy"))
        return found

    began = time.monotonic()
    answers = [
        each
        for sent in all_at_once([partial(send_batches, n) for n in range(CLIENTS)])
        for each in sent
    ]
    took = time.monotonic() - began
    statuses = Counter(each.status for each in answers)

    assert set(statuses) <= {200, 409, 429, 503}, statuses
    errors = Counter(each.body.get("error") for each in answers)
    assert set(errors) <= {None, "conflict", "rate_limited", "unavailable"}, errors
    assert errors[None] >= len(answers) // 2
    assert all("retry-after" in each.headers for each in answers if each.status in (429, 503))
    assert took < 10, (took, statuses)
