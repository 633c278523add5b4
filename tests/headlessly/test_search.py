"""What a search finds whatever its spelling, what it never shows, and the order of names."""

from __future__ import annotations

import sys
import unicodedata
from itertools import chain
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.db.models.sql.compiler import SQLCompiler

from crm import Activity, Contact, Deal, Lead, Organization
from headlessly.access import actors, tenancy
from headlessly.access.models import Membership, User
from headlessly.context.tenant_scope import every_tenant
from headlessly.database import policies
from headlessly.declaration.folding import fold, phone_digits
from headlessly.errors import InvalidFilter
from headlessly.query import paging, ranking, reads
from headlessly.query.scope import Scope
from headlessly.query.search import Search
from headlessly.query.search_words import Word, read_words

NUMBER = "+420 604 893 825"


def found(noun: type[Any], words: str, **asked: Any) -> list[str]:
    """The names on the page, which are those that Python finds."""
    page = [row["name"] for row in reads.record_page(noun, q=words, **asked).results]
    assert sorted(page) == sorted(str(row) for row in noun.find(q=words))
    return page


# -- telephone numbers ------------------------------------------------------------------------------


@pytest.fixture
def eva(acme: Any) -> Contact:
    return Contact.create(name="Eva Nováková", email="eva@novak.example", phone=NUMBER)


@pytest.mark.parametrize(
    "written",
    ["604893825", NUMBER, "+420604893825", "00420604893825", "00420 604 893 825", "604-893-825",
     "(604) 893 825", "604/893825", "0604893825", "893825", "604893825 eva", "eva +420 604 893 825"],
)  # fmt: skip
def test_it_finds_a_number_by_its_digits_and_leads_by_their_contacts(
    written: str, eva: Contact
) -> None:
    Contact.create(name="Somebody else", phone="+420 604 893 826", mobile="+49 171 5551234")
    lead = Lead.create(name="Roof", source="web", contact=eva)
    Deal.create(name="Roof deal", value=1, contact=eva)
    assert found(Contact, written) == ["Eva Nováková"]
    assert found(Lead, written) == [lead.name]
    assert found(Deal, written) == ["Roof deal"]


@pytest.mark.parametrize("stored", ["+49 (0)171 5551234", "0049 171 5551234", "+491715551234"])
@pytest.mark.parametrize(
    "written", ["0049 171 5551234", "+49 (0)171 555-1234", "0171 5551234", "01715551234", "5551234"]
)
def test_it_knows_the_zeros_of_a_number(stored: str, written: str, acme: Any) -> None:
    Contact.create(name="Max", mobile=stored)
    assert found(Contact, written) == ["Max"]


def test_it_takes_numbers_that_are_none_for_words(acme: Any, eva: Contact) -> None:
    for name in ("Plan 2026", "Budget 2025 2026", "Room 604"):
        Lead.create(name=name, source="web", contact=eva)
    assert found(Lead, "604") == ["Room 604"]
    assert sorted(found(Lead, "2026")) == ["Budget 2025 2026", "Plan 2026"]
    assert found(Lead, "2025 2026") == ["Budget 2025 2026"]
    assert [word.digits for word in read_words("+420 604 room 12 at 604893825")] == [
        "420604", "", "", "", "604893825",
    ]  # fmt: skip
    assert phone_digits("+49 (0)171 55") == phone_digits("004917155") == "4917155"


# -- accents ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written", ["novakova", "NOVÁKOVÁ", "Nova\u0301kova\u0301", "ovák", "eva novak"]
)
def test_it_finds_names_whatever_their_accents(written: str, eva: Contact) -> None:
    Lead.create(name="Roof", source="web", contact=eva)
    assert found(Contact, written) == ["Eva Nováková"]
    assert found(Lead, written) == ["Roof"]
    assert not found(Contact, "novakovy")
    assert [row.name for row in Contact.find({"name": {"$text": written}})] == ["Eva Nováková"]


def test_it_finds_part_of_a_field_whatever_its_accents(eva: Contact, api: Any) -> None:
    answer = api.call("GET", "/contacts?name__icontains=novakova")
    assert [row["name"] for row in answer.json()["results"]] == ["Eva Nováková"]


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("Łódź", "lodz"), ("Straße", "STRASSE"), ("Strasse", "straße"), ("Ærø", "aero"),
        ("I\u0307stanbul", "istanbul"), ("ΟΔΟΣ", "οδος"), ("Ａｃｍｅ", "acme"), ("Zoe\u0308", "zoë"),
        ("100% Café", "100% cafe"), ("a_b corp", "a_b"), ("東京商事", "東京商"),
    ],
)  # fmt: skip
def test_it_finds_letters_of_every_kind(stored: str, written: str, acme: Any) -> None:
    Organization.create(name=stored)
    Organization.create(name="1000 a-b corp")
    assert [fold(name) for name in found(Organization, written)] == [fold(stored)]


#: What is typed, and the names that are meant.
UMLAUTS = {
    "mueller": {"Anna Müller", "Bea Mueller"},
    "MÜLLER": {"Anna Müller", "Bea Mueller", "Cem Muller"},
    "muller": {"Anna Müller", "Cem Muller"},
    "muell": {"Anna Müller", "Bea Mueller"},
    "groesse": {"Größe Süd", "Grösse Nord"},
    "größe sued": {"Größe Süd"},
    "soerensen": {"Ida Sørensen"},
    "oel": {"Öl", "Oel & Gas"},
    "öl": {"Öl", "Oel & Gas"},
    "o'koelle": {"Pat O\u2019Kölle"},
    # Two letters that are two.
    "michael": {"Michael Bauer"},
    "bauer": {"Michael Bauer"},
    "baur": set(),
}


def test_it_finds_umlauts_whichever_way_they_are_typed(acme: Any) -> None:
    for name in {*chain(*UMLAUTS.values()), "Michal Baer", "Ulla Mulla"}:
        Contact.create(name=name)
    for written, expected in UMLAUTS.items():
        assert set(found(Contact, written)) == expected, written
        # It looks inside of words, however short the word is.
        assert {row.name for row in Contact.find({"name": {"$text": written}})} >= expected
        best = ranking.best_matches([Contact], written)[: len(expected)]  # then those with an error
        assert {Contact.get(match.key).name for match in best} == expected, written


def test_it_finds_umlauts_in_long_texts_and_tags(acme: Any) -> None:
    leads = {
        "need": Lead.create(name="One", source="web", need="Wants the größere Anlage."),
        "tags": Lead.create(name="Two", source="web", tags=["Größe XL"]),
        "name": Lead.create(name="Grosse", source="web", need="A grosse.", tags=["Grosse"]),
    }
    assert found(Lead, "groesse") == [leads["tags"].name, leads["need"].name]
    assert set(found(Lead, "größe")) == {"One", "Two", "Grosse"}
    assert Lead.create(name="Three", source="web", need="groessere", tags=["groesse"])
    assert set(found(Lead, "größe")) == {"One", "Two", "Grosse", "Three"}


def test_it_folds_in_python_as_the_database_does(db: Any) -> None:
    letters = [
        chr(code)
        for code in range(1, 0x3000)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs")
        and unicodedata.normalize("NFKC", chr(code)).islower() | chr(code).isupper()
    ]
    with connection.cursor() as cursor:
        cursor.execute("SELECT l, headlessly_fold(l) FROM unnest(%s::text[]) l", [letters])
        other = [(a, b, fold(a)) for a, b in cursor.fetchall() if b != fold(a)]
    assert len(letters) > 1_000 and not other, (sys.version, other[:20])


# -- short words ------------------------------------------------------------------------------------


def test_it_finds_short_words_where_a_word_begins(acme: Any) -> None:
    for name in ("Xerox", "Big Xerox", "Semi-Xe", "Annexed", "Q & A"):
        Organization.create(name=name)
    assert sorted(found(Organization, "xe")) == ["Big Xerox", "Semi-Xe", "Xerox"]
    assert found(Organization, "xe bi") == ["Big Xerox"]
    assert found(Organization, "q & a") == ["Q & A"]
    assert found(Organization, "nex") == ["Annexed"]


@pytest.mark.parametrize("stored", ["Shaun O\u2019Neil-Ray", "Shaun O'Neil-Ray"])
@pytest.mark.parametrize("written", ["o'neil", "O\u2019Neil", "o`neil shaun", "neil\u2011ray"])
def test_it_finds_names_whatever_signs_are_written_for_their_apostrophes_and_hyphens(
    stored: str, written: str, acme: Any
) -> None:
    Contact.create(name=stored)
    Contact.create(name="Shaun Olive Oneil Ray")
    assert found(Contact, written) == [stored]
    # Ctrl-K fills in a statement that was compiled for another word.
    ranking.best_matches([Contact], "d'arc")
    assert ranking.best_matches([Contact], written)[0].name == stored.lower()


@pytest.mark.parametrize("signs", ["&", "%", "_ -", "\\", "..."])
def test_it_refuses_signs_alone(signs: str, acme: Any) -> None:
    with pytest.raises(InvalidFilter, match="letter or a digit"):
        reads.record_page(Organization, q=signs)


@pytest.mark.parametrize("words", ["q", "xe", "zq", "a-b", "&a", "xerox", "604893825", "xe &"])
def test_it_never_reads_a_table_for_a_word(words: str, acme: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
    for noun in (Contact, Lead, Organization):
        search = Search(Scope(noun), words)
        for table in search.tables:
            fitting = QuerySet(table.scope.noun).filter(table.word_condition(search.words[0]))
            with every_tenant():  # or the tenant alone would lead to an index
                plan = fitting.values("pk").explain()
            assert f"Bitmap Index Scan on {table.scope.noun._meta.model_name}_search" in plan, plan
            assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize("noun", [Contact, Lead, Organization])
def test_it_looks_a_word_up_among_the_records_of_the_tenant(noun: type[Any], acme: Any) -> None:
    """By an index that begins with the tenant and knows its type alone; in each of its texts."""
    name, long = noun._meta.model_name, noun.schema.long_texts
    word = Word("xerox", "12345")
    own = [
        word.text_condition(column) if column in long else word.column_condition(column)
        for column in Search(Scope(noun), "xerox").tables[0].columns
    ]
    looked_up_by(f"{name}_search", noun, own)
    for field in noun.schema.others:
        looked_up_by(f"{name}_{field.name}", noun, [word.others_condition(field)])


def looked_up_by(index: str, noun: type[Any], conditions: list[Any]) -> None:
    """Check that the index finds the records of a tenant with each condition."""
    table = noun._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS only_searched")
        cursor.execute(f"CREATE TEMPORARY TABLE only_searched (LIKE {table})")
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [index])
        cursor.execute(cursor.fetchone()[0].replace(f"public.{table}", "only_searched"))
        cursor.execute(
            "ALTER TABLE only_searched ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; "
            f"CREATE POLICY {policies.POLICY} ON only_searched USING ({policies.OWN})"
        )
        cursor.execute("SET LOCAL enable_seqscan = off")
        for condition in conditions:
            sql, given = noun.objects.filter(condition).values("pk").query.sql_with_params()
            cursor.execute(f"EXPLAIN {sql}".replace(f'"{table}"', '"only_searched"'), given)
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "One-Time Filter" in plan, plan  # the policy is asked once, not of every row
            looked_up = plan.split("Index Cond:", 1)[1].splitlines()[0]
            assert "tenant_id" in looked_up, plan
            assert any(asked in looked_up for asked in ("~~", "@@", "?|")), plan


# -- nobody else's ------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["eve rival", "ev", "rival", "604893825", NUMBER, "their lead"])
def test_it_finds_nothing_of_another_tenant(words: str, rival: Any, theirs: Any, acme: Any) -> None:
    with tenancy.active(rival):
        theirs.eve.update(phone=NUMBER)
        assert found(Contact, words) or found(Lead, words)
    for noun in (Contact, Lead, Organization):
        assert not found(noun, words)
        assert not ranking.best_matches([noun], words)


@pytest.mark.parametrize("words", ["hush", "hu", "604893825", NUMBER])
def test_it_finds_nothing_that_a_limited_rep_does_not_see(
    words: str, acme: Any, people: Any
) -> None:
    hushed = Contact.create(name="Hush", phone=NUMBER, owner=people.cleo)
    Lead.create(name="Hush lead", source="web", owner=people.cleo, contact=hushed)
    assert found(Contact, words) and found(Lead, words)
    acme.limits_reps = True
    acme.save()
    user = User.objects.create_user("bob@sign.example")
    bob = Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.bob)
    with actors.acting(bob.actor):
        for noun in (Contact, Lead):
            assert not found(noun, words)
            assert not ranking.best_matches([noun], words)


def test_it_finds_a_limited_reps_own_lead_by_the_number_of_its_person(
    acme: Any, people: Any
) -> None:
    hushed = Contact.create(name="Hush", phone=NUMBER, owner=people.cleo)
    Lead.create(name="Own lead", source="web", owner=people.bob, contact=hushed)
    acme.limits_reps = True
    acme.save()
    user = User.objects.create_user("bob@sign.example")
    bob = Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.bob)
    with actors.acting(bob.actor):
        assert found(Lead, "604893825") == ["Own lead"]
        assert not found(Contact, "604893825")


# -- the order of what is found, and of names ---------------------------------------------------------


def test_it_puts_the_best_match_first_and_what_is_open_before_what_is_closed(acme: Any) -> None:
    for name in ("Semiember", "Old Ember", "Ember Two", "Ember", "Embers", "ÉMBER"):
        lead = Lead.create(name=name, source="web")
        if name in ("Embers", "Ember"):
            lead.lose(lost_reason="Price")
    ranked = [match.key for match in ranking.best_matches([Lead], "ember")]
    names = dict(Lead.objects.values_list("pk", "name"))
    assert [names[key] for key in ranked] == [
        "ÉMBER", "Ember", "Ember Two", "Embers", "Old Ember", "Semiember",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("100%", ["100% Café"]), ("a_b", ["a_b corp"]), ('"big"', ['The "Big" one']),
        ("back\\", ["back\\slash"]), ("o'brien & s", ["O'Brien & Sons"]), ("x", []), ("ca", ["100% Café"]),
        ("corp a_b", ["a_b corp"]), ("one big", ['The "Big" one']), ("sons brien o", ["O'Brien & Sons"]),
    ],
)  # fmt: skip
def test_it_takes_signs_for_themselves_where_one_types(
    written: str, expected: list[str], acme: Any
) -> None:
    for name in (
        "100% Café", "1000 axb", "a_b corp", 'The "Big" one', "back\\slash", "O'Brien & Sons", "Brie",
    ):  # fmt: skip
        Organization.create(name=name, description="Something else")
    keys = [match.key for match in ranking.best_matches([Organization, Contact], written)]
    assert [Organization.get(key).name for key in keys] == expected


def test_what_is_typed_is_compiled_once_for_all_texts(
    acme: Any, eva: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another text only what lists of values, such as tags, have of it is asked through Django."""
    compiled: list[str] = []
    as_sql = SQLCompiler.as_sql

    def counted(compiler: SQLCompiler, *given: Any, **more: Any) -> Any:
        compiled.append(compiler.query.model.__name__)
        return as_sql(compiler, *given, **more)

    monkeypatch.setattr(SQLCompiler, "as_sql", counted)
    Lead.create(name="Roof tiles", source="web", contact=eva)
    for first, *others in (
        ("tiles", "roof", "zinnober"),
        ("roof tiles", "tiles roof", "zinnober rubin"),
        ("eva novák", "eva nová"),
        ("mueller", "goethe"),
        ("müller", "größe"),
    ):
        ranking.best_matches([Contact, Lead, Organization], first)
        for other in others:
            compiled.clear()
            ranking.best_matches([Contact, Lead, Organization], other)
            assert set(compiled) <= {"ListValue"}, other


def test_it_finds_the_beginning_of_a_name_among_more_matches_than_it_looks_at(
    acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "LOOKED_AT", 3)
    for number in range(20):
        Organization.create(name=f"Old Ember {number}")
    ember = Organization.create(name="Ember")
    best = ranking.best_matches([Organization], "ember")
    assert best[0].key == ember.pk and len(best) <= 6


NAMES = ["Zoe", "ähre", "Aal", "Äpfel", "apfel", "Ölz", "oma", "Éclair", "eclat", "Straße", "Strasse",
         "Strauß", "Łódź", "lodge", "Zürich", "Zucker", "zy"]  # fmt: skip
SORTED = ["Aal", "ähre", "Äpfel", "apfel", "Éclair", "eclat", "lodge", "Łódź", "Ölz", "oma", "Straße",
          "Strasse", "Strauß", "Zoe", "Zucker", "Zürich", "zy"]  # fmt: skip


@pytest.mark.parametrize("cap", [100, 3])
@pytest.mark.parametrize("filter", [None, {"type": "Prospect"}])
def test_it_sorts_names_as_people_look_them_up_page_by_page(
    cap: int, filter: Any, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "COUNT_CAP", cap)
    for name in NAMES:
        Organization.create(name=name, type="Prospect")
    for sort, order in (("name", SORTED), ("-name", SORTED[::-1])):
        seen, cursor = [], None
        while True:
            page = reads.record_page(Organization, filter, sort=sort, limit=4, cursor=cursor)
            seen += [row["name"] for row in page.results]
            cursor = page.cursor
            if not cursor:
                break
        assert [fold(name) for name in seen] == [fold(name) for name in order]
        assert sorted(seen) == sorted(NAMES)
        assert [str(row) for row in Organization.find(filter, sort=sort)] == seen


def test_it_sorts_by_name_along_an_index(acme: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")  # of one row it costs nothing
    for sort in ("name", "-name"):
        plan = Lead.find(sort=sort)[:25].explain()
        assert "lead_sorted_by_name" in plan and "Sort" not in plan.replace("Sorted", ""), plan


def test_it_refuses_signs_alone_in_a_sentence(api: Any, acme: Any) -> None:
    answer = api.call("GET", "/leads?q=%26")
    assert answer.status_code == 400
    assert "letter or a digit" in answer.content.decode()


# -- one letter wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    ["whitlok", "witlock", "whitlpck", "whitlocck", "hwitlock", "whiltock", "ben whitlpck", "whitpoc",
     "benn whitlock", "WHÏTLOK"],
)  # fmt: skip
def test_it_finds_names_with_one_letter_wrong_when_little_else_fits(
    written: str, acme: Any
) -> None:
    ben = Contact.create(name="Ben Whitlock")
    Contact.create(name="Bea Whitaker")
    assert [match.key for match in ranking.best_matches([Contact, Lead], written)] == [ben.pk]


@pytest.mark.parametrize("written", ["whtlck", "wht", "604893835", "whitlock bea", "chen whitlok"])
def test_it_takes_one_wrong_letter_and_no_more(written: str, acme: Any) -> None:
    Contact.create(name="Ben Whitlock", phone=NUMBER)
    assert not ranking.best_matches([Contact, Lead], written)


def test_it_finds_every_name_that_is_one_error_away(acme: Any) -> None:
    """However short, wherever the error: what the trigrams lead to has them all."""
    for number, name in enumerate(("Chen", "Stone", "Novak", "Garcia", "Kowalski", "Featherstone")):
        made = Contact.create(name=f"{number} {name} Other")
        word = name.lower()
        for at in range(len(word)):
            for written in (
                word[:at] + "x" + word[at + 1 :], word[:at] + "x" + word[at:], word[:at] + word[at + 1 :],
                word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
            ):  # fmt: skip
                swapped = sorted(written) == sorted(word) and len(word) < 6
                if len(written) < 4 or written in word or swapped:
                    continue
                found = [match.key for match in ranking.best_matches([Contact], written)]
                assert found == [made.pk], written
        made.delete()


def test_it_puts_names_spelled_right_before_those_that_are_not_and_asks_for_few(acme: Any) -> None:
    near = Organization.create(name="Embar")
    right = Organization.create(name="Big Ember")
    assert [m.key for m in ranking.best_matches([Organization], "ember")] == [right.pk, near.pk]
    for number in range(ranking.FEW - 1):
        Organization.create(name=f"Ember {number}")
    assert near.pk not in {m.key for m in ranking.best_matches([Organization], "ember")}


# -- words in texts --------------------------------------------------------------------------------


def test_it_finds_words_of_notes_and_needs_where_they_begin(acme: Any, api: Any) -> None:
    lead = Lead.create(
        name="Roof", source="web", authority="CFO signs", timeline="before Ostern",
        need="Wants to replace five tools; per-seat licences (Überblick), mail ops@novak.example",
    )  # fmt: skip
    Activity.log(
        type="Note", subject="Note", description="Asked about\nfire-proof doors'n'locks", lead=lead
    )
    for written in (
        "replac",
        "seat licences",
        "uber",
        "cfo",
        "oster",
        "novak",
        "five tools",
        "ops@novak",
    ):
        assert found(Lead, written) == ["Roof"], written
    assert not found(Lead, "eplace") and not found(Lead, "seats")
    for written in ("fireproof", "proof", "locks", "fire-proof"):
        assert bool(Activity.find(q=written)) is (written != "fireproof"), written
    answer = api.call("GET", "/leads?q=replace").json()
    assert [row["name"] for row in answer["results"]] == ["Roof"]
