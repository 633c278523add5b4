"""An attachment is a file that is kept with a record, on every surface."""

from __future__ import annotations

import base64
import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from crm import Attachment, Contact, Lead, Rule
from crm.attachments import file_address
from crm.models import step_offers
from crm.models.attachment import media_type_of
from headlessly import scripts
from headlessly.access import actors, tenancy
from headlessly.access.models import Membership, User
from headlessly.contents.models import ContentPart, ContentUse
from headlessly.contents.store import PART
from headlessly.declaration import sent_files
from headlessly.declaration.sent_files import SentFile
from headlessly.errors import Conflict, Invalid, NotFound
from headlessly.log.events import Event
from tests.answered import answered
from tests.headlessly.admin.signed_in import client_of

OFFER = SentFile(b"%PDF-1.4 the offer", "Offer.pdf")
SECOND = SentFile(b"%PDF-1.4 the second offer", "Offer v2.pdf")
QUICK = "/~acme/admin/crm/attachment/quick/"


@pytest.fixture
def bob(acme: Any, people: SimpleNamespace) -> Client:
    user = User.objects.create_user("bob@sign.example", first_name="Bob")
    Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.bob)
    return client_of(user)


def send(api: Any, path: str, fields: dict[str, Any], **headers: str) -> Any:
    """A form with a file, as REST takes it."""
    return api.generic(
        "POST",
        api.base + path,
        encode_multipart(BOUNDARY, fields),
        content_type=MULTIPART_CONTENT,
        headers={"Authorization": f"Bearer {api.secret}"} | headers,
    )


def test_keeps_a_file_with_a_record(lead: Any) -> None:
    kept = Attachment.upload(file=OFFER, lead=lead)
    assert (kept.name, kept.media_type, kept.size) == ("Offer.pdf", "application/pdf", 18)
    assert kept.content() == OFFER and lead.attachments.get() == kept
    event = Event.objects.filter(target=kept.pk).get()
    assert event.name == "Attachment.Uploaded" and "content" not in event.data
    assert event.data["checksum"] == kept.checksum and len(kept.checksum) == 64


def test_keeps_the_same_content_once_and_a_large_one_in_parts(lead: Any) -> None:
    large = b"x" * (2 * PART + 5)
    for name in ("a.bin", "b.bin"):
        assert Attachment.upload(file=large, name=name, lead=lead).content() == large
    assert ContentPart.objects.count() == 3


def test_keeps_a_link_or_a_name_without_a_file(lead: Any) -> None:
    link = Attachment.create(name="The contract", url="https://drive.example/x", lead=lead)
    assert (link.size, link.media_type, link.content()) == (None, None, None)


def test_takes_no_more_room_than_a_tenant_has(lead: Any, rival: Any, settings: Any) -> None:
    settings.FILES_QUOTA_MB = 2
    for name in ("a", "b"):
        Attachment.upload(file=name.encode() * PART, name=name, lead=lead)
    with pytest.raises(Conflict, match="no room"):
        Attachment.upload(file=b"c" * PART, name="c", lead=lead)
    Attachment.upload(file=b"a" * PART, name="The same again", lead=lead)
    assert ContentUse.objects.get().bytes == 2 * PART and Attachment.count() == 3
    with tenancy.active(rival):
        Attachment.upload(file=b"c" * PART, name="c")


def test_says_what_is_wrong_with_a_file(lead: Any, monkeypatch: Any) -> None:
    for file, said in (
        (b"", "empty"),
        ("no base64!", "base64"),
        ({"name": "a.txt"}, "base64"),
        ({"name": 7, "content": "aGk="}, "base64"),
        (17, "base64"),
        (SentFile(b"hi"), "Say what the file is called"),
    ):
        with pytest.raises(Invalid) as refusal:
            Attachment.upload(file=file, lead=lead)
        assert said in str(refusal.value)
    monkeypatch.setattr(sent_files, "MAX_SIZE", 10)
    with pytest.raises(Invalid, match="larger than"):
        Attachment.upload(file=OFFER, lead=lead)
    assert not Attachment.find() and not ContentPart.objects.exists()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("C:\\Users\\me\\Offer.pdf", "Offer.pdf"),
        ("../../etc/pass\x00wd", "passwd"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("Ärztehaus.pdf", "Ärztehaus.pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_takes_the_last_part_of_a_name(lead: Any, sent: str, kept: str) -> None:
    assert Attachment.upload(file=SentFile(b"hi", sent), lead=lead).name == kept


@pytest.mark.parametrize(
    ("name", "file", "saved"),
    [
        ("Offer", "v2.docx", "Offer.docx"),
        ("Offer.pdf", "v2.docx", "Offer.pdf.docx"),
        ("Offer of May 3. 2026", "offer.pdf", "Offer of May 3. 2026.pdf"),
        ("card.jpeg", "photo.jpg", "card.jpeg"),
        ("plan.dwg", "plan.dwg", "plan.dwg"),
        ("logs.tar.gz", "logs.tar.gz", "logs.tar.gz"),
        ("thing", "thing", "thing"),
    ],
)
def test_is_saved_with_the_ending_of_its_kind(name: str, file: str, saved: str) -> None:
    kept = Attachment(name=name, media_type=media_type_of(file), checksum="0" * 64)
    assert kept.filename == saved


def test_replaces_a_file_and_its_past_has_the_one_before(lead: Any) -> None:
    kept = Attachment.upload(file=OFFER, lead=lead)
    before = kept.updated_at
    kept.replace(file=SECOND)
    assert (kept.content(), kept.name, kept.size) == (SECOND, "Offer.pdf", 25)
    assert Attachment.get(kept.pk, as_of=before).content() == OFFER
    kept.rollback(as_of=before)
    assert Attachment.get(kept.pk).content() == OFFER


def test_goes_and_comes_back_with_its_record(lead: Any) -> None:
    kept = Attachment.upload(file=OFFER, lead=lead)
    lead.delete()
    with pytest.raises(NotFound):
        Attachment.get(kept.pk)
    Lead.restore(lead.pk)
    assert Attachment.get(kept.pk).content() == OFFER


def test_goes_on_with_the_deal_of_its_lead_until_that_is_taken_back(
    api: Any, qualified: Any
) -> None:
    kept = Attachment.upload(file=OFFER, lead=qualified)
    done = api.call("POST", f"/leads/{qualified.pk}/convert", {})
    assert Attachment.get(kept.pk).deal_id == answered(done)["deal"]
    answered(api.call("POST", f"/requests/{done['X-Request-Id']}/undo"))
    kept = Attachment.get(kept.pk)
    assert (kept.deal_id, kept.lead_id, kept.content()) == (None, qualified.pk, OFFER)


def test_goes_on_with_whom_a_contact_is_merged_into(people: SimpleNamespace) -> None:
    twin = Contact.create(name="A. Chen", email="chen@else.example")
    kept = Attachment.upload(file=OFFER, contact=twin)
    twin.merge(into=people.ada)
    assert Attachment.get(kept.pk).contact == people.ada


def test_is_taken_back_by_its_request(api: Any, lead: Any) -> None:
    kept = answered(send(api, "/attachments/upload", {"file": upload(), "lead": lead.pk}), 201)
    again = api.call("POST", f"/attachments/{kept['$id']}/replace", {"file": "aGk="})
    assert answered(again)["size"] == 2
    taken = api.call("POST", f"/requests/{again['X-Request-Id']}/undo")
    assert taken.status_code == 200, taken.content
    assert Attachment.get(kept["$id"]).content() == OFFER


def upload(content: bytes = OFFER, name: str = "Offer.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_comes_by_rest_as_a_form_or_as_json(api: Any, lead: Any) -> None:
    said = {"file": upload(), "lead": lead.pk, "note": "First", "tags": "sent"}
    one = answered(send(api, "/attachments/upload", said), 201)
    assert (one["name"], one["size"], one["note"]) == ("Offer.pdf", 18, "First")
    encoded = base64.b64encode(OFFER).decode()
    for file in (encoded, {"name": "Offer.pdf", "content": encoded}):
        body = {"file": file, "name": "Offer.pdf", "lead": lead.pk}
        made = answered(api.call("POST", "/attachments/upload", body), 201)
        assert made["checksum"] == one["checksum"] and made["mediaType"] == "application/pdf"
    there = answered(api.call("GET", f"/leads/{lead.pk}?include=attachments"))
    assert len(there["attachments"]) == 3


def test_refuses_by_rest_what_is_no_file(api: Any, lead: Any, monkeypatch: Any) -> None:
    for fields in ({"lead": lead.pk}, {"file": "no base64!", "lead": lead.pk}):
        assert answered(send(api, "/attachments/upload", fields), 422)["field"] == "file"
    for key in ("size", "checksum", "mediaType"):
        body = {"file": "aGk=", "name": "a.txt", "lead": lead.pk, key: 7 if key == "size" else "x"}
        refused = answered(api.call("POST", "/attachments/upload", body), 422)
        assert refused["field"] == key
    form = send(api, "/leads", {"name": "x"})
    assert form.status_code == 415
    broken = api.generic(
        "POST",
        "/~acme/attachments/upload",
        b"no form",
        content_type=MULTIPART_CONTENT,
        headers={"Authorization": f"Bearer {api.secret}"},
    )
    assert broken.status_code in (400, 422)
    assert not Attachment.find()


def test_takes_no_half_a_form_and_no_second_file(api: Any, lead: Any) -> None:
    def post(content: bytes) -> Any:
        return api.generic(
            "POST",
            f"{api.base}/attachments/upload",
            content,
            content_type=MULTIPART_CONTENT,
            headers={"Authorization": f"Bearer {api.secret}"},
        )

    whole = encode_multipart(BOUNDARY, {"lead": lead.pk, "file": upload()})
    for cut in (1, 10, len(BOUNDARY) + 8, len(whole) - 60):
        refused = answered(post(whole[: -cut - 4]), 400)
        assert "ends before" in refused["message"]
    for second in (upload(SECOND), "aGk="):
        both = encode_multipart(BOUNDARY, {"file": [upload(), second]})
        refused = answered(post(both), 400)
        assert (refused["field"], refused["message"]) == ("file", "file: send one file.")
    assert not Attachment.find()
    assert post(whole + b"\r\nAn epilogue").status_code == 201


def test_takes_the_texts_of_a_form_as_long_as_those_of_json(api: Any, lead: Any) -> None:
    large = base64.b64encode(b"x" * 3_000_000).decode()
    made = send(api, "/attachments/upload", {"file": large, "name": "a.bin", "lead": lead.pk})
    assert answered(made, 201)["size"] == 3_000_000
    refused = answered(send(api, "/attachments/upload", {"file": large * 3}), 413)
    assert "10 MB" in refused["message"]


def test_is_kept_once_however_often_it_is_sent(api: Any, lead: Any) -> None:
    def post(content: bytes) -> Any:
        fields = {"file": upload(content), "lead": lead.pk}
        return send(api, "/attachments/upload", fields, **{"Idempotency-Key": "k1"})

    first, second, other = post(OFFER), post(OFFER), post(SECOND)
    assert first.json()["$id"] == second.json()["$id"] and other.status_code == 422
    assert Attachment.count() == 1


def test_an_import_states_no_file_that_is_not_there(api: Any, lead: Any, work: Any) -> None:
    kept = Attachment.upload(file=OFFER, lead=lead)
    rows = [
        {"name": "Link", "url": "https://x.example/", "size": None, "checksum": None},
        {"name": "Its double", "checksum": kept.checksum},
        {"name": "Ghost", "size": 5},
        {"name": "Header", "mediaType": "text/plain\nX-Evil: 1"},
    ]
    started = answered(api.call("POST", "/import/attachments", rows), 202)
    work()
    done = answered(api.call("GET", f"/imports/{started['$id']}"))
    assert (done["created"], done["refused"]) == (1, 3)
    assert sorted(each.name for each in Attachment.find()) == ["Link", "Offer.pdf"]


def test_keeps_nothing_on_trial(api: Any, lead: Any) -> None:
    said = {"file": upload(), "lead": lead.pk}
    trial = answered(send(api, "/attachments/upload?dryRun=true", said))
    assert trial["record"]["size"] == 18
    assert not Attachment.find() and not ContentPart.objects.exists()


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("Offer.pdf", "application/pdf", True),
        ("card.JPG", "image/jpeg", True),
        ("notes.txt", "text/plain", True),
        ("page.html", "text/html", False),
        ("logo.svg", "image/svg+xml", False),
        ("sheet.xlsx", None, False),
        ("thing", "application/octet-stream", False),
        ("code.js", "application/octet-stream", False),
        ("look.css", "application/octet-stream", False),
    ],
)
def test_is_read_as_it_was_sent_and_runs_nothing(
    api: Any, bob: Client, lead: Any, name: str, kind: str | None, shown: bool
) -> None:
    kept = Attachment.upload(file=b"<script>alert(1)</script>", name=name, lead=lead)
    answer = bob.get(f"/~acme/attachments/{kept.pk}/file")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer["Content-Type"] == (kind or kept.media_type)
    how = answer["Content-Disposition"]
    assert how.startswith("inline" if shown else "attachment") and name in how
    assert answer["X-Content-Type-Options"] == "nosniff"
    sealed = answer.headers.get("Content-Security-Policy", "")
    assert kind == "application/pdf" or ("default-src 'none'" in sealed and "sandbox" in sealed)


def test_is_answered_as_json_also_as_it_was(api: Any, lead: Any) -> None:
    kept = Attachment.upload(file=OFFER, lead=lead)
    before = kept.updated_at
    kept.replace(file=SECOND)
    path = f"/attachments/{kept.pk}/content"
    said = answered(api.call("GET", path))
    assert base64.b64decode(said["content"]) == SECOND and said["name"] == "Offer.pdf"
    then = answered(api.call("GET", f"{path}?asOf={before.isoformat().replace('+00:00', 'Z')}"))
    assert base64.b64decode(then["content"]) == OFFER
    link = Attachment.create(name="x", url="https://x.example", lead=lead)
    for what in ("content", "file"):
        assert api.call("GET", f"/attachments/{link.pk}/{what}").status_code == 404


def test_a_page_of_the_past_leads_to_the_file_of_then(bob: Client, lead: Any) -> None:
    kept = Attachment.upload(file=OFFER, lead=lead)
    before = kept.updated_at
    kept.replace(file=SECOND)
    assert "?" not in file_address(kept)
    address = file_address(Attachment.get(kept.pk, as_of=before))
    assert bob.get(f"/~acme{address}").content == OFFER
    assert bob.get(f"/~acme{file_address(kept)}").content == SECOND
    for wrong in ("asOf=then", "asOf=2999-01-01", "at=now"):
        assert bob.get(f"/~acme{file_address(kept)}?{wrong}").status_code == 400
    assert bob.get(f"/~acme{file_address(kept)}?asOf=2020-01-01T00:00:00Z").status_code == 404


def test_is_nobodys_of_another_tenant(rival_api: Any, api: Any, lead: Any, theirs: Any) -> None:
    kept = Attachment.upload(file=OFFER, lead=lead)
    for what in ("", "/content", "/file"):
        assert rival_api.call("GET", f"/attachments/{kept.pk}{what}").status_code == 404
    refused = rival_api.call(
        "POST", "/attachments/upload", {"file": "aGk=", "name": "x", "lead": lead.pk}
    )
    assert refused.status_code == 422
    assert Client().get(f"/~acme/attachments/{kept.pk}/file").status_code == 401


def test_is_hidden_with_what_it_is_about(
    acme: Any, bob: Client, lead: Any, people: SimpleNamespace
) -> None:
    acme.limits_reps = True
    acme.save()
    hidden = Lead.create(name="Cleo's", owner=people.cleo, source="fair")
    kept = Attachment.upload(file=OFFER, lead=hidden)
    own = Attachment.upload(file=OFFER, lead=lead)
    assert bob.get(f"/~acme/attachments/{kept.pk}/file").status_code == 404
    assert bob.get(f"/~acme/attachments/{own.pk}/file").status_code == 200


def test_is_uploaded_by_a_script_and_an_agent(lead: Any) -> None:
    with actors.acting(actors.Actor("user_m", "Mia", actors.MANAGER)):
        made = scripts.run(f'Attachment.upload(file="aGk=", name="hi.txt", lead="{lead.pk}").size')
    assert made.value == 2 and Attachment.find().get().content() == b"hi"


def test_is_no_step_of_an_automation_which_has_no_file(lead: Any) -> None:
    about = {"name": "Greet", "kind": "Automation", "condition": {"type": "Lead", "filter": {}}}
    about |= {"events": ["Lead.Created"]}
    step = {"do": "Attachment.upload", "with": {"file": "aGk=", "name": "a.txt"}}
    with pytest.raises(Invalid, match=r"Attachment\.upload takes a file"):
        Rule.create(**about, steps=[step])
    offered = dict(step_offers.offered_verbs())
    assert "Attachment.create" in offered and not {"Attachment.upload", "Attachment.replace"} & set(
        offered
    )
    link = {"name": "{{name}}", "url": "https://x.example/", "lead": "{{$id}}"}
    assert Rule.create(**about, steps=[{"do": "Attachment.create", "with": link}])


def card(client: Client, place: str) -> str:
    page = client.get(place).content.decode()
    start = page.index('aria-label="Attachments"')
    return page[start : page.index("</section>", start)]


def test_stands_on_the_page_of_its_record(bob: Client, lead: Any) -> None:
    place = f"/~acme/admin/crm/lead/{lead.pk}/change/"
    assert f'href="{QUICK}?for-lead={lead.pk}" data-quick' in bob.get(place).content.decode()
    dialog = bob.get(f"{QUICK}?for-lead={lead.pk}").content.decode()
    assert 'type="file"' in dialog and 'enctype="multipart/form-data"' in dialog
    answer = bob.post(QUICK, {"for-lead": lead.pk, "file": upload(), "then": ""})
    assert answer.status_code == 302, answer.content.decode()
    kept = Attachment.find().get()
    shown = card(bob, place)
    assert f'href="/~acme/attachments/{kept.pk}/file"' in shown and "18\xa0bytes" in shown
    link = Attachment.create(name="Contract", url="https://drive.example/x", lead=lead)
    assert 'href="https://drive.example/x"' in card(bob, place) and link


def test_has_a_page_of_its_own_that_shows_a_picture(bob: Client, lead: Any) -> None:
    place = "/~acme/admin/crm/attachment/{}/change/"
    offer, photo = Attachment.upload(file=OFFER, lead=lead), SentFile(b"\x89PNG", "card.png")
    assert (
        f'href="/~acme/attachments/{offer.pk}/file"'
        in bob.get(place.format(offer.pk)).content.decode()
    )
    kept = Attachment.upload(file=photo, lead=lead)
    assert (
        f'src="/~acme/attachments/{kept.pk}/file"'
        in bob.get(place.format(kept.pk)).content.decode()
    )


def test_is_told_in_the_timeline_of_its_record(bob: Client, lead: Any) -> None:
    kept = Attachment.upload(file=OFFER, lead=lead)
    kept.replace(file=SECOND)
    page = bob.get(f"/~acme/admin/crm/lead/{lead.pk}/change/").content.decode()
    told = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page[page.index('class="timeline"') :]))
    assert "uploaded the attachment Offer.pdf" in told
    assert "replaced the attachment Offer.pdf" in told and "18 bytes → 25 bytes" in told
    assert kept.checksum not in page
    assert (
        kept.checksum
        not in bob.get(f"/~acme/admin/crm/attachment/{kept.pk}/change/").content.decode()
    )


def test_refuses_in_the_dialog_beside_the_input(bob: Client, lead: Any) -> None:
    for sent, said in (({}, "This is required."), ({"file": upload(b"")}, "The file is empty.")):
        answer = bob.post(QUICK, {"for-lead": lead.pk, "note": "typed", **sent})
        assert answer.status_code == 422
        page = answer.content.decode()
        assert said in page
        assert 'id="quick__file_error"' in page and 'value="typed"' in page
    assert not Attachment.find()


def test_is_replaced_in_a_dialog(bob: Client, lead: Any) -> None:
    kept = Attachment.upload(file=OFFER, lead=lead)
    place = f"/~acme/admin/crm/attachment/{kept.pk}/do/replace/"
    assert 'type="file"' in bob.get(place).content.decode()
    assert bob.post(place).status_code == 422
    assert bob.post(place, {"file": upload(SECOND)}).status_code == 302
    assert Attachment.get(kept.pk).content() == SECOND


def test_a_press_that_is_sent_twice_keeps_one_file(bob: Client, lead: Any) -> None:
    def post(content: bytes) -> Any:
        sent = {"for-lead": lead.pk, "file": upload(content), "then": ""}
        return bob.post(QUICK, sent, headers={"Idempotency-Key": "press", "X-Region": "1"})

    assert post(OFFER).status_code == post(OFFER).status_code == 302
    assert Attachment.count() == 1
    assert post(SECOND).status_code == 422 and Attachment.count() == 1


def test_a_viewer_reads_and_adds_nothing(acme: Any, lead: Any) -> None:
    user = User.objects.create_user("vera@sign.example")
    Membership.objects.create(user=user, tenant=acme, role="viewer")
    vera, kept = client_of(user), Attachment.upload(file=OFFER, lead=lead)
    assert vera.get(f"/~acme/attachments/{kept.pk}/file").status_code == 200
    assert "data-drops" not in vera.get(f"/~acme/admin/crm/lead/{lead.pk}/change/").content.decode()
    assert vera.post(QUICK, {"for-lead": lead.pk, "file": upload()}).status_code == 403


def test_a_page_reads_files_with_no_more_statements_the_more_there_are(
    bob: Client, lead: Any, django_assert_max_num_queries: Any
) -> None:
    place = f"/~acme/admin/crm/lead/{lead.pk}/change/"
    Attachment.upload(file=OFFER, lead=lead)
    bob.get(place)
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as one:
        bob.get(place)
    for number in range(9):
        Attachment.upload(file=b"%d" % number, name=f"{number}.txt", lead=lead)
    with CaptureQueriesContext(connection) as ten:
        bob.get(place)
    assert len(ten) == len(one)
    assert not any("contentpart" in each["sql"] for each in ten)
