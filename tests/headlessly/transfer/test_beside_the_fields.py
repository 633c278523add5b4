"""What a file says beyond the fields of its records: kept in the log, or put where there is nothing yet."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Contact, Deal, Lead, Organization
from headlessly.log.events import Event
from headlessly.log.names import LEFT_OUT
from tests.answered import answered
from tests.headlessly.transfer.conftest import counts


def kept(record: Any) -> dict[str, str]:
    event = Event.objects.filter(target=record.pk).order_by("seq").first()
    return event.data.get(LEFT_OUT, {}) if event else {}


def test_it_keeps_in_the_log_what_no_field_holds(imported: Any, api: Any, acme: Any) -> None:
    table = "Given Name,Surname,Email,Badge,Notes,Lead Score\nAda,Chen,a@x.example,007,Tall,warm\n"
    imported("contacts", table)
    ada = Contact.find().get()
    assert kept(ada) == {"Badge": "007", "Notes": "Tall", "Lead Score": "warm"}
    event = answered(api.call("GET", f"/events?target={ada.pk}"))["results"][0]
    assert event["data"][LEFT_OUT]["Notes"] == "Tall"


def test_it_keeps_nothing_where_every_cell_has_its_field(imported: Any, acme: Any) -> None:
    imported("contacts", "name,email,Shoe size\nAda,a@x.example,\n")
    assert LEFT_OUT not in Event.objects.get(name="Contact.Created").data


def test_it_keeps_what_a_later_file_says_beside_a_change(imported: Any, people: Any) -> None:
    imported("contacts", "email,title,Shoe size\nada@acme.example,CEO,38\n", "?match=email")
    event = Event.objects.get(name="Contact.Updated", target=people.ada.pk)
    assert event.data[LEFT_OUT] == {"Shoe size": "38"} and event.previous == {"title": "CTO"}


def test_it_keeps_columns_of_one_heading_apart(imported: Any, acme: Any) -> None:
    imported("contacts", "Name,Tag,Tag,\nAda,one,two,three\n")
    assert kept(Contact.find().get()) == {"Tag": "one", "Tag (3)": "two", "column 4": "three"}


def test_it_says_what_is_too_long_to_be_kept(imported: Any, acme: Any) -> None:
    done = imported("contacts", f"Name,Story\nAda,{'x' * 40_000}\n")
    assert [w["field"] for w in done["warnings"]] == [LEFT_OUT]
    assert len(kept(Contact.find().get())["Story"]) == 32_000


def test_it_fills_what_a_person_who_is_here_has_not(imported: Any, people: Any) -> None:
    table = "Name,Email,Phone,Job Title,Company\nAda Chen,ADA@acme.example,+49 30 1234567,CEO,Acme Corp\n"
    imported("leads", table)
    people.ada.refresh_from_db()
    assert (people.ada.phone, people.ada.title) == ("+49 30 1234567", "CTO")
    assert kept(Lead.find().get()) == {"Job Title": "CEO"}
    assert Contact.count({"name": "Ada Chen"}) == 1


def test_it_fills_a_company_of_a_row_above(imported: Any, acme: Any) -> None:
    done = imported(
        "contacts", "Name,Email,Company,City\nA,a@x.example,Acme,\nB,b@x.example,Acme,Berlin\n"
    )
    assert done["made"] == {"Organization": 1}
    assert Organization.find().get().city == "Berlin"


def test_it_fills_nothing_when_it_makes_nobody(imported: Any, people: Any) -> None:
    imported("leads", "Name,Email,Phone\nAda,ada@acme.example,+49 30 1234567\n", "?create=nothing")
    people.ada.refresh_from_db()
    assert people.ada.phone is None and kept(Lead.find().get()) == {"Phone": "+49 30 1234567"}


def test_a_trial_fills_nothing(imported: Any, people: Any) -> None:
    imported("leads", "Name,Email,Phone\nAda,ada@acme.example,+49 30 1234567\n", "?dryRun=true")
    people.ada.refresh_from_db()
    assert people.ada.phone is None


@pytest.mark.parametrize(
    ("cells", "state", "told"),
    [
        ("Qualified,true,2024-05-06", "Converted", None),
        ("Qualified,,2024-05-06", "Converted", None),
        ("Qualified,true,", "Converted", "no column says since when"),
        ("Qualified,false,2024-05-06", "Qualified", "its date is left out"),
        ("Qualified,0,", "Qualified", None),
        ("Junk Lead,,", "Lost", None),
    ],
)
def test_it_takes_a_flag_and_a_date_together(
    cells: str, state: str, told: str | None, imported: Any
) -> None:
    header = "Lead Name,Lead Source,Created Date,Lead Status,IsConverted,ConvertedDate\n"
    done = imported("leads", f"{header}A,web,2024-01-02,{cells}\n")
    lead = Lead.find().get()
    assert lead.status == state
    assert bool(lead.converted_at) == (state == "Converted" and "2024" in cells)
    messages = " ".join(w["message"] for w in done["warnings"])
    assert (told in messages) if told else not messages


def test_it_takes_a_date_of_a_flag_in_our_own_file_at_its_word(imported: Any, acme: Any) -> None:
    done = imported("leads", "name,source,status,convertedAt\nA,web,New,yes\n")
    assert counts(done) == {"refused": 1} and done["errors"][0]["field"] == "convertedAt"


def test_shares_of_one_are_percent_where_the_column_has_only_such(imported: Any) -> None:
    header = "Deal Name,Amount,Deal Stage,Deal probability\n"
    imported("deals", header + "A,1,Contract Sent,0.9\nB,1,Closed Won,1.0\nC,1,New,0\n")
    assert {d.name: d.probability for d in Deal.find()} == {"A": 90, "B": 100, "C": 0}


def test_percent_stays_percent_where_one_is_more_than_one(imported: Any) -> None:
    header = "Deal Name,Amount,Deal Stage,Deal probability\n"
    imported("deals", header + "A,1,Contract Sent,0.9\nB,1,Closed Won,100\n")
    assert {d.name: d.probability for d in Deal.find()} == {"A": 0.9, "B": 100}


def test_a_row_completes_nothing_that_is_said_together_and_known_otherwise(
    imported: Any, people: Any
) -> None:
    people.corp.update(city="Berlin")
    table = (
        "Lead Name,Email,First Name,Last Name,Phone,Company,Street,City\n"
        "One,ada@acme.example,Mia,Holm,+49 30 111,Acme Corp,1 rue Daru,Paris\n"
    )
    assert counts(imported("leads", table)) == {"created": 1}
    ada, corp = Contact.get(people.ada.pk), Organization.get(people.corp.pk)
    assert (ada.name, ada.first_name, ada.last_name) == ("Ada Chen", None, None)
    assert (corp.address, corp.city) == (None, "Berlin"), "a street of Paris is not in Berlin"
    assert ada.phone == "+49 30 111", "what is said by itself fills its gap"
    assert kept(Lead.find().get()) == {
        "First Name": "Mia",
        "Last Name": "Holm",
        "Street": "1 rue Daru",
        "City": "Paris",
    }
    again = table.replace("Mia,Holm", "Ada,Chen").replace("Paris", "Berlin").replace("One", "Two")
    imported("leads", again)
    ada, corp = Contact.get(ada.pk), Organization.get(corp.pk)
    assert (ada.first_name, ada.last_name, corp.address) == ("Ada", "Chen", "1 rue Daru")
    people.bob.update(organization=people.corp)
    globex = "Lead Name,Email,Job Title,Company\nThree,bob@seller.example,CEO,Globex\n"
    imported("leads", globex)
    assert Contact.get(people.bob.pk).title is None, "he is not the CEO here"
    imported("leads", globex.replace("Globex", "Acme Corp"))
    assert Contact.get(people.bob.pk).title == "CEO"
