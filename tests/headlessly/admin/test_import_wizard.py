"""A file with headings and words of its own: what it becomes is seen, changed, done and taken back."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from headlessly.log.events import Event
from headlessly.transfer.models import Import
from headlessly.undo import at_once

PLACE = "/~acme/admin/imports/"
DATA = Path(__file__).parents[2] / "data"
#: The files as people get them out of other programs, with how many rows each has.
FILES = {
    "apollo-contacts.csv": 1, "calendly-invitee.json": 1, "contacts.vcf": 2, "fair-badge-scans.csv": 2,
    "google-contacts.csv": 2, "hubspot-contacts.csv": 2, "linkedin-connections.csv": 2,
    "meta-leadads-utf8.csv": 2, "meta-leadads.xls.csv": 2, "salesforce-dataloader-lead.csv": 1,
    "salesforce-leads-report.csv": 2, "typeform-responses.csv": 1, "typeform-webhook.json": 1,
    "zoho-leads.csv": 1,
}  # fmt: skip


#: What each heading of them becomes on the first page, "" where it is left out.
MAPPED = orjson.loads((DATA / "mapped.json").read_bytes())


class Wizard:
    """The pages of one file, as a browser without scripts sees and sends them."""

    def __init__(self, client: Any, work: Any) -> None:
        self.client, self.work, self.address = client, work, ""
        self.shown = ""  #: the page that is open

    def send(self, name: str, content: bytes, type: str = "Lead") -> str:
        file = SimpleUploadedFile(name, content)
        answer = self.client.post(PLACE, {"type": type, "file": file})
        assert answer.status_code == 302, answer.content.decode()
        self.address = answer.headers["Location"]
        self.work()
        return self.page()

    def page(self) -> str:
        answer = self.client.get(self.address)
        assert answer.status_code == 200
        self.shown = answer.content.decode()
        return self.shown

    def post(self, where: str, changes: dict[str, str], *, status: int = 302) -> str:
        answer = self.client.post(f"{self.address}{where}/", fields(self.shown) | changes)
        assert answer.status_code == status, answer.content.decode()
        if status == 302:
            self.address = answer.headers["Location"]
            self.work()
            return self.page()
        return answer.content.decode()

    def again(self, **changes: str) -> str:
        return self.post("again", {k.replace("_", "-"): v for k, v in changes.items()})

    def go(self) -> str:
        return self.post("go", {})

    def undo(self) -> str:
        form = re.search(r'<form[^>]*action="[^"]*/undo/".*?</form>', self.shown, re.S)
        assert form is not None
        answer = self.client.post("/~acme/admin/undo/", fields(form[0]), follow=True)
        return answer.content.decode()

    @property
    def source(self) -> Import:
        return Import.objects.get(pk=self.address.rstrip("/").rpartition("/")[2])


def fields(page: str) -> dict[str, str]:
    """What the form of choices (or the one of a piece of a page) sends as it stands."""
    form = re.search(r'<form[^>]*id="import-choices".*?</form>', page, re.S)
    text = form[0] if form else page
    found = {}
    for tag in re.findall(r"<input[^>]*>", text):
        said = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        found[said.get("name", "")] = html.unescape(said.get("value", ""))
    for name, options in re.findall(r'<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>', text, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        first = re.search(r'<option value="([^"]*)"', options)
        found[name] = html.unescape((chosen or first)[1])  # type: ignore[index]
    found.pop("csrfmiddlewaretoken", None)
    found.pop("", None)
    return found


def rows(page: str) -> dict[str, list[str]]:
    """The table of columns: by heading what each becomes, and the texts of its cells."""
    table = re.search(r'<table class="inner mapping">.*?</table>', page, re.S)
    assert table is not None
    found = {}
    for row in re.findall(r"<tr.*?</tr>", table[0].partition("<tbody>")[2], re.S):
        heading = re.search(r'<th scope="row">(?:<bdi>)?(.*?)(?:</bdi>|</th>)', row, re.S)
        chosen = re.search(r'<option value="([^"]*)" selected', row)
        cells = re.findall(r'<td class="sample[^"]*">(.*?)</td>', row, re.S)
        said = [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in cells]
        named = html.unescape(re.sub(r"<[^>]+>", "", heading[1]))  # type: ignore[index]
        found[named] = [chosen[1] if chosen else "", *said]  # type: ignore[index]
    return found


@pytest.fixture
def wizard(bob: Any, work: Any) -> Wizard:
    return Wizard(bob, work)


@pytest.fixture
def wizard_of_admin(ann: Any, work: Any) -> Wizard:
    return Wizard(ann, work)


def test_it_shows_what_columns_become_with_five_rows(wizard: Wizard, people: Any) -> None:
    page = wizard.send("messy.csv", (DATA / "messy.csv").read_bytes())
    found = rows(page)
    assert {heading: cells[0] for heading, cells in found.items()} == {
        "Company Name": "organization.name", "Contact Person": "contact.name",
        "E-Mail Address": "contact.email", "Tel.": "contact.phone", "Deal Size (EUR)": "budget",
        "Lead Source": "source", "Lead Status": "status", "Sales Rep": "owner", "Notes": "need",
        "Date added": "", "no column": "",
    }  # fmt: skip
    assert found["Deal Size (EUR)"][1:3] == ["3,000 € 3.000", "12,500 12.500,00"]
    # What a rep may not say is told there, too.
    assert found["Lead Status"][2] == "A Lead starts as New, not as Converted. won"
    assert "there is no" in found["Sales Rep"][1].lower()
    assert "Semicolon".lower() in page.lower() and "1.250,00" in page


def test_it_imports_a_messy_file_with_its_words_said_once(
    wizard_of_admin: Wizard, people: Any, acme: Any
) -> None:
    from crm import Lead

    wizard = wizard_of_admin
    wizard.send("messy.csv", (DATA / "messy.csv").read_bytes())
    words = {w.word: w for w in choice_words(wizard, "owner")}
    assert {word for word, each in words.items() if each.value is None} == {
        "Ana Ferreira", "ana.ferreira@acme.example", "Ben", "B. Whitlock",
    }  # fmt: skip
    page = wizard.post(
        "again",
        {words["Ben"].name: people.bob.pk, words["B. Whitlock"].name: people.bob.pk},
    )
    assert "499" in page and Lead.count() == 0
    page = wizard.go()
    source = wizard.source
    assert (source.created, source.refused, source.total) == (499, 1, 500)
    assert "This is required." in page and "refused.csv" in page
    assert Lead.count({"owner": people.bob.pk}) == words["Ben"].count + words["B. Whitlock"].count
    assert Lead.count({"status": "Converted"}) == 71


@pytest.mark.parametrize("type", ["Lead", "Contact"])
@pytest.mark.parametrize("name", FILES)
def test_it_takes_each_file_of_another_program_as_it_is(
    name: str, type: str, wizard_of_admin: Wizard, acme: Any
) -> None:
    from crm import Contact, Lead, Organization

    before = {noun: noun.count() for noun in (Contact, Lead, Organization)}
    wizard = wizard_of_admin
    page = wizard.send(name, (DATA / "files" / name).read_bytes(), type)
    assert {heading: cells[0] for heading, cells in rows(page).items()} == MAPPED[
        f"{name} as {type}"
    ]
    if ([*FILES].index(name) % 2 == 0) != (type == "Lead"):
        return  # the other half of the files: as what it lands is theirs to say
    wizard.go()
    source = wizard.source
    assert (source.created, source.refused, source.total) == (FILES[name], 0, FILES[name])
    wizard.undo()
    assert {noun: noun.count() for noun in before} == before


def test_it_takes_what_was_chosen_and_keeps_it_for_the_next_file(
    wizard_of_admin: Wizard, acme: Any
) -> None:
    from crm import Lead

    wizard = wizard_of_admin
    table = "Was;Stand;Egal\n{};gewonnen;7\n{};offen;8\n"
    page = wizard.send("a.csv", table.format("Hof 1", "Hof 2").encode())
    assert [cells[0] for cells in rows(page).values()] == ["", "", ""]
    assert "There is nothing in it to save." in page
    page = wizard.post("again", {"column-0": "name", "column-1": "status"})
    assert "1 is not understood" in page
    (gewonnen,) = (w for w in choice_words(wizard, "status") if w.word == "gewonnen")
    page = wizard.post("go", {gewonnen.name: "Converted"})
    assert "This is how it looks with your changes" in page and Lead.count() == 0
    wizard.go()
    assert {(lead.name, lead.status) for lead in Lead.find()} == {
        ("Hof 1", "Converted"), ("Hof 2", "New"),
    }  # fmt: skip
    page = wizard.send("b.csv", table.format("Hof 3", "Hof 4").encode())
    assert "As it was chosen for a.csv" in page
    assert [cells[0] for cells in rows(page).values()][:3] == ["name", "status", ""]
    wizard.go()
    assert Lead.count({"status": "Converted"}) == 2
    page = wizard.send("c.csv", table.format("Hof 5", "Hof 6").encode())
    page = wizard.post("again", {"anew": "1"})
    assert [cells[0] for cells in rows(page).values()][:3] == ["", "", ""]


def test_it_reads_the_file_as_is_chosen(wizard: Wizard, people: Any) -> None:
    page = wizard.send("a.csv", "name|source;x\nŁódź|Messe;1\n".encode("cp1250"))
    assert "£ódŸ" in page
    page = wizard.again(encoding="windows-1250")
    assert "Łódź" in page
    page = wizard.again(delimiter="semicolon")
    assert list(rows(page))[:2] == ["name|source", "x"]
    said = wizard.post("again", {"encoding": "utf-8"}, status=400)
    assert "The file is not UTF-8" in said


def test_it_offers_what_it_found_where_nobody_could_say_it(wizard: Wizard, people: Any) -> None:
    page = wizard.send("a.csv", "sep=^\nname^source\nHöfe^Messe\n".encode("utf-16-le"))
    assert "UTF-16 · ^" in page and "Höfe" in page
    page = wizard.again(default_source="Fair")
    assert "UTF-16 · ^" in page and "Import this row" in page


def test_a_trial_that_is_changed_while_it_runs_is_tried_as_was_said_last(
    wizard: Wizard, people: Any
) -> None:
    from headlessly.transfer.import_job import Run, Stopped

    wizard.send("a.csv", b"name,source\nHof,Messe\n")
    late = Run(wizard.source)
    wizard.again(numbers="comma")
    with pytest.raises(Stopped):
        late._begin()
    assert wizard.source.options["numbers"] == "comma" and wizard.source.done == 1


def test_refused_rows_are_corrected_and_sent_again(wizard_of_admin: Wizard, acme: Any) -> None:
    from crm import Lead

    wizard = wizard_of_admin
    wizard.send("a.csv", b"Titel;Quelle;Wert\n;Messe;7\nHof;Messe;8\n")
    wizard.post("again", {"column-0": "name", "column-1": "source", "column-2": "budget"})
    page = wizard.go()
    link = re.search(r'href="([^"]+refused.csv)"', page)
    answer = wizard.client.get(link[1])  # type: ignore[index]
    table = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert table.startswith("Titel,Quelle,Wert,$row,$reason\r\n,Messe,7,1,name: This is required.")
    page = wizard.send("refused.csv", table.replace("\r\n,", "\r\nMühle,").encode())
    assert "As it was chosen for a.csv" in page
    wizard.go()
    assert {lead.name: lead.budget for lead in Lead.find()} == {"Hof": 8, "Mühle": 7}


def choice_words(wizard: Wizard, path: str) -> list[Any]:
    from headlessly.access import actors
    from headlessly.admin.import_words import word_choices

    with actors.acting(actors.SYSTEM):
        (found,) = (each for each in word_choices(wizard.source) if each.path == path)
    return found.words


def test_an_import_too_large_to_be_taken_back_at_once_shows_how_far_it_is(
    wizard_of_admin: Wizard, bob: Any, acme: Any, monkeypatch: Any
) -> None:
    from crm import Lead

    monkeypatch.setattr(at_once, "MOST_EVENTS", 5)
    wizard = wizard_of_admin
    people = "\n".join(f"Person {n},p{n}@x.example" for n in range(9))
    wizard.send("leads.csv", f"Name,Email\n{people}\n".encode())
    wizard.go()
    touched = Lead.find({"name": "Person 3"})[0]
    Lead.update(touched.pk, name="Renamed <since>")
    page = wizard.undo()
    assert "data-polls" in page and "waiting" in page and "<progress" in page
    assert (
        'action="/~acme/admin/undo/"'
        not in page.partition('id="import-rows"')[0].partition('id="import"')[2]
    ), "it is asked for once"
    wizard.work()
    page = wizard.page()
    assert "data-polls" not in page
    assert "Renamed &lt;since&gt;" in page and "Name: changed again since." in page
    assert re.search(r"<th scope=\"row\">Leads</th><td>8</td><td>1</td>", page)
    assert Lead.count() == 1
    file = re.search(r'href="(/~acme/undos/[^"]*stays.csv)"', page)
    assert file is not None
    own = file[1].replace("/~acme/undos/", "/~acme/admin/undos/").replace("stays.csv", "")
    assert bob.get(own).status_code == 404, "another's is none"
    alone = wizard.client.get(own).content.decode()
    assert "Renamed &lt;since&gt;" in alone
    redo = re.search(r"<form[^>]*data-redo.*?</form>", alone, re.S)
    assert redo is not None
    answer = wizard.client.post("/~acme/admin/undo/", fields(redo[0]))
    assert "/admin/undos/undo_" in answer.headers["Location"]
    wizard.work()
    assert Lead.count() == 9
    assert wizard.client.get("/~acme/admin/undos/undo_none/").status_code == 404


def test_all_rows_of_a_file_get_the_campaign_that_is_said_once(wizard: Wizard, people: Any) -> None:
    """On the page of the campaign, before the file is sent, or where it is tried."""
    from crm import Lead
    from marketing import Campaign

    fair, web = Campaign.create(name="Trade fair"), Campaign.create(name="Webinar")
    asks = wizard.client.get(f"{PLACE}?type=Lead&campaign={fair.pk}").content.decode()
    assert "For all rows: Campaign: Trade fair" in asks
    assert (
        "For all rows"
        not in wizard.client.get(f"{PLACE}?type=Contact&campaign={fair.pk}").content.decode()
    )
    file = SimpleUploadedFile("fair.csv", b"Name,Company\nVisitor One,A GmbH\nVisitor One,A GmbH\n")
    sent = wizard.client.post(PLACE, {"type": "Lead", "file": file, "campaign": fair.pk})
    wizard.address = sent.headers["Location"]
    wizard.work()
    assert fields(wizard.page())["default-campaign"] == fair.pk
    wizard.again(default_campaign=web.pk)
    page = wizard.again(default_campaign=fair.pk)
    assert "Rows that are alike" in page and "The same as row 1 by" in page
    wizard.go()
    assert [lead.campaign_id for lead in Lead.find()] == [fair.pk, fair.pk]


def test_an_import_that_was_taken_back_says_so_until_it_is_as_it_was_again(
    wizard: Wizard, people: Any
) -> None:
    wizard.send("fair.csv", b"Name,Email\nVisitor One,v@x.example\nVisitor Two,w@x.example\n")
    done = wizard.go()
    told = "4 records taken back"
    assert told not in done
    wizard.undo()
    assert told in wizard.page() and told in wizard.client.get(PLACE).content.decode()
    event = Event.log.filter(name="Request.Undone").get()
    wizard.client.post("/~acme/admin/undo/", {"request": event.request_id, "redo": "1"})
    assert told not in wizard.page()
    with CaptureQueriesContext(connection) as some:
        wizard.client.get(PLACE)
    wizard.send("more.csv", b"Name,Email\nVisitor Three,z@x.example\n")
    wizard.go()
    with CaptureQueriesContext(connection) as more:
        wizard.client.get(PLACE)
    assert len(more) == len(some)
