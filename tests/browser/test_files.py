"""A file is dropped on the page of a record, pasted, or chosen in a dialog, and nothing is lost by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.conftest import cut_off

pytestmark = pytest.mark.browser

#: Has a file come to the page as a person's hand brings it.
BRING = """([how, ...files]) => {
  const transfer = new DataTransfer();
  for (const [name, size] of files) transfer.items.add(new File(["x".repeat(size)], name));
  const said = { bubbles: true, cancelable: true };
  const go = (event) => document.body.dispatchEvent(event);
  if (how === "paste") return go(new ClipboardEvent("paste", { ...said, clipboardData: transfer }));
  go(new DragEvent("dragover", { ...said, dataTransfer: transfer }));
  window.shade = document.querySelector(".drop-shade")?.textContent;
  return go(new DragEvent("drop", { ...said, dataTransfer: transfer }));
}"""


def drop_from_disk(page: Any, path: Path) -> None:
    """Drops a file or a folder on the page as the browser itself does."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        about = {"type": kind, "x": 300, "y": 300, "data": data}
        session.send("Input.dispatchDragEvent", about)
    session.detach()


def test_a_file_is_dropped_pasted_and_chosen_and_what_is_written_stays(
    desk: Any, site: str, lead: Any, tmp_path: Path
) -> None:
    from crm import Attachment

    desk.goto(f"{site}/~acme/admin/crm/lead/{lead.pk}/change/")
    desk.locator("summary", has_text="+ Note").click()
    note = desk.get_by_role("textbox", name="Note")
    note.fill("Half a sentence")
    # False: the browser does not leave the page for the file.
    assert desk.evaluate(BRING, ["drop", ["Offer.pdf", 2000]]) is False
    assert "keep it with this record" in desk.evaluate("window.shade")
    card = desk.get_by_role("region", name="Attachments")
    expect(card).to_contain_text("2.0 KB")
    expect(desk.locator("#toasts")).to_contain_text("Uploaded: Offer.pdf")
    expect(note).to_have_value("Half a sentence")
    expect(desk.locator(".drop-shade")).to_have_count(0)
    note.fill("")
    assert desk.evaluate(BRING, ["paste", ["card.png", 10]]) is False
    expect(card).to_contain_text("card.png")

    desk.evaluate(BRING, ["drop", ["Film.mp4", 26 * 1024 * 1024]])
    expect(desk.locator("#toasts")).to_contain_text("Film.mp4 is larger than 25")

    cut_off(desk)
    desk.evaluate(BRING, ["drop", ["Late.txt", 5]])
    expect(desk.locator("#toasts")).to_contain_text("Late.txt: No connection.")
    desk.context.set_offline(False)
    desk.locator("#toasts").get_by_role("button", name="Send again").click()
    expect(card).to_contain_text("Late.txt")

    card.get_by_role("link", name="Attachments: Upload").click()
    dialog = desk.get_by_role("dialog", name="New attachment")
    dialog.get_by_role("button", name="Upload").click()
    expect(dialog.locator(".input.bad")).to_contain_text("This is required.")
    chosen = {"name": "Contract.txt", "mimeType": "text/plain", "buffer": b"We agree."}
    dialog.get_by_label("File").set_input_files(chosen)
    dialog.get_by_label("Note").fill("n" * 256)
    dialog.get_by_role("button", name="Upload").click()
    # What was refused comes back with the file that was chosen.
    expect(dialog.locator(".input.bad")).to_contain_text("At most 255 characters")
    dialog.get_by_label("Note").fill("Signed")
    dialog.get_by_role("button", name="Upload").click()
    expect(dialog).not_to_be_visible()
    expect(card).to_contain_text("9 bytes · Signed")
    assert Attachment.find({"name": "Contract.txt"}).get().content() == b"We agree."
    assert sorted(Attachment.find().values_list("name", flat=True)) == [
        "Contract.txt", "Late.txt", "Offer.pdf", "card.png",
    ]  # fmt: skip

    # One press takes back what was uploaded last.
    desk.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(card).not_to_contain_text("Contract.txt")

    # Of several that are dropped at once the wrong ones are said at the end, and each is taken back by a key.
    several = [["One.txt", 1], ["Large.mp4", 26 * 1024 * 1024], ["Empty.txt", 0], ["Two.txt", 2]]
    desk.evaluate(BRING, ["drop", *several])
    expect(desk.locator("#toasts")).to_contain_text("Large.mp4 is larger than 25")
    expect(desk.locator("#toasts")).to_contain_text("Empty.txt: The file is empty.")
    for name in ("Two.txt", "One.txt"):
        expect(card).to_contain_text(name)
        desk.locator("body").press("Control+z")
        expect(card).not_to_contain_text(name)

    # With a dialog open its own input takes the file, and nothing is kept unseen behind it.
    card.get_by_role("link", name="Attachments: Upload").click()
    expect(dialog).to_be_visible()
    desk.evaluate(BRING, ["drop", ["Second.txt", 10]])
    expect(dialog.get_by_label("File")).to_have_value("C:\\fakepath\\Second.txt")
    desk.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()

    # A folder is no file, and waits for no connection.
    drop_from_disk(desk, tmp_path)
    expect(desk.locator("#toasts")).to_contain_text(f"{tmp_path.name}: This file cannot be read")
    assert Attachment.count() == 3

    # Where nothing takes a file a drop does nothing.
    desk.goto(f"{site}/~acme/admin/crm/lead/")
    assert desk.evaluate(BRING, ["drop", ["Offer.pdf", 10]]) is False
    assert desk.evaluate("window.shade ?? null") is None
    assert Attachment.count() == 3
