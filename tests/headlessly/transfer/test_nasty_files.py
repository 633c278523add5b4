"""A file that is broken, strange or hostile lands as far as it can, or is refused for the true reason."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Contact, Deal, Lead
from tests.answered import problem
from tests.headlessly.transfer.conftest import counts, errors

JSON, VCARD = "application/json", "text/vcard"


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_before_all_time_zones_is_told(day: str, imported: Any, acme: Any) -> None:
    done = imported("deals", f"name,value,stage,actualCloseDate\nA,1,Won,{day}\nB,1,Prospecting,\n")
    assert counts(done) == {"created": 1, "refused": 1}
    assert errors(done) == [(1, "actualCloseDate")]
    assert "out of range" in done["errors"][0]["message"]


def test_a_day_before_all_time_zones_is_told_one_by_one_too(api: Any, acme: Any) -> None:
    deal = Deal.create(name="A", value=1)
    body = {"expectedCloseDate": "0001-01-01"}
    problem(api.call("PATCH", f"/deals/{deal.pk}", body), 422, "validation_error")


@pytest.mark.parametrize(("depth", "message"), [(40, None), (3_000, "deep in each other")])
def test_what_is_nested_too_deeply_is_no_fault_of_ours(
    depth: int, message: str | None, imported: Any
) -> None:
    deep = '{"y":' * depth + "1" + "}" * depth
    done = imported("contacts", f'[{{"name": "A", "z": {deep}}}]', kind=JSON)
    assert done["created"] == (message is None)
    assert (message is None) == (done["message"] is None)
    assert message is None or message in done["message"]


def test_it_reads_utf_32(imported: Any, acme: Any) -> None:
    done = imported("contacts", "name,email\nÅsa,a@x.example\n".encode("utf-32"))
    assert counts(done) == {"created": 1} and done["reading"]["encoding"] == "UTF-32"
    assert Contact.find().get().name == "Åsa"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_it_says_what_a_file_begins_like(encoding: str, send: Any, acme: Any) -> None:
    cut = "name\nA\n".encode(encoding)[:-1]
    said = problem(send("contacts", cut), 400, "bad_request")
    assert f"begins like {encoding.upper()}, and is none" in said["message"]


def test_a_number_that_only_programs_write_is_told_as_none(imported: Any, acme: Any) -> None:
    done = imported("leads", "name,source,budget\nA,web,1_000\n")
    assert done["errors"][0]["message"] == "1_000 is no number that can be told."


def test_a_percentage_is_no_amount(imported: Any, acme: Any) -> None:
    done = imported("leads", "name,source,budget\nA,web,99%\n")
    assert done["errors"][0]["message"] == "99% is a share, and no amount."


def test_a_file_without_a_card_is_refused(send: Any, acme: Any) -> None:
    said = problem(send("contacts", "hello", kind=VCARD), 400, "bad_request")
    assert "BEGIN:VCARD" in said["message"]


def test_a_card_that_does_not_end_is_told_and_costs_no_other(imported: Any, acme: Any) -> None:
    cards = "BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN:B\nEND:VCARD\nBEGIN:VCARD\nFN:C\n"
    done = imported("contacts", cards, kind=VCARD)
    assert counts(done) == {"created": 1, "refused": 2}
    assert errors(done) == [(1, None), (3, None)]
    assert Contact.find().get().name == "B"


def test_an_unknown_name_is_listed_once(imported: Any, acme: Any) -> None:
    long = "k" * 300
    done = imported(
        "contacts", f'[{{"name": "A", "{long}": 1}}, {{"name": "B", "{long}": 1}}]', kind=JSON
    )
    assert done["unknownColumns"] == ["k" * 255]


def test_a_word_and_a_flag_that_contradict_are_told(imported: Any, acme: Any) -> None:
    header = "Deal Name,Amount,Deal Stage,Is Closed Won\n"
    done = imported("deals", header + "A,1,Closed Lost,true\n")
    assert Deal.find().get().stage == "Lost"
    assert done["warnings"][0]["message"] == (
        "It is Won by this, and Lost by its word: the word is taken."
    )


def test_a_conversion_that_is_still_to_come_is_none(imported: Any, acme: Any) -> None:
    header = "Lead Name,Lead Source,Lead Status,Converted Date\n"
    done = imported("leads", header + "A,web,Qualified,2999-01-01\n")
    lead = Lead.find().get()
    assert (lead.status, lead.converted_at) == ("Qualified", None)
    assert [w["field"] for w in done["warnings"]] == ["convertedAt"]


def test_a_word_for_the_state_that_a_record_cannot_take_costs_no_row(imported: Any) -> None:
    Lead.create(name="A", source="web")
    header = "Lead Name,Lead Source,Lead Status,Is Converted,Converted Date\n"
    done = imported("leads", header + "A,ads,Qualified,yes,2024-05-01\n", "?match=name")
    assert counts(done) == {"updated": 1}
    lead = Lead.find().get()
    assert (lead.status, lead.source, lead.converted_at) == ("New", "ads", None)
    assert {w["field"] for w in done["warnings"]} == {"status", "convertedAt"}


def test_a_telephone_has_its_own_field_before_another_takes_it(imported: Any, acme: Any) -> None:
    header = "Name,Phone,Mobile,Home Phone\n"
    done = imported("contacts", header + "A,030 1234567,0171 1234567,030 7654321\n")
    ada = Contact.find().get()
    assert (ada.phone, ada.mobile) == ("030 1234567", "0171 1234567")
    assert (ada.other_phones, done["warnings"]) == (["030 7654321"], [])


def test_a_company_is_found_whatever_its_capitals(imported: Any, acme: Any) -> None:
    done = imported("leads", "Name,Company\nA,Äcme\nB,ÄCME\nC,acme\n")
    assert done["made"] == {"Organization": 1}


def test_shares_may_have_a_comma(imported: Any, acme: Any) -> None:
    imported("deals", 'Deal Name,Amount,Probability\nA,1,"0,5"\nB,1,1\n')
    assert {d.name: d.probability for d in Deal.find()} == {"A": 50, "B": 100}


def test_flags_of_json_are_flags(imported: Any, acme: Any) -> None:
    rows = (
        '[{"Email": "a@x.example", "Is Converted": true, "Converted Date": "2024-01-01"},'
        ' {"Email": "b@x.example", "Is Converted": 0, "Converted Date": "2024-01-01"}]'
    )
    imported("leads", rows, kind=JSON)
    assert {lead.name: lead.status for lead in Lead.find()} == {
        "a@x.example": "Converted",
        "b@x.example": "New",
    }


def test_an_offset_that_no_place_has_is_told(imported: Any, acme: Any) -> None:
    done = imported("leads", 'Lead Name,Lead Source,Created Date\nA,web,"May 5, 2025 GMT+9900"\n')
    assert "ISO 8601" in done["warnings"][0]["message"]
