"""Scripts against the nouns: what they can say, what comes out, and what is left of one that fails."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from crm import Contact, Deal, Lead, Organization
from headlessly import scripts
from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.context import clock
from headlessly.database import prepared
from headlessly.errors import Conflict, HeadlesslyError
from headlessly.log.events import Event
from headlessly.scripts import limits, source
from tests.refusals import everything, refused

pytestmark = pytest.mark.django_db


def value(code: str) -> Any:
    return scripts.run(code).as_json()["value"]


def failure(code: str, line: int | None, *saying: str) -> dict[str, Any]:
    """The body of the error that ``code`` ends with, on this line; nothing was written."""
    with refused(scripts.ScriptFailed, *saying) as caught:
        scripts.run(code)
    assert caught.value.line == line
    body = caught.value.body()
    assert body.get("line") == line
    return body


# -- what a script says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("1 + 1", 2),
        ("return 3", 3),
        ("x = 5", None),
        ("def twice(n):\n    return 2 * n\n\ntwice(4)", 8),
        ("[n for n in range(3)]", [0, 1, 2]),
        ("{2: (1, 2), 'a': None, True: 0.5}", {"2": [1, 2], "a": None, "true": 0.5}),
        ("date(2026, 3, 1), timedelta(days=7).days", ["2026-03-01", 7]),
        ("json.loads('[1]'), math.floor(1.5)", [[1], 1]),
    ],
)
def test_it_answers_the_last_expression_or_what_is_returned(acme, code, expected):
    assert value(code) == expected


def test_it_finds_gets_counts_and_reads_fields_in_camel_and_snake_case(lead):
    code = """
found = Lead.find({"status": "New", "score": {"$gte": 80}}, sort="-score", limit=5)
for each in found:
    print(each.name, each.sourceDetail, each.source_detail, each["source"])
one = Lead.get(found[0].id, include=["contact", "organization"])
print(one.contact.name, one.organization.domain, one)
Lead.count({"status": "New"}), one.version, one.createdBy, len(Lead.find({"owner": one.owner}))
"""
    run = scripts.run(code)
    assert run.value == [1, 1, "system", 1]
    assert run.output == (
        "Acme Platform Evaluation /pricing /pricing website\n"
        f"Ada Chen acme.example <Lead {lead.pk} '{lead.name}'>\n"
    )
    assert run.events == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("Lead.find().first().name", "Acme Platform Evaluation"),
        ("Lead.find({'name': 'nobody'}).first()", None),
        ("found = Lead.find()\nfound . first ( ).name", "Acme Platform Evaluation"),
        ("(\n  Lead\n    .find({'score': 82})  # 1\n    .first()\n    .contact\n    .name\n)", "Ada Chen"),
        ("[each.contact.organization.domain for each in Lead.find()]", ["acme.example"]),
        (
            "f'{Lead.find()[0].contact.name}, {Lead.find().first()[\"owner\"].name}.deal.value'",
            "Ada Chen, Bob Stone.deal.value",
        ),
        ("lead = Lead.find().first()\nlead.contact.update(name='Ada B')\nlead.contact.name", "Ada B"),
        ("lead = Lead.find().first()\nlead.contact.startswith('contact_')", True),
        ("lead = Lead.find(include=['contact']).first()\nlead.contact.organization.domain", "acme.example"),
        (
            "x = 'lead.contact.name'  # lead.contact.name .first()\n'[].first()', x",
            ["[].first()", "lead.contact.name"],
        ),
        (
            "class Own:\n    def __init__(self):\n        self.contact = self\n        self.value = 1\n"
            "    def first(self):\n        return 7\n"
            "Own().first(), Own().contact.value, Own().contact.contact.first()",
            [7, 1, 7],
        ),
    ],
)  # fmt: skip
def test_it_reads_over_references_and_takes_the_first(lead, code, expected):
    assert value(code) == expected


def test_a_verb_takes_its_record_by_name_as_well(lead):
    code = f"""
Lead.update(id="{lead.pk}", score=7)
found = Lead.get(id="{lead.pk}")
Lead.lose(id=found, lostReason="No budget")
[len(Lead.history(id=found)), found.score, Lead.get(found.id).status]
"""
    assert value(code) == [3, 7, "Lost"]
    assert failure("Lead.convert(id='lead_x')", 1, "no Lead lead_x")["error"] == "not_found"
    said = failure("Lead.find()[0].update(id='lead_x')", 1, "id")
    assert (said["error"], said["field"]) == ("validation_error", "id")


def test_it_reads_the_value_of_the_deal_that_a_conversion_made(qualified):
    code = f"""
lead = Lead.get("{qualified.pk}")
lead.convert()
before = lead.deal.value
lead.deal.update(value=before + 1)
Deal.update(lead.deal, probability=20)
before, lead.deal.value, lead["deal"].probability
"""
    before, after, probability = value(code)
    assert (after, probability) == (before + 1, 20)


def test_it_reads_over_references_as_of_the_moment_of_the_record(lead):
    then = lead.updated_at.isoformat()
    Contact.update(lead.contact_id, name="Ada Now")
    Organization.update(lead.contact.organization_id, name="Now Corp")
    code = f"""
then = Lead.find({{"score": 82}}, asOf="{then}").first()
same = Lead.get(then.id, as_of="{then}", include=["contact"])
names = [then.contact.name, f"{{then['contact'].organization.name}}", same.contact.organization.name]
now = Lead.get(then.id)
names + [now.contact.name, now.contact.organization.name]
"""
    assert value(code) == ["Ada Chen", "Acme Corp", "Acme Corp", "Ada Now", "Now Corp"]


def test_it_counts_what_is_read_over_references_once_until_something_changes(lead, monkeypatch):
    few = dataclasses.replace(limits.limits_of(actors.current()), calls=3)
    monkeypatch.setattr(limits, "limits_of", lambda actor: few)
    lead_once = "lead = Lead.find().first()\n"
    assert value(lead_once + "[lead.contact.name for n in range(9)][0]") == "Ada Chen"
    failure(
        lead_once + "lead.contact.name\nlead.update(score=1)\nlead.contact.name",
        4,
        "at most 3 times",
    )


def test_it_finds_the_first_among_more_than_a_find_answers(lead, monkeypatch):
    monkeypatch.setattr("headlessly.scripts.host.MAX_FIND", 1)
    Lead.create(name="Second", source="event")
    failure("Lead.find()", 1, "More than 1")
    assert value("Lead.find(sort='-createdAt').first().name") == "Second"


def test_it_rewrites_the_longest_scripts_in_no_time():
    for code in (
        "a" + ".deal" * 3_900,
        "(" * 9_000 + ".first()",
        "x.find(" * 2_000 + ").first()" * 600,
    ):
        started = time.process_time()
        source.prepare(code, 20_000)
        assert time.process_time() - started < 1


def test_it_answers_a_record_as_every_surface_says_it(lead):
    said = value(f'Lead.get("{lead.pk}")')
    assert said["$id"] == lead.pk and said["$type"] == "Lead" and said["sourceDetail"] == "/pricing"
    assert said["$context"].endswith("/~acme")
    assert set(value(f'Lead.get("{lead.pk}", fields=["name"])')) >= {"$id", "name"}
    assert "score" not in value(f'Lead.get("{lead.pk}", fields=["name"])')


def test_a_record_is_also_read_like_a_dict_and_equals_its_id(lead, people):
    code = """
lead = Lead.find()[0]
bob = Contact.find({"name": "Bob Stone"})[0]
return [
    lead["sourceDetail"], lead["source_detail"], lead["$id"] == lead.id, "score" in lead, "colour" in lead,
    lead.get("score"), lead.get("colour", "red"), lead.to_dict()["name"],
    lead.owner == bob, bob == lead.owner, lead == lead.id, lead == bob, lead.owner in [bob], lead != lead.id,
]
"""
    assert value(code) == [
        *("/pricing", "/pricing", True, True, False, 82, "red", lead.name),
        *(True, True, True, False, True, False),
    ]


def test_it_executes_verbs_on_nouns_and_on_records_which_then_are_as_after_it(qualified, people):
    code = f"""
lead = Lead.get("{qualified.pk}")
before = lead.status
lead.update(score=90)
lead.update({{"need": "One tool"}}, budget=60000)
lead.convert()
lost = Lead.create(name="Other", source="referral", contact=lead.contact)
lost.lose(lost_reason="Price")
[before, lead.status, lead.score, lead.need, lead.version, Deal.get(lead.deal).value, lost.lostReason]
"""
    assert value(code) == ["Qualified", "Converted", 90, "One tool", 7, 60000, "Price"]
    assert Lead.get(qualified.pk).status == "Converted"


def test_it_takes_records_where_ids_belong_and_answers_the_survivor_of_a_merge(people):
    code = f"""
double = Contact.create(name="A. Chen", organization=Organization.get("{people.corp.pk}"))
left = double.merge(into=Contact.get("{people.ada.pk}"))
[left.id, left.name, len(Contact.find({{"organization": Organization.find()[0]}}))]
"""
    assert value(code) == [people.ada.pk, "Ada Chen", 1]


def test_a_dollar_names_the_nouns_but_not_in_strings_and_comments(lead):
    code = """
# $.Lead.explode()
print("$.Lead costs $5.", f"{$.Lead.count()} of {{$.Lead}}")
lead = $.Lead.find()[0]
$ .Event.create(name="looked", properties={"at": lead.$id})
$.Event.create({"name": "seen", "properties": {"at": 1}})
lead.$version
"""
    run = scripts.run(code)
    assert run.value == 1
    assert run.output == "$.Lead costs $5. 1 of {$.Lead}\n"
    assert run.events[1].name == "looked" and run.events[1].data == {"at": lead.pk}
    assert run.events[2].name == "seen" and run.events[2].data == {"at": 1}


def test_it_reads_what_it_wrote_and_its_own_history(lead):
    code = f"""
Lead.create(name="New one", source="website")
lead = Lead.get("{lead.pk}")
lead.update(score=1)
[Lead.count(), [event.name for event in lead.history(limit=1)], Lead.history(lead.id)[0].version]
"""
    assert value(code) == [2, ["Lead.Updated"], 2]


def test_the_clock_is_the_products_and_stands_still(acme):
    with clock.set_clock(datetime(2024, 3, 1, 9, tzinfo=UTC), purpose="demo"):
        assert value("datetime.now(timezone.utc), date.today()") == [
            "2024-03-01T09:00:00Z",
            "2024-03-01",
        ]


# -- one entry in the history ---------------------------------------------------------------------


def test_one_run_is_one_event_that_all_others_name_as_their_cause(qualified):
    code = f'Lead.convert("{qualified.pk}").status'
    run = scripts.run(code)
    own, *others = run.events
    assert own.name == "Script.Ran" and own.cause is None and own.target is None
    assert own.data == {"code": code, "value": "Converted", "calls": 1, "events": len(others)}
    converted = next(e for e in others if e.name == "Lead.Converted")
    assert converted.cause == own.id
    # What hooks did is caused by the verb, as ever.
    assert next(e for e in others if e.name == "Deal.Created").cause == converted.id
    assert [e.id for e in Event.objects.order_by("seq")][-len(run.events) :] == [
        e.id for e in run.events
    ]
    assert {e.request_id for e in run.events} == {own.request_id}


def test_its_event_comes_first_in_the_log_also_when_the_log_was_read_meanwhile(lead):
    run = scripts.run(
        f'lead = Lead.get("{lead.pk}")\nlead.update(score=1)\nlead.history()\nlead.update(score=2)\n1'
    )
    logged = [e.name for e in Event.objects.order_by("seq")][-3:]
    assert logged == ["Script.Ran", "Lead.Updated", "Lead.Updated"]
    assert [e.name for e in run.events] == logged and run.events[0].data["events"] == 2


def test_one_that_wrote_nothing_leaves_no_event(lead):
    before = everything()
    assert scripts.run('print("hello")\nLead.find()').events == []
    assert everything() == before


def test_a_dry_run_shows_all_of_it_and_does_nothing(qualified):
    before = everything()
    run = scripts.run(f'Lead.convert("{qualified.pk}").status', dry_run=True)
    assert everything() == before
    assert run.value == "Converted" and run.as_json()["dryRun"] is True
    names = [event["name"] for event in run.as_json()["events"]]
    assert names[0] == "Script.Ran" and {"Lead.Converted", "Deal.Created"} <= set(names)


def test_of_many_events_an_answer_shows_what_the_script_did_and_counts_what_followed(people):
    code = """
for n in range(18):
    lead = Lead.create(name=f"L{n}", source="x", contact=CONTACT)
    lead.update(status="Contacted")
    lead.update(status="Qualified")
    lead.convert()
""".replace("CONTACT", repr(people.ada.pk))
    said = scripts.run(code, dry_run=True).as_json()
    assert {event["name"] for event in said["events"]} == {
        "Script.Ran", "Lead.Created", "Lead.Updated", "Lead.Converted",
    }  # fmt: skip
    assert said["eventCounts"]["Deal.Created"] == said["eventCounts"]["Lead.Converted"] == 18
    assert said["eventsLeftOut"] + len(said["events"]) == sum(said["eventCounts"].values())
    few = scripts.run(code.replace("18", "8"), dry_run=True)
    assert len(few.as_json()["events"]) == len(few.events) > 20


def test_an_answer_tells_events_in_few_words_and_says_what_it_left_out(lead):
    code = f'for n in range(120):\n    Lead.update("{lead.pk}", score=n % 100)'
    said = scripts.run(code, dry_run=True).as_json()
    assert said["eventsLeftOut"] == 101 and len(said["events"]) == 20
    assert said["eventCounts"] == {"Script.Ran": 1, "Lead.Updated": 120}
    assert said["events"][1]["changes"] == {"score": [82, 0]}
    assert said["events"][0]["data"].keys() == {"calls", "events"}


# -- what goes wrong ------------------------------------------------------------------------------


def test_an_error_has_its_line_and_what_rest_would_say(lead):
    body = failure(f'ok = 1\n\nLead.update("{lead.pk}", score=1000)', 3, "score: Use a number")
    assert body["error"] == "validation_error" and body["field"] == "score"
    assert body["details"] == [{"field": "score", "message": "Use a number from 0 to 100."}]
    assert body["source"].startswith("Lead.update(")
    body = failure("def f():\n    return Lead.get('lead_x')\n\nf()", 2, "There is no Lead lead_x")
    assert (body["error"], body["type"], body["id"]) == ("not_found", "Lead", "lead_x")
    body = failure(
        f'Lead.find()[0].lose(lostReason="x")\nLead.convert("{lead.pk}")', 2, "lost lead"
    )
    assert body["error"] == "refused"


@pytest.mark.parametrize(
    ("code", "line", "saying"),
    [
        ("x = (", 1, "SyntaxError"),
        ("a = 1\nimport os", 2, "The nouns are there already"),
        ("from datetime import date", 1, "Imports are not available"),
        ("\nPerson.find()", 2, "There is no Person here. Nouns: Activity"),
        ("$.Person.find()", 1, "There is no noun Person. Nouns: Activity"),
        ("Lead.explode('lead_x')", 1, "Lead has no explode. There is: find, get, count"),
        ("Lead.find()[0].firstname", 1, "Lead has no firstname"),
        ("Lead.find({'colour': 1})", 1, "Lead has no field 'colour'. Fields: name"),
        ("Lead.find(status='New')", 1, 'Conditions are one object: Lead.find({"status": ...})'),
        ("Lead.count(lost_reason='x')", 1, 'Lead.count({"lostReason": ...})'),
        ("Lead.find(where={})", 1, "Lead.find has no where. It takes filter, sort"),
        ("Lead.find().last()", 1, "A list has no last: find answers a list: found.first()"),
        ("Lead.first()", 1, "Lead has no first. There is: find"),
        ("Lead.find().count()", 1, "len(found)"),
        ("Lead.find()[0].contact.colour", 1, "Contact has no colour"),
        ("c = Lead.find()[0].contact\nc.name", 2, "perhaps the id of a record"),
        ("Lead.find()[0].deal.name", 1, "before .name is None"),
        ("Lead.find()[0].deal + 1", 1, "A field without a value is None"),
        ("Lead.find(fields=['name'])[0].lost_reason", 1, "lost_reason of this Lead was not read"),
        (
            "Lead.find()[0].activities",
            1,
            'activities of this Lead were not read: include them, as in Lead.get(id, include=["activities"])',
        ),
        ("datetime.now() - Lead.find()[0].createdAt", 1, "datetime.fromisoformat"),
        ("date.today() > Lead.find()[0].createdAt", 1, "datetime.fromisoformat"),
        ("datetime.now() - datetime.now(timezone.utc)", 1, "time zone"),
        ("datetime.utcnow()", 1, "Use datetime.now(timezone.utc)"),
        ("Lead.find()[0]['score'] = 5", 1, "Use update(score=...)"),
        ("Lead.find()[0].get('colour')", 1, "Lead has no colour"),
        ("dict(Lead.find()[0])", 1, "Lead.to_dict() is its values by name"),
        ("json.dumps(Lead.find()[0])", 1, "Its to_dict() is"),
        ("Lead.find()[0].lose('no budget')", 1, "lose(id, lostReason=...)"),
        ("Lead.create('x')", 1, "create(name=..., source=...)"),
        ("Lead.converted(lambda lead: 1)", 1, "a script executes verbs"),
        ("Event.find()", 1, "as in Lead.history(id)"),
        ("{'a': 1}.a", 1, 'Values of an object are read by name: ["a"]'),
        ("Lead.find({status: 'New'})", 1, 'A name in an object is text: {"status": ...}'),
        ("const leads = await Lead.find()", 1, "Scripts are Python, not JavaScript"),
        ("x = null", 1, "In Python it is None"),
        ("Lead.find(limit=5000)", 1, "limit is a whole number from 1 to 1,000"),
        ("Lead.update(score=1)", 1, "Give a record or its id first, as in update(id, ...)"),
        ("Lead.history()", 1, "Give a record or its id first, as in history(id, ...)"),
        ("Lead.lose(Lead.find()[0], lostReason='x', lost_reason='y')", 1, "given twice"),
        ("lead = Lead.find()[0]\nlead.score = 5", 2, "Use lead.update(score=...)"),
        ("lead = Lead.find()[0]\nlead.score += 5", 2, "Use lead.update(score=...)"),
        ("Lead.find()[0].score = 5", 1, "Use Lead.find()[0].update(score=...)"),
        (
            'Lead.find({"status": "New"})[0].status = "Lost"',
            1,
            "Assigning .status would save nothing",
        ),
        ('d = {"a": Lead.find()[0]}\nd["a"].score = 5', 2, 'Use d["a"].update(score=...)'),
        ("leads = Lead.find()\nleads[0].score = 5", 2, "Use leads[0].update(score=...)"),
        ("lead = Lead.find()[0]\n(lead.score, x) = 1, 2", 2, "Use lead.update(score=...)"),
        ("a, Lead.find()[0].score = 1, 2", 1, "Assigning .score would save nothing"),
        ("setattr(Lead.find()[0], 'score', 5)", 1, "Use update(score=...)"),
        ("lead = Lead.find()[0]\nlead.convert", 2, "Call it: lead.convert(...)"),
        ("lead = Lead.find()[0]\nif lead: lead.lose\nlead.name", 2, "lead.lose alone does nothing"),
        ('Lead.find({"status": "New"})[0].convert  # now', 1, "alone does nothing"),
        ("return Lead.create", 1, "Lead.create alone does nothing"),
        ("await Lead.find()", 1, "called without await"),
        ("sorted([1], key=lambda n: Lead.count())", 1, "Use a loop or a comprehension"),
        ("raise ValueError('mine')", 1, "ValueError: mine"),
        ("def f():\n    yield 1", 2, "do not yet support yield"),
        ("timedelta(days=1)", 1, "A timedelta is no JSON"),
    ],
)
def test_what_is_wrong_with_a_script_is_said_with_what_is_right(lead, code, line, saying):
    assert failure(code, line, saying)["error"] in ("script_error", "bad_request", "invalid_filter")


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("lead = Lead.find()[0]\nlead.score == 82, lead.score <= 82", [True, True]),
        ("lead = Lead.find()[0]\nf'{lead.score=}'", "lead.score=82"),
        ("lead = Lead.find()[0]\nprint(\n    lead.score, sep='')\nlead.score", 82),
        ("of = {}\nfor lead in Lead.find():\n    of[lead.status], n = 1, 2\nof", {"New": 1}),
        ("lose = Lead.lose\nlead = Lead.find()[0]\nlose(lead, lostReason='x').status", "Lost"),
        ("lead = Lead.find()[0]\nif lead.score: n = 5\nn", 5),
        ("'lead.score = 5'", "lead.score = 5"),
        ("class A:\n    def __init__(self):\n        self.x = 1\nA().x", 1),
        ("class A: pass\na = A()\nsetattr(a, 'x', 2)\na.x", 2),
    ],
)
def test_what_only_looks_as_if_it_had_no_effect_is_done(lead, code, answer):
    assert value(code) == answer


def test_a_failure_undoes_all_that_was_done_before(lead):
    failure(
        'Contact.create(name="Eve")\nprint("so far")\nLead.find()[0].update(score=1)\n1 / 0',
        4,
        "division by zero",
    )
    with pytest.raises(scripts.ScriptFailed) as caught:
        scripts.run('print("so far")\n1 / 0')
    assert caught.value.body()["output"] == "so far\n"


def test_a_refusal_without_effect_may_be_caught_and_the_rest_is_done(lead):
    code = f"""
try:
    Lead.convert("{lead.pk}")
except RuntimeError as problem:
    print(problem)
try:
    Lead.get("lead_x")
except LookupError:
    Lead.update("{lead.pk}", score=5)
"""
    run = scripts.run(code)
    assert "A Lead that is New cannot convert" in run.output
    assert [e.name for e in run.events] == ["Script.Ran", "Lead.Updated"]


def test_what_is_half_done_is_not_swallowed(qualified):
    """A hook fails after the lead was written: no script can keep that half."""

    def fail(lead: Any, ctx: Any) -> None:
        raise Conflict("The kick-off failed.")

    code = f"""
try:
    Lead.convert("{qualified.pk}")
except:
    print("caught")
Lead.update("{qualified.pk}", score=1)
"""
    with Lead.converted.attached(fail):
        failure(code, None, "The kick-off failed.")
        failure(f'Lead.convert("{qualified.pk}")', 1, "The kick-off failed.")
    assert Deal.objects.count() == 0


# -- who may what ---------------------------------------------------------------------------------


def test_a_script_may_what_its_actor_may_and_no_more(qualified):
    with actors.acting(Actor("user_v", "Vic", actors.VIEWER)):
        assert value("Lead.count()") == 1
        body = failure(f'Lead.update("{qualified.pk}", score=1)', 1, "As viewer you may not update")
        assert body["error"] == "forbidden"
        assert failure('Event.create(name="x")', 1, "may not record")["error"] == "forbidden"
    with actors.acting(Actor("user_b", "Bob", actors.REP)):
        failure(f'Lead.delete("{qualified.pk}")', 1, "As rep you may not delete")
    with actors.acting(actors.PUBLIC), refused(HeadlesslyError, "may not run scripts"):
        scripts.run("Lead.count()")


def test_a_limited_rep_neither_sees_nor_changes_what_is_anothers(lead, people):
    other = Lead.create(name="Cleo's", source="website", owner=people.cleo)
    bob = Actor("user_b", "Bob", actors.REP, people.bob.pk, limited=True)
    with actors.acting(bob):
        assert value("[each.name for each in Lead.find()]") == [lead.name]
        failure(f'Lead.update("{other.pk}", score=1)', 1, f"There is no Lead {other.pk}")
        mine = scripts.run(f'Lead.update("{lead.pk}", score=1).score')
    with actors.acting(dataclasses.replace(bob, id="user_d", contact_id=people.ada.pk)):
        # A script speaks of any record: another limited rep sees neither it nor what it did.
        seen = set(Event.objects.values_list("id", flat=True))
        assert not seen & {event.id for event in mine.events}
    with actors.acting(bob):
        assert mine.events[0].id in set(Event.objects.values_list("id", flat=True))


def test_nothing_of_another_tenant_is_there(lead, theirs):
    assert value("[Lead.count(), Contact.count({'name': 'Eve Rival'})]") == [1, 0]
    failure(f'Lead.get("{theirs.lead.pk}")', 1, "There is no Lead")
    failure(
        f'Lead.create(name="x", source="y", contact="{theirs.eve.pk}")', 1, "There is no Contact"
    )


# -- how much -------------------------------------------------------------------------------------


@pytest.fixture
def tight(monkeypatch):
    """Limits that are reached soon."""
    found = dataclasses.replace(
        limits.LIMITS[actors.ADMIN],
        seconds=0.5,
        calls=5,
        records=3,
        answer=200,
        output=50,
        code=300,
    )
    monkeypatch.setitem(limits.LIMITS, actors.ADMIN, found)
    return found


@pytest.mark.parametrize(
    ("code", "line", "limit", "most"),
    [
        ("while True:\n    pass", None, "seconds", 0.5),
        ("x = 1\nfor n in range(9):\n    Contact.count()", 3, "calls", 5),
        ("Contact.find()\nContact.find()", 2, "records", 3),
        ('"x" * 300', 1, "answer", 200),
        ("a = [1] * 10\nfor n in range(9):\n    a = [a] * 10\na", 4, "answer", 200),
        ('print("x" * 60)', None, "output", 50),
        ("[0] * 10 ** 9", 1, "memory", 64 * 1024 * 1024),
        ("#" * 301, None, "code", 300),
    ],
)
def test_a_limit_is_named_with_its_value(lead, tight, code, line, limit, most):
    body = failure(code, line)
    assert (body["error"], body["limit"], body["most"]) == ("limit_exceeded", limit, most)


def test_find_says_so_rather_than_answering_some_of_many(acme, monkeypatch):
    monkeypatch.setattr("headlessly.scripts.host.MAX_FIND", 2)
    for n in range(3):
        Contact.create(name=f"C{n}")
    failure("Contact.find()", 1, "More than 2 contacts fit")
    assert len(value("Contact.find(limit=2)")) == 2


def test_the_database_gets_no_more_time_than_the_script_has(lead, tight, monkeypatch):
    monkeypatch.setattr(
        "headlessly.query.reads.first_records",
        lambda *_, **__: prepared.execute_prepared("SELECT pg_sleep(30)", ()),
    )
    began = time.monotonic()
    body = failure("Lead.find()", 1, "at most 0.5 s")
    assert body["limit"] == "seconds" and time.monotonic() - began < 20


@pytest.mark.urls("headlessly.tenant_urls")  # its entries lead to the records that they are of
def test_a_records_timeline_says_that_it_was_a_script_and_which(lead):
    from headlessly.admin.records import timeline

    code = f'Lead.update("{lead.pk}", score=5)'
    scripts.run(code)
    Lead.update(lead.pk, score=6)
    latest, in_script, created = timeline.read_timeline(lead, undo=False).entries
    assert in_script.script == code and in_script.because is None
    assert (in_script.only.was, in_script.only.now) == ("82", "5")
    assert latest.script == created.script == ""


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("Lead.fnd()", "find"),
        ("Leed.find()", "Lead"),
        ("Lead.find(filtre={})", "filter"),
        ("Lead.create(name='L', source='x').scroe", "score"),
    ],
)
def test_it_says_what_was_meant(code: str, meant: str, acme: Any) -> None:
    failure(code, 1, f"Did you mean {meant!r}?")
