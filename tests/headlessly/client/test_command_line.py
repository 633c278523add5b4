"""The command line: what it says to people and to programs, and with which number it ends."""

from __future__ import annotations

import base64
import io
import json
import os
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crm import Contact, Lead
from headlessly.client.commands import run
from headlessly.client.wire import wire_name
from tests.refusals import everything
from tests.signals import interruptible

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cli(home: Any, capfdbinary: Any, monkeypatch: Any) -> Callable[..., SimpleNamespace]:
    """``cli("Lead.find", "--limit", 5)``: the exit code and what was said on both sides."""

    def cli(*words: Any, stdin: str = "") -> SimpleNamespace:
        capfdbinary.readouterr()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = run([str(word) for word in words])
        out, err = (said.decode() for said in capfdbinary.readouterr())
        err = "".join(line for line in err.splitlines(True) if " - httpx: " not in line)
        return SimpleNamespace(code=code, out=out, err=err, json=lambda: json.loads(out))

    return cli


@pytest.fixture
def signed_in(cli: Any, tenants: Any) -> SimpleNamespace:
    """Signed in to acme, as the customer's admin."""
    assert cli("login", tenants.acme.url, stdin=tenants.acme.secret).code == 0
    return tenants


def test_it_works_a_lead_as_issue_and_page_say(cli: Any, signed_in: Any, people: Any) -> None:
    # headlessly Lead.create --name ... --source website
    made = cli(
        "Lead.create", "--name", "Website Demo Request", "--contact", people.ada.id,
        "--source", "website", "--sourceDetail", "/pricing", "--score", 65, "--budget", "50000",
    )  # fmt: skip
    lead = made.json()
    assert (made.code, lead["$type"], lead["sourceDetail"], lead["budget"]) == (
        0, "Lead", "/pricing", 50_000,
    )  # fmt: skip
    for status in ("Contacted", "Qualified"):
        assert cli("Lead.update", lead["$id"], "--status", status).code == 0
    # headlessly Lead.find --status Qualified --sort -score --limit 5
    found = cli("Lead.find", "--status", "Qualified", "--sort", "-score", "--limit", 5)
    assert [each["$id"] for each in found.json()] == [lead["$id"]]
    table = cli("Lead.find", "--status", "Qualified", "--output", "table").out
    assert table.split()[:8] == ["$id", *map(wire_name, Lead.Surface.columns)]
    table = cli("Lead.find", "--fields", "name,contact", "--output", "table").out
    assert "Ada Chen" in table, "a person reads names, not ids"
    # headlessly Lead.get lead_...  --include contact
    got = cli("Lead.get", lead["$id"], "--include", "contact,campaign").json()
    assert got["contact"]["email"] == "ada@acme.example"
    # headlessly do Lead.convert lead_... --dry-run
    before = everything()
    dry = cli("do", "Lead.convert", lead["$id"], "--dry-run")
    assert (dry.code, everything()) == (0, before)
    names = [event["name"] for event in dry.json()["events"]]
    assert names[:2] == ["Lead.Converted", "Deal.Created"]
    shown = cli("Lead.convert", lead["$id"], "--dry-run", "--output", "table")
    assert "Deal.Created" in shown.out
    assert shown.err == "A dry run: nothing has changed.\n"
    assert cli("Lead.convert", lead["$id"]).json()["status"] == "Converted"
    again = cli("Lead.convert", lead["$id"])
    assert (again.code, again.out) == (5, "")
    assert "Converted" in again.err
    # the words of the page for MCP, in a filter
    filter = '{"status": "Converted", "source": "website"}'
    assert len(cli("Lead.find", "--filter", filter, "--sort", "-score", "--limit", 25).json()) == 1
    history = cli("Lead.history", lead["$id"], "--output", "csv").out.splitlines()
    assert history[0].startswith("$id,timestamp,name")
    assert len(history) == 1 + Lead.history(lead["$id"]).count()
    assert cli("Lead.count", "--status", "Converted").out == "1\n"
    states = cli("status").json()["nouns"]["Lead"]["states"]
    assert states["Converted"] == 1
    assert cli("me").json()["tenant"]["slug"] == "acme"
    assert cli("Lead.delete", lead["$id"]).err == f"Lead.delete {lead['$id']}: done.\n"


def test_it_narrows_lists_as_addresses_do(cli: Any, signed_in: Any, lead: Any) -> None:
    Lead.create(name="Small", source="fair", score=10)
    for words, expected in [
        (["--score.gte", "80"], 1),
        (["--score.lt=80"], 1),
        (["--organization.industry", "Technology"], 1),
        (["--organization.name.icontains", "CORP", "--source.in", "fair,website"], 1),
        (["--campaign.isnull", "true"], 1),
        (["--source-detail.startswith", "/pri"], 1),
        (["--createdAt.gte", "1h ago"], 2),
        (["--reached.in", "New"], 2),
        (["-q", "small"], 1),
        (["--as-of", "1d ago"], 0),
    ]:
        found = cli("Lead.find", *words, "--fields", "name")
        assert (found.code, len(found.json())) == (0, expected), words
    assert cli("Lead.count", "--score.gte", "80").out == "1\n"
    one = cli(
        "Lead.find", "--limit", 1, "--sort", "name", "--fields", "name,score", "--output", "csv"
    )
    assert one.out == f"$id,name,score\n{lead.id},Acme Platform Evaluation,82\n"
    assert one.err == "1 of 2. --limit N or --all shows more.\n"
    lines = cli("Lead.find", "--all", "--output", "ndjson").out.splitlines()
    assert [json.loads(line)["$type"] for line in lines] == ["Lead", "Lead"]


REFUSALS = [
    (["Leed.find"], 2, "There is no noun Leed. Did you mean Lead?"),
    (["lead.find"], 2, "There is no noun lead. Did you mean Lead?"),
    (["Lead.fnid"], 2, "Lead has no verb fnid. Did you mean find? There are: find, get,"),
    (["stauts"], 2, "There is no command stauts. Did you mean status?"),
    (["Lead.find", "--statsu", "New"], 2, "no option --statsu. Did you mean --status?"),
    (["Lead.find", "--name.industry", "x"], 2, "name is no reference"),
    (["Lead.find", "--score.gte"], 2, "--score.gte needs a value"),
    (["Lead.find", "New"], 2, "does not understand 'New'"),
    (["Lead.find", "--filter", "{"], 2, "--filter is JSON"),
    (["Lead.find", "--output", "xml"], 2, "--output is one of table, json, ndjson, csv"),
    (["Lead.find", "--status", "Nwe"], 1, "Use one of New, Contacted"),
    (["Lead.find", "--sort", "nmae"], 1, "has no field 'nmae'"),
    (["Lead.create", "--nmae", "x"], 2, "no option --nmae. Did you mean --name? There are:"),
    (["Lead.create", "--name", "x", "--profile", "y"], 2, "--profile goes before the command"),
    (["Lead.create", "--name", "x"], 1, "--source: This is required."),
    (["Lead.create", "--name", "x", "--source", "x", "--score", "ten"], 1, "--score: This is a"),
    (["Lead.create", "--json", '{"nmae": 1}'], 2, "takes no nmae. Did you mean name?"),
    (["Lead.get"], 2, "Missing argument"),
    (["Lead.get", "lead_aaaaaaaaaaaa"], 4, "There is no Lead lead_aaaaaaaaaaaa."),
    (["export", "Lead", "--format", "xml"], 1, "format is csv"),
    (["import", "/nowhere.csv", "--type", "Lead"], 2, "/nowhere.csv: No such file"),
    (["events", "--cursor", "x"], 1, "no cursor of the log"),
]  # fmt: skip


def test_it_says_in_a_line_what_is_wrong_and_changes_nothing(
    cli: Any, signed_in: Any, people: Any
) -> None:
    before = everything()
    for words, code, saying in REFUSALS:
        said = cli(*words)
        assert (said.code, said.out) == (code, ""), (words, said.err)
        assert saying in said.err, words
        assert said.err.startswith("headlessly: ")
        assert said.err.count("\n") == 1
    assert everything() == before


def test_it_names_the_request_when_asked_and_tells_versions_apart(
    cli: Any, signed_in: Any, lead: Any
) -> None:
    stale = cli("Lead.update", lead.id, "--score", 1, "--if-match", 7)
    assert (stale.code, stale.err) == (
        5, "headlessly: This Lead is at version 1, not 7. Read it again.\n",
    )  # fmt: skip
    loud = cli("--verbose", "Lead.update", lead.id, "--score", 1, "--if-match", 7)
    assert loud.err.splitlines()[1].startswith("412 stale, request req_")
    assert cli("Lead.update", lead.id, "--score", "", "--if-match", 1).json()["score"] is None
    taken = cli("Contact.create", "--name", "Ada", "--email", "ada@acme.example")
    assert taken.code == 5


def test_it_keeps_logins_of_several_tenants_for_the_owners_eyes_only(
    cli: Any, tenants: Any, theirs: Any, home: Any, monkeypatch: Any
) -> None:
    nobody = cli("me")
    assert (nobody.code, "headlessly login" in nobody.err) == (3, True)
    wrong = cli("login", tenants.acme.url, stdin=tenants.rival.secret)
    assert (wrong.code, wrong.out) == (3, "")
    assert cli("profiles").json() == []
    pasted = f"{tenants.acme.url}/admin/crm/lead/?q=1"
    said = cli("login", pasted, stdin=f"{tenants.acme.secret}\n")
    assert said.err == "Signed in to Acme as client (admin), profile acme.\n"
    assert (
        cli("login", tenants.rival.url, "--profile", "other", stdin=tenants.rival.secret).code == 0
    )
    file = home / "config/headlessly/logins.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [(p["profile"], p["inUse"]) for p in cli("profiles").json()] == [
        ("acme", False), ("other", True),
    ]  # fmt: skip
    assert cli("Lead.count").out == "1\n"
    assert cli("--profile", "acme", "Lead.count").out == "0\n"
    monkeypatch.setenv("HEADLESSLY_URL", tenants.acme.url)
    assert cli("Lead.count").out == "0\n", "the address of the environment, with its own key"
    monkeypatch.setenv("HEADLESSLY_API_KEY", tenants.rival.secret)
    assert cli("Lead.count").code == 3, "the environment goes before what is stored"
    monkeypatch.delenv("HEADLESSLY_URL")
    monkeypatch.delenv("HEADLESSLY_API_KEY")
    elsewhere = cli("--url", "http://127.0.0.1:1/~acme", "me")
    assert (elsewhere.code, "There is no key for" in elsewhere.err) == (3, True)
    assert cli("profiles", "acme").code == 0
    assert cli("me").json()["tenant"]["slug"] == "acme"
    assert cli("logout").err == "Signed out of acme. In use now: other.\n"
    assert cli("--profile", "acme", "me").code == 3
    assert cli("logout").code == 0
    assert cli("logout").code == 3
    assert tenants.acme.secret not in file.read_text()
    assert cli("login", "crm.example.com/acme", stdin="x").code == 2
    file.write_text("{")
    assert "cannot be read" in cli("me").err


def test_it_says_that_there_is_no_connection(cli: Any, home: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("HEADLESSLY_URL", "http://127.0.0.1:1/~acme")
    monkeypatch.setenv("HEADLESSLY_API_KEY", "hly_sk_x")
    said = cli("Lead.find")
    assert said.code == 7
    assert said.err.startswith("headlessly: Cannot connect to http://127.0.0.1:1")


def test_it_takes_files_in_and_gives_them_out(
    cli: Any, signed_in: Any, work: Any, tmp_path: Any, people: Any, monkeypatch: Any
) -> None:
    from headlessly.client import files

    monkeypatch.setattr(
        files, "Pause", lambda seconds, pause=files.Pause: (work() and pause(0)) or pause(0)
    )
    file = tmp_path / "leads.csv"
    file.write_text("name,source,contact\nFair,fair,ada@acme.example\n,fair,\n")
    dry = cli("import", file, "--type", "Lead", "--dry-run", "--output", "table")
    assert (dry.code, Lead.objects.count()) == (1, 0)
    assert "2    name   This is required." in dry.out
    people_csv = "name,email\nAda C.,ada@acme.example\nNew,new@acme.example\n"
    done = cli(
        "import", "-", "--type", "Contact", "--format", "csv", "--match", "email", stdin=people_csv
    )
    assert (done.code, done.json()["created"], done.json()["updated"]) == (0, 1, 1)
    assert Contact.objects.get(pk=people.ada.pk).name == "Ada C."
    unsaid = cli("import", "-", "--type", "Contact", stdin="x")
    assert unsaid.code == 2 and "csv, json, ndjson, xlsx, vcf" in unsaid.err
    bare = tmp_path / "bare.csv"
    bare.write_text("name,Contact Name,Colour\nWalk-in,Zoe Lim,red\n")
    given = ("import", bare, "--type", "Lead", "--dry-run", "--defaults", '{"source": "Fair"}')
    tried = cli(*given, "--create", "nothing", "--zone", "Europe/Berlin").json()
    assert (tried["created"], tried["made"], tried["reading"]["zone"]) == (1, {}, "Europe/Berlin")
    refused = cli(*given, "--unknown", "refuse")
    assert refused.code == 1 and "There is no such field" in refused.err

    own = tmp_path / "own.csv"
    own.write_text("Was;Stand\nMühle;gewonnen\n", encoding="cp1252")
    said = tmp_path / "mapping.json"
    columns = {"Was": "name", "Stand": "status"}
    values = {"status": {"gewonnen": "Converted"}}
    said.write_text(json.dumps({"columns": columns, "values": values}))
    for mapping, became in ((f"@{said}", "created"), ("kept", "unchanged")):
        mapped = cli(
            "import", own, "--type", "Lead", "--mapping", mapping, "--delimiter", "semicolon"
        )
        assert (mapped.code, mapped.json()[became]) == (0, 1), mapped
    assert Lead.objects.filter(name="Mühle", status="Converted").count() == 1
    assert cli("import", own, "--type", "Lead", "--mapping", "@/nowhere.json").code == 2
    assert cli("import", own, "--type", "Lead", "--mapping", "{").code == 2

    out = cli(
        "export", "Contact", "--fields", "name,email", "--email.startswith", "ada", "--sort", "name"
    )
    assert out.out.splitlines()[0] == "$id,name,email"
    assert out.out.splitlines()[1].endswith(",Ada C.,ada@acme.example")
    saved = cli("export", "Contact", "--format", "ndjson", "-o", tmp_path / "all.ndjson")
    assert (saved.code, saved.out) == (0, "")
    assert len((tmp_path / "all.ndjson").read_text().splitlines()) == Contact.objects.count()


def test_it_measures_by_group(cli: Any, signed_in: Any, lead: Any) -> None:
    Lead.create(name="Second", source="fair", budget=70)
    asked = ("Lead.aggregate", "--group", "source", "--measure", "count,sum(budget)")
    assert cli(*asked, "--source", "fair").json() == [
        {"source": "fair", "count": 1, "sum(budget)": {"USD": 70.0}}
    ]
    assert "sum(budget)" in cli(*asked, "--output", "csv").out.splitlines()[0]


def test_it_tracks_and_reads_the_log(cli: Any, signed_in: Any, lead: Any) -> None:
    assert cli("track", "page_view", "--properties", '{"plan": "pro"}').json()["data"] == {
        "plan": "pro"
    }
    log = cli("events", "--name", "page_view", "--output", "csv").out.splitlines()
    assert log[0].startswith("$id,timestamp,name")
    assert len(log) == 2
    assert [e["name"] for e in cli("events", "--target", lead.id).json()] == ["Lead.Created"]
    every = cli("events", "--target", lead.id, "--limit", 0).json()
    (made,) = every
    assert lead.id in [e["target"] for e in cli("events", "--request", made["requestId"]).json()]
    assert cli("events", "--request", "req_none", "--actor", "me").json() == []
    assert [e["name"] for e in every] == ["Lead.Created"], "0 is all, as of a list"
    wrong = cli("events", "--follow", "--until", "now")
    assert (wrong.code, "leave out until" in wrong.err) == (2, True), wrong.err
    table = cli("events", "--type", "Lead", "--output", "table")
    assert "Lead.Created" in table.out


def test_it_keeps_a_file_with_a_record_and_gives_it_back(
    cli: Any, signed_in: Any, lead: Any, tmp_path: Path
) -> None:
    offer = tmp_path / "Offer.pdf"
    offer.write_bytes(b"%PDF the offer")
    kept = cli("Attachment.upload", "--file", str(offer), "--lead", lead.pk).json()
    assert (kept["name"], kept["size"], kept["lead"]) == ("Offer.pdf", 14, lead.pk)
    said = cli("Attachment.content", kept["$id"]).json()
    assert base64.b64decode(said["content"]) == b"%PDF the offer"
    missing = cli("Attachment.upload", "--file", "nowhere.pdf", "--lead", lead.pk)
    assert missing.code == 2 and "--file nowhere.pdf: No such file" in missing.err
    assert "text in base64" in cli("Attachment.upload", "--help").out


def test_it_takes_back_a_request(cli: Any, signed_in: Any, lead: Any) -> None:
    cli("do", f"Lead.update('{lead.id}', score=5)")
    request = Lead.history(lead).first().request_id
    dry = cli("undo", request, "--dry-run")
    assert dry.json()["undone"][0]["id"] == lead.id and Lead.get(lead.id).score == 5
    done = cli("undo", request, "--output", "table")
    assert (done.code, Lead.get(lead.id).score) == (0, 82)
    assert lead.id in done.out and "Lead.Updated" in done.out
    again = cli("undo", request)
    assert again.code != 0 and "taken back already" in again.err


def test_it_waits_for_a_large_request_to_be_taken_back(
    cli: Any, signed_in: Any, work: Any, monkeypatch: Any
) -> None:
    from headlessly.client import undos
    from headlessly.undo import at_once

    monkeypatch.setattr(at_once, "MOST_EVENTS", 5)
    monkeypatch.setattr(
        undos, "Pause", lambda seconds, pause=undos.Pause: (work() and pause(0)) or pause(0)
    )
    made = cli("do", 'for n in range(8):\n    Lead.create(name=f"Lead {n}", source="web")')
    request = made.json()["requestId"]
    dry = cli("undo", request, "--dry-run")
    assert (dry.code, dry.json()["undone"], Lead.count()) == (0, 8, 8)
    Lead.update(Lead.find()[0].pk, name="Renamed since")
    done = cli("undo", request, "--output", "table")
    assert (done.code, Lead.count()) == (0, 1)
    assert "LargeUndo" not in done.out and "Lead" in done.out
    assert "/stays.csv" in done.err
    told = cli("undo", request).json()
    assert (told["status"], told["undone"], told["stays"]) == ("completed", 0, 1)
    assert "changed again since" in told["message"]


def test_it_runs_scripts_and_serves_agents(cli: Any, signed_in: Any, lead: Any, home: Any) -> None:
    counted = cli("do", "Lead.count()", "--output", "table")
    assert (counted.code, counted.out) == (0, "1\n")
    steers = cli("do", r"print('\x1b[2J\n\x9bthen')", "--output", "table")
    assert (steers.code, steers.out) == (0, " [2J\n then\n"), "a terminal can be steered"
    code = f"print('now')\nLead.lose('{lead.id}', lostReason='x').status"
    dry = cli("do", "-", "--dry-run", stdin=code)
    assert [event["name"] for event in dry.json()["events"]] == ["Script.Ran", "Lead.Lost"]
    failed = cli("do", f"{code}\nimport os")
    assert (failed.code, "Line 3: Imports" in failed.err) == (1, True)
    assert Lead.get(lead.id).status == "New"
    assert cli("do").code == 2

    served = process(home, signed_in.acme, "mcp")
    call = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
    }}  # fmt: skip
    served.stdin.write(json.dumps(call) + "\n")
    served.stdin.flush()
    assert json.loads(served.stdout.readline())["result"]["serverInfo"]["name"] == "headlessly"
    served.communicate(timeout=20)
    assert served.returncode == 0


def test_it_describes_a_noun_and_its_verbs(cli: Any, signed_in: Any) -> None:
    for words in (["Lead", "--output", "table"], ["schema", "Lead", "--output", "table"]):
        said = cli(*words).out
        assert "--lost-reason" in said
        assert "New, Contacted, Qualified, Converted, Lost" in said
        assert "Converted (convert)" in said
    assert cli("schema").json()["nouns"].keys() >= {"Lead", "Deal"}
    assert cli("schema", "Leed").code == 2
    create = cli("Lead.create", "--help").out
    assert "--source-detail, --sourceDetail" in create
    assert "required" in create
    assert "0..100" in " ".join(create.split())
    assert "Possible from New, Contacted, Qualified." in cli("Lead.lose", "--help").out
    assert cli("--version").out.startswith("headlessly 0.")
    overview = " ".join(cli("--help").out.split())
    assert "An inbound lead" in overview
    assert "5 conflict" in overview


# -- as a process of its own ----------------------------------------------------------------------


def process(home: Path, login: SimpleNamespace, *words: str, **more: str) -> subprocess.Popen:
    env = os.environ | {
        "HEADLESSLY_URL": login.url,
        "HEADLESSLY_API_KEY": login.secret,
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        **more,
    }
    command = [sys.executable, "-m", "headlessly", *words]
    with interruptible():
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def test_it_follows_the_log_from_now_on_until_ctrl_c(home: Any, tenants: Any, lead: Any) -> None:
    following = process(home, tenants.acme, "events", "--follow", "--type", "Lead")
    try:
        for score in range(60):  # until it is there to hear one
            lead.update(score=score)
            if select.select([following.stdout], [], [], 0.5)[0]:
                break
        first = json.loads(following.stdout.readline())
    finally:
        following.send_signal(signal.SIGINT)
        _out, err = following.communicate(timeout=20)
        lead.update(score=99)  # the server, which is still waiting, hears this and is done
        time.sleep(0.6)
    assert first["name"] == "Lead.Updated", "what was there before is not told"
    assert following.returncode == 130
    assert err.startswith("Go on with --cursor ")


def test_it_follows_the_log_from_a_moment(home: Any, tenants: Any, lead: Any) -> None:
    following = process(
        home, tenants.acme, "events", "--follow", "--type", "Lead", "--since", "1h ago"
    )
    try:
        assert select.select([following.stdout], [], [], 30)[0]
        first = json.loads(following.stdout.readline())
        lead.update(score=1)
        assert select.select([following.stdout], [], [], 30)[0]
        second = json.loads(following.stdout.readline())
    finally:
        following.send_signal(signal.SIGINT)
        out, _err = following.communicate(timeout=20)
        lead.update(score=2)
        time.sleep(0.6)
    assert [first["name"], second["name"]] == ["Lead.Created", "Lead.Updated"]
    assert (following.returncode, out) == (130, "")


def test_it_stops_quietly_when_nobody_reads_on(home: Any, tenants: Any, acme: Any) -> None:
    for number in range(30):
        Lead.create(name=f"Lead {number}", source="x", need=1000 * "long ")
    listing = process(home, tenants.acme, "Lead.find", "--all", "--output", "json")
    assert listing.stdout.readline() == "[\n"
    listing.stdout.close()
    assert listing.wait(20) == 141
    assert listing.stderr.read() == ""


def test_it_completes_nouns_verbs_fields_and_values_also_offline(
    home: Any, tenants: Any, cli: Any, monkeypatch: Any
) -> None:
    def completed(words: str, login: SimpleNamespace = tenants.acme) -> list[str]:
        asked = process(
            home, login, _HEADLESSLY_COMPLETE="complete_bash", COMP_WORDS=f"headlessly {words}",
            COMP_CWORD=str(words.count(" ") + 1),
        )  # fmt: skip
        out, err = asked.communicate(timeout=20)
        assert err == ""
        return out.split()

    assert completed("Lead.c") == ["Lead.count", "Lead.create", "Lead.convert", "Lead.claim"]
    offline = SimpleNamespace(url="http://127.0.0.1:1/~acme", secret="x")
    started = time.monotonic()
    assert completed("Lead.c", offline) == []
    assert time.monotonic() - started < 10
    assert completed("Lead.create --sour") == ["--source", "--source-detail", "--sourceDetail"]
    assert completed("do Lead.find --status Q") == ["Qualified"]
