"""What a form refuses of rows is said in the words of its rows; programs are told names."""

from __future__ import annotations

import json
from typing import Any

from tests.headlessly.admin.signed_in import client_of

ADD = "/~acme/admin/crm/rule/add/?kind=Automation"


def refused(client: Any, *steps: dict[str, Any]) -> str:
    given = {
        "name": "R", "kind": "Automation", "events": "Lead.Created", "steps": json.dumps(steps),
        "condition": json.dumps({"type": "Lead", "filter": {}}),
    }  # fmt: skip
    answer = client.post(ADD, given)
    assert answer.status_code == 422
    return answer.content.decode().split('id="id_steps_error">')[1].split("</p>")[0]


def test_a_step_is_refused_in_the_words_of_its_row(users: Any, acme: Any) -> None:
    ann = client_of(users.ann)
    said = refused(ann, {"do": "Activity.create", "with": {}})
    assert "it needs Subject." in said and "with:" not in said, said
    said = refused(ann, {"do": "Activity.create", "with": {"subject": "A", "wheN": "x"}})
    assert "Due" in said and "dueAt" not in said and "with:" not in said, said
    said = refused(ann, {"do": "Activity.dance", "with": {}})
    assert "Activity: Create" in said, said
    users.ann.language = "de"
    users.ann.save()
    said = refused(client_of(users.ann), {"do": "Activity.create", "with": {"type": "Dance"}})
    assert said.startswith("Schritt 1: ") and "type" not in said, said
