"""A column's numbers and days are read as its file writes them, and nothing is read wrongly in silence."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from crm import Contact, Lead
from tests.answered import problem
from tests.headlessly.transfer.conftest import counts, errors
from tests.headlessly.transfer.test_import_export import formats_of, workbook


@pytest.fixture
def budgets(imported: Any, acme: Any) -> Any:
    """The budgets that a table of them becomes, in its order; a refused one is None."""

    def budgets(*cells: str, delimiter: str = ";", query: str = "") -> list[Decimal | None]:
        rows = [f'Row {n}{delimiter}web{delimiter}"{cell}"' for n, cell in enumerate(cells)]
        table = "\n".join([delimiter.join(("name", "source", "budget")), *rows])
        imported("leads", table, query)
        found = {lead.name: lead.budget for lead in Lead.find()}
        return [found.get(f"Row {n}") for n in range(len(cells))]

    return budgets


def test_it_reads_one_notation_for_a_column(budgets: Any) -> None:
    assert budgets("1.250", "12.500,50", "3.000") == [1250, Decimal("12500.50"), 3000]


def test_it_reads_the_other_notation(budgets: Any) -> None:
    assert budgets("1,250", "12,500.50", "3.25", delimiter=",") == [
        1250, Decimal("12500.50"), Decimal("3.25"),
    ]  # fmt: skip


def test_it_takes_a_semicolon_for_a_decimal_comma(budgets: Any) -> None:
    assert budgets("1.250", "3.000") == [1250, 3000]


def test_it_refuses_an_amount_that_could_be_two(budgets: Any) -> None:
    assert budgets("1.250", "7", delimiter=",") == [None, 7]


def test_it_says_both_amounts_when_it_refuses(imported: Any, acme: Any) -> None:
    done = imported("leads", "name,source,budget\nX,web,1.250\n")
    assert errors(done) == [(1, "budget")]
    assert "1250 or 1.25: say numbers=comma or numbers=point" in done["errors"][0]["message"]


def test_it_is_told_the_notation(budgets: Any) -> None:
    assert budgets("1.250", delimiter=",", query="?numbers=comma") == [1250]


def test_it_reads_the_notation_of_a_neighbour(imported: Any, acme: Any) -> None:
    imported("leads", 'name,source,budget,score\nA,web,1.250,"7,5"\n')
    assert Lead.find().get().budget == 1250


def test_it_reads_what_the_field_allows(imported: Any, acme: Any) -> None:
    imported("leads", "name,source,score\nA,web,80.125\n")
    assert Lead.find().get().score == 80.125


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("₹1,20,000", 120_000), ("CHF 1’234.50", Decimal("1234.50")), ("€ 1.250,00", 1250), ("40k", 40_000),
        ("1,2 Mio", 1_200_000), ("1.250,-", 1250), ("1 234,50", Decimal("1234.50")), ("12 lakh", 1_200_000),
        ("n/a", None), ("-", None),
    ],
)  # fmt: skip
def test_it_reads_an_amount_in_words(cell: str, amount: Any, budgets: Any) -> None:
    assert budgets(cell) == [amount]
    assert Lead.count() == 1


def test_it_keeps_the_currency_of_an_amount(imported: Any, acme: Any) -> None:
    from crm import Deal

    table = "name;Amount (GBP);currency\nA;CHF 1’234.50;\nB;€ 7,50;\nC;5;\nD;€ 5;USD\n"
    assert counts(imported("deals", table)) == {"created": 4}
    assert {d.name: (d.value, d.currency) for d in Deal.find()} == {
        "A": (Decimal("1234.50"), "CHF"), "B": (Decimal("7.50"), "EUR"), "C": (5, "GBP"), "D": (5, "USD"),
    }  # fmt: skip


def test_an_amount_in_another_currency_than_those_beside_it_is_told(
    imported: Any, acme: Any
) -> None:
    from crm import Deal

    table = "name,value,recurringValue,recurringInterval\nA,€ 100,£ 50,Monthly\nB,€ 7,€ 1,Monthly\n"
    done = imported("deals", table)
    assert counts(done) == {"created": 1, "refused": 1}
    assert errors(done) == [(1, "recurringValue")]
    assert done["errors"][0]["message"] == "This amount is in GBP, others here are in EUR."
    # What is there already is in euros, too.
    done = imported("deals", "name,value\nB,£ 20\n", "?match=name")
    assert counts(done) == {"refused": 1} and errors(done) == [(1, "value")]
    assert [(d.value, d.currency) for d in Deal.find()] == [(7, "EUR")]
    # Another's file is taken without it.
    done = imported("deals", "Deal Name,Amount,Next Step\nB,£ 20,Call\n", "?match=name")
    assert counts(done) == {"updated": 1} and done["warned"] == 1
    assert [(d.value, d.currency, d.next_step) for d in Deal.find()] == [(7, "EUR", "Call")]
    # Who says a currency, or all amounts anew, is believed.
    again = "name,value,recurringValue\nB,£ 20,£ 2\n"
    assert counts(imported("deals", again, "?match=name")) == {"updated": 1}
    assert [(d.value, d.currency) for d in Deal.find()] == [(20, "GBP")]


def test_it_reads_amounts_in_what_their_heading_says(imported: Any, acme: Any) -> None:
    table = "Name;Source;Budget ({})\nA;web;120\nB;web;12,5\nC;web;7k\n"
    for unit, power in (("T€", 3), ("$K", 3), ("Mio. EUR", 6), ("USD in thousands", 3), ("€", 0)):
        imported("leads", table.format(unit), "?match=name")
        found = [float(lead.budget) for lead in Lead.find(sort="name")]
        assert found == [120 * 10**power, 12.5 * 10**power, 7_000], unit


def test_a_sign_of_several_currencies_is_that_of_the_tenant_or_told(
    imported: Any, acme: Any
) -> None:
    table = "name,source,budget\nA,web,$5\nB,web,5 kr\nC,web,R$ 5\nD,web,¥5\nE,web,A$5\nF,web,₫5\n"
    done = imported("leads", table)
    assert counts(done) == {"created": 4, "refused": 2}
    assert errors(done) == [(2, "budget"), (4, "budget")]
    assert "kr could be SEK, NOK, DKK, and amounts here are in USD" in done["errors"][0]["message"]
    found = {lead.name: lead.currency for lead in Lead.find()}
    assert found == {"A": "USD", "C": "BRL", "E": "AUD", "F": "VND"}
    # Of a record that is here it is the record's.
    assert counts(imported("leads", "name,budget\nE,$7\nC,$7\n", "?match=name")) == {
        "updated": 1, "refused": 1,
    }  # fmt: skip
    # Who says which, is believed; in another's file the rest of the row is taken.
    done = imported("leads", "name,source,budget\nG,web,5 kr\n", '?defaults={"currency":"SEK"}')
    assert counts(done) == {"created": 1}
    done = imported("leads", "Lead Name,Lead Source,Deal Size\nH,web,5 kr\n")
    assert counts(done) == {"created": 1} and done["warned"] == 1
    found = {lead.name: (lead.budget, lead.currency) for lead in Lead.find()}
    assert (found["G"], found["H"]) == ((5, "SEK"), (None, "USD"))


def test_a_column_of_currencies_has_signs_and_names_too(imported: Any, acme: Any) -> None:
    rows = ("A,web,5,€", "B,web,5,eur", "C,web,5,US Dollar", "D,web,5,coins")
    table = "\n".join(("Lead Name,Lead Source,Deal Size,Currency Code", *rows))
    done = imported("leads", table)
    assert counts(done) == {"created": 4}
    found = {lead.name: (lead.budget, lead.currency) for lead in Lead.find()}
    assert found == {"A": (5, "EUR"), "B": (5, "EUR"), "C": (5, "USD"), "D": (None, "USD")}
    # In which currency it is, nobody knows: neither is taken.
    assert {(each["row"], each["field"]) for each in done["warnings"]} == {
        (4, "currency"),
        (4, "budget"),
    }


def test_an_amount_of_a_record_without_a_currency_is_in_the_tenants(
    imported: Any, acme: Any
) -> None:
    done = imported("organizations", "name,annualRevenue\nA,$5\nB,€ 5\nC,5 USD\n")
    assert counts(done) == {"created": 2, "refused": 1} and errors(done) == [(2, "annualRevenue")]
    assert done["errors"][0]["message"] == "This amount is in EUR, others here are in USD."


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
def test_it_reads_the_notations_of_objects(kind: str, imported: Any, acme: Any) -> None:
    rows = [
        '{"Lead Name": "A", "Lead Source": "w", "Deal Size": "1.250,50", "First Touch": "13/04/2026"}',
        '{"Lead Name": "B", "Lead Source": "w", "Deal Size": "2,500", "First Touch": "03/04/2026"}',
    ]
    body = "\n".join(rows) if "x-" in kind else f"[{','.join(rows)}]"
    assert counts(imported("leads", body, kind=kind)) == {"created": 2}
    lead = Lead.find({"name": "B"}).get()
    assert (float(lead.budget), lead.first_touch_at) == (2.5, datetime(2026, 4, 3, tzinfo=UTC))
    # What is said of the file is heard here, too.
    one = rows[1].replace('"B"', '"C"')
    imported("leads", one, "?numbers=point&days=mdy", kind="application/x-ndjson")
    lead = Lead.find({"name": "C"}).get()
    assert (float(lead.budget), lead.first_touch_at) == (2500, datetime(2026, 3, 4, tzinfo=UTC))


def test_it_says_why_an_amount_is_none(imported: Any, acme: Any) -> None:
    done = imported("leads", 'name,source,budget\nX,web,"$5,000 - $10,000"\n')
    assert errors(done) == [(1, "budget")]
    assert "is no number" in done["errors"][0]["message"]


def test_it_reads_percent_as_a_sheet_shows_it(imported: Any, acme: Any) -> None:
    import io

    import openpyxl

    book = openpyxl.load_workbook(
        io.BytesIO(workbook(("name", "source", "score"), ("A", "web", 0.8)))
    )
    book.active["C2"].number_format = "0%"
    book.save(content := io.BytesIO())
    imported("leads", content.getvalue(), kind=formats_of("xlsx"))
    assert Lead.find().get().score == 80


def test_it_reads_the_currency_that_a_sheet_shows(imported: Any, acme: Any) -> None:
    import io

    import openpyxl

    from crm import Deal

    forms = (
        '#,##0.00\\ "€"', "#,##0.00\\ [$CHF-807]", '[$£-809]#,##0', '"EUR" #,##0', '"$"#,##0.00',
        "[$-407]0.00", '"R$" #,##0.00', '_-"Fr."* #,##0.00', '#,##0.0," k€"',
    )  # fmt: skip
    named = [("name", "value"), *((f"D{n}", 1234.567 + n) for n in range(5)), ("D5", 5.5)]
    named += [(f"D{n}", n) for n in (6, 7, 8)]
    book = openpyxl.load_workbook(io.BytesIO(workbook(*named)))
    for row, form in enumerate(forms, 2):
        book.active.cell(row, 2).number_format = form
    book.save(content := io.BytesIO())
    done = imported("deals", content.getvalue(), kind=formats_of("xlsx"))
    assert counts(done) == {"created": 9}, done["errors"]
    found = [(float(deal.value), deal.currency) for deal in Deal.find(sort="name")]
    assert found == [
        (1234.57, "EUR"), (1235.57, "CHF"), (1236.57, "GBP"), (1237.57, "EUR"), (1238.57, "USD"),
        (5.5, "USD"), (6, "BRL"), (7, "CHF"), (8, "EUR"),
    ]  # fmt: skip


# -- days ---------------------------------------------------------------------------------------------


def test_it_knows_the_order_of_days_from_the_column(imported: Any, acme: Any) -> None:
    table = "name,source,firstTouchAt\nA,web,03/15/2026\nB,web,03/09/2026\n"
    assert counts(imported("leads", table)) == {"created": 2}
    assert Lead.find({"name": "B"}).get().first_touch_at == datetime(2026, 3, 9, tzinfo=UTC)


def test_it_refuses_days_whose_order_nobody_knows(imported: Any, acme: Any) -> None:
    done = imported("leads", "name,source,firstTouchAt\nA,web,03/09/2026\nB,web,03/03/2026\n")
    assert counts(done) == {"created": 1, "refused": 1}
    assert "2026-09-03 or 2026-03-09" in done["errors"][0]["message"]
    assert "days=dmy" in done["errors"][0]["message"]


def test_it_is_told_the_order_of_days(imported: Any, acme: Any) -> None:
    table = "name,source,firstTouchAt\nA,web,03/09/2026\n"
    imported("leads", table, "?days=dmy")
    assert Lead.find().get().first_touch_at == datetime(2026, 9, 3, tzinfo=UTC)


def test_it_reads_times_without_a_zone_in_the_readers(imported: Any, acme: Any) -> None:
    table = "name;source;firstTouchAt\nA;web;15.03.2026 14:05\n"
    imported("leads", table, "?zone=Europe/Berlin")
    assert Lead.find().get().first_touch_at == datetime(2026, 3, 15, 13, 5, tzinfo=UTC)
    imported("leads", table.replace("A;", "B;"))
    assert Lead.find({"name": "B"}).get().first_touch_at == datetime(2026, 3, 15, 14, 5, tzinfo=UTC)


def test_it_reads_days_in_words(imported: Any, acme: Any) -> None:
    imported("leads", "name;source;firstTouchAt\nA;web;15. März 2026\n")
    assert Lead.find().get().first_touch_at == datetime(2026, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "query",
    [
        "numbers=dots",
        "days=ymd",
        "zone=Mars",
        "unknown=keep",
        "create=all",
        "defaults=[]",
        "defaults={",
    ],
)
def test_it_names_what_an_option_allows(query: str, send: Any, acme: Any) -> None:
    problem(send("contacts", "name\nAda\n", f"?{query}"), 400, "bad_request")
    assert Contact.count() == 0
