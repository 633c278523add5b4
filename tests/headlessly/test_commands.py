"""The operator's commands: nouns, shell, tenant, apikey."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import management
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection, connections, transaction

from crm import Lead
from crm.hooks import measure_the_cycle, open_a_deal, qualify_the_contact, require_a_contact
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Membership, Tenant, User
from headlessly.declaration.registry import registry
from headlessly.management import command_line


def run(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=out, **options)
    return out.getvalue()


# -- nouns -----------------------------------------------------------------------------------------


def line_of(function: Any) -> str:
    code = function.__code__
    path = Path(code.co_filename).relative_to(settings.BASE_DIR)
    return f"{function.__name__} {path}:{code.co_firstlineno}"


def plain(text: str) -> str:
    return re.sub(r" +", " ", text)


def test_it_prints_the_hooks_of_a_verb_in_the_order_in_which_they_run() -> None:
    said = plain(run("nouns", "Lead"))
    places = [
        said.index(line_of(hook))
        for hook in (require_a_contact, open_a_deal, qualify_the_contact, measure_the_cycle)
    ]
    assert places == sorted(places)


def test_it_prints_a_hook_that_was_added_last_as_the_last() -> None:
    def tell_the_team(lead: Lead, ctx: Any) -> None:
        """Only for this test."""

    with Lead.converted.attached(tell_the_team):
        said = plain(run("nouns", "lead"))
        assert said.index("measure_the_cycle") < said.index("tell_the_team")
        assert f"tests/headlessly/test_commands.py:{tell_the_team.__code__.co_firstlineno}" in said
    assert "tell_the_team" not in run("nouns", "Lead")


def test_it_prints_fields_machine_and_verbs() -> None:
    said = plain(run("nouns", "leads"))
    for line in (
        "contact -> Contact.leads the person behind this lead",
        "source string required acquisition channel",
        "deal -> Deal.leads set by convert",
        "score number 0 to 100",
        "New | Contacted | Qualified | Converted | Lost",
        "Qualified -> Converted by convert",
        "Lost -> New by update",
        "lose Lead.Lost Give up on this lead, and say why.",
        "input lostReason!",
    ):
        assert line in said


def test_it_prints_every_noun_and_every_verb() -> None:
    said = run("nouns")
    for noun in registry.values():
        assert f"\n{noun.__name__}  " in f"\n{said}"
        for verb in noun.verbs.values():
            assert verb.event in said and f" {verb.before.name}" in said


def test_it_lists_what_exists_when_asked_for_a_noun_that_does_not() -> None:
    with pytest.raises(CommandError) as refusal:
        run("nouns", "Invoice")
    assert all(name in str(refusal.value) for name in ("Invoice", *registry))


# -- shell -----------------------------------------------------------------------------------------


def shell(code: str, **options: Any) -> str:
    return run("shell", command=code, verbosity=0, **options)


def test_it_opens_the_only_tenant_and_has_every_noun_at_hand(acme: Tenant) -> None:
    with tenancy.active(None), actors.acting(None):
        shell(
            "lead = Lead.create(name='From the shell', source='shell')\n"
            "Lead.update(lead.id, status='Contacted')\n"
            "Lead.lose(lead.id, lost_reason='No budget')\n"
            "assert Campaign.count() == Deal.count() == 0\n"
        )
        assert tenancy.current() is None and actors.current_or_none() is None
    lead = Lead.objects.get()
    assert (lead.name, lead.status, lead.created_by) == ("From the shell", "Lost", "system")


def test_it_runs_the_documented_lines_word_for_word(people: Any) -> None:
    """3-verbs.md, Python."""
    with tenancy.active(None), actors.acting(None):
        shell(
            """
hot = Lead.find({"status": "Qualified", "campaign": "campaign_hR5wLxPn", "score": {"$gte": 80}})
assert not hot
lead = Lead.create(name="Website Demo Request", contact="contact_fX9bL5nRd", source="website", score=65)
Lead.update(lead.id, status="Contacted")
Lead.lose(lead.id, lost_reason="No budget")      # or lead.lose(lost_reason="No budget")
assert Lead.lost_by("system").count() == 1
assert Lead.count({"status": "New"}) == 0
lead = Lead.get(lead.id, include=["contact", "organization", "campaign", "deal"])
assert lead.contact.name == "Ada Chen"
""".replace("contact_fX9bL5nRd", people.ada.pk),
            tenant="acme",
        )


def test_it_says_how_to_choose_among_several_tenants(acme: Tenant, rival: Tenant) -> None:
    with tenancy.active(None):
        said = shell("assert tenancy.current() is None")
        assert "acme, rival" in said and "--tenant acme" in said
        shell("assert tenancy.current().slug == 'rival'", tenant="rival")


def test_it_refuses_a_tenant_that_does_not_exist(acme: Tenant) -> None:
    with pytest.raises(CommandError, match=r"no tenant nobody\. There are acme"):
        shell("raise AssertionError", tenant="nobody")


# -- tenant, apikey --------------------------------------------------------------------------------


def test_it_makes_a_tenant_and_its_administrator(db: None) -> None:
    said = run("tenant", "acme", name="Acme Inc.", admin="Ada@Example.com")
    place = Membership.objects.get()
    assert (place.tenant.slug, place.tenant.name, place.role) == ("acme", "Acme Inc.", "admin")
    password = said.split("with the password ")[1].split()[0]
    assert place.user.check_password(password)


def test_it_lets_a_known_user_into_a_tenant_without_a_new_password(acme: Tenant) -> None:
    ada = User.objects.create_user("ada@example.com", "her own")
    assert "password" not in run("tenant", "acme", member="ADA@example.com", role="viewer")
    ada.refresh_from_db()
    assert ada.check_password("her own")
    assert Membership.objects.get().role == "viewer"
    run("tenant", "acme", admin="ada@example.com")
    assert Membership.objects.get().role == "admin"


def test_it_says_nothing_was_made_when_nothing_was(db: None) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="nobody is not an email address"):
        call_command("tenant", "acme", admin="ada@example.com", member="nobody", stdout=out)
    assert not out.getvalue()
    assert not Tenant.objects.exists() and not User.objects.exists()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "already"),
        ({"name": "Other"}, "already"),
        ({"admin": "nobody"}, "not an email"),
        ({"role": "rep"}, "Who is it"),
        ({"admin": "a@b.example", "name": "Other"}, "is called Acme"),
    ],
)
def test_it_refuses_to_make_a_tenant_twice(acme: Tenant, options: Any, why: str) -> None:
    with pytest.raises(CommandError, match=why):
        run("tenant", "acme", **options)
    assert Tenant.objects.count() == 1 and not User.objects.exists()


def test_it_refuses_an_address_that_no_url_can_have(db: None) -> None:
    with pytest.raises(CommandError, match="small letters"):
        run("tenant", "Acme Inc")
    assert not Tenant.objects.exists()


def test_it_makes_nothing_when_the_administrator_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="not an email"):
        run("tenant", "acme", admin="nobody")
    assert not Tenant.objects.exists()


def test_it_issues_a_key_and_shows_it_once(acme: Tenant) -> None:
    out, err = StringIO(), StringIO()
    for days in ("0", "99999999999"):
        with pytest.raises(CommandError, match="1 to 36500 days"):
            call_command("apikey", "acme", "--name", "site", "--days", days)
    call_command("apikey", "acme", "--name", "site", "--days", "30", stdout=out, stderr=err)
    key = ApiKey.find_valid(out.getvalue().strip())
    assert key and (key.tenant, key.name, key.scope) == (acme, "site", "write")
    assert key.expires_at is not None and "not shown again" in err.getvalue()


def test_it_refuses_a_key_for_a_tenant_that_does_not_exist(acme: Tenant) -> None:
    with pytest.raises(CommandError, match="There are: acme"):
        run("apikey", "nobody", name="site")
    assert not ApiKey.objects.exists()


def test_it_lists_the_keys_of_a_tenant_without_their_secrets(acme: Tenant, rival: Tenant) -> None:
    key, secret = ApiKey.issue(acme, "site")
    old, _ = ApiKey.issue(acme, "old")
    old.revoke()
    ApiKey.issue(rival, "theirs")
    said = run("apikey", "acme", list=True)
    first, second = said.splitlines()
    assert old.pk in first and "revoked" in first and first.endswith("old")
    assert key.pk in second and "valid" in second and "last used never" in second
    assert secret not in said and key.hash not in said and "theirs" not in said


def test_it_revokes_a_key_of_this_tenant_only(acme: Tenant, rival: Tenant) -> None:
    _, secret = ApiKey.issue(acme, "site")
    key = ApiKey.find_valid(secret)
    with pytest.raises(CommandError, match="rival has no key"):
        run("apikey", "rival", revoke=key.pk)
    assert ApiKey.find_valid(secret)
    assert "Revoked site" in run("apikey", "acme", revoke=key.pk)
    assert ApiKey.find_valid(secret) is None
    with pytest.raises(CommandError, match="already"):
        run("apikey", "acme", revoke=key.pk)
    with pytest.raises(CommandError, match="--rate-limit"):
        run("apikey", "acme", name="site", rate_limit=0)


@pytest.mark.parametrize("command", ["dumpdata", "loaddata"])
def test_it_says_what_to_use_instead_of_fixtures(command: str) -> None:
    with pytest.raises(CommandError, match=r"tenant export SLUG FOLDER.*tenant import"):
        call_command(command)


def test_says_of_a_database_away_in_a_sentence_why_and_which_setting(monkeypatch: Any) -> None:
    def wait_in_vain(argv: Any) -> None:
        raise OperationalError("couldn't get a connection after 2.00 sec")

    away = {"host": "127.0.0.1", "port": "1", "user": "ann", "password": "hidden"}
    monkeypatch.setattr(management, "execute_from_command_line", wait_in_vain)
    wrapper = type(connections["default"])
    monkeypatch.setattr(wrapper, "get_connection_params", lambda self: away)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert str(ended.value).startswith("The database of DATABASE_URL cannot be reached: ")
    assert "port 1 failed" in str(ended.value)
    assert "hidden" not in str(ended.value)


def test_says_of_a_database_without_its_tables_what_is_to_be_run(
    db: None, monkeypatch: Any
) -> None:
    def ask(argv: Any) -> None:
        with connection.cursor() as cursor, transaction.atomic():
            cursor.execute("SELECT 1 FROM no_such_table")

    monkeypatch.setattr(management, "execute_from_command_line", ask)
    with pytest.raises(SystemExit, match=r"no_such_table.* Run `migrate`\.$"):
        command_line.main()


def test_a_command_says_that_nothing_temporary_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(command_line.tempfile, "gettempdir", fail)
    with pytest.raises(SystemExit, match=r"/tmp.*TMPDIR"):
        command_line.main()
