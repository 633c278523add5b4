"""Files that unfold: small where they are sent, and endless where they are read."""

from __future__ import annotations

import io
import resource
import time
import tracemalloc
import zipfile
from collections.abc import Iterable
from typing import Any

import pytest

from headlessly.transfer import formats, storage, workbooks
from headlessly.transfer.models import Import, RefusedRow
from headlessly.transfer.rows import Layout, Unreadable
from tests.attacks.site import Site

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEADER = (
    '<c r="A1" t="inlineStr"><is><t>name</t></is></c>'
    '<c r="B1" t="inlineStr"><is><t>source</t></is></c>'
)


def workbook(*rows: str, times: int = 1) -> bytes:
    """A workbook of one sheet with these rows as XML, so many times, packed as tightly as can be."""
    from openpyxl import Workbook

    empty, packed = io.BytesIO(), io.BytesIO()
    Workbook().save(empty)
    schema = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with (
        zipfile.ZipFile(empty) as source,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for name in source.namelist():
            if name != "xl/worksheets/sheet1.xml":
                made.writestr(name, source.read(name))
        with made.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{schema}"><sheetData>'.encode())
            for row in rows:
                for _ in range(times if row == rows[-1] else 1):
                    sheet.write(row.encode())
            sheet.write(b"</sheetData></worksheet>")
    return packed.getvalue()


def memory_of_site(site: Site) -> int:
    family = [site.process, *site.process.children(recursive=True)]
    return sum(each.memory_info().rss for each in family) >> 20


@pytest.mark.parametrize("deep", [20_000, 200_000])
@pytest.mark.parametrize("kind", ["[", '{"a":'])
def test_reads_no_deeper_than_objects_lie(deep: int, kind: str) -> None:
    file = io.BytesIO(("[" + kind * deep).encode())
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(Unreadable, match="deep"):
        list(formats.read_rows(file, formats.JSON, Layout(encoding="utf-8")))
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 40 << 20
    assert time.process_time() - began < 3


def test_reads_no_object_larger_than_a_row_is() -> None:
    rows = ", ".join(f'"name{n}": "{"x" * 100}"' for n in range(20_000))
    file = io.BytesIO(f"[{{{rows}}}]".encode())
    with pytest.raises(Unreadable, match="more than"):
        list(formats.read_rows(file, formats.JSON, Layout(encoding="utf-8")))


@pytest.mark.parametrize("half", ['"\\ud800"', '"\\udc00 x"', '{"\\ud800": 1}'])
def test_takes_half_a_character_for_what_it_is(api: Any, half: str, work: Any) -> None:
    body = f'[{{"name": {half}, "source": "website"}}, {{"name": "Whole", "source": "website"}}]'
    headers = {"Authorization": f"Bearer {api.secret}"}
    sent = api.post(
        f"{api.base}/import/leads", body.encode(), content_type="application/json", headers=headers
    )
    assert sent.status_code in (202, 400), sent.content
    work()
    if sent.status_code == 202:
        done = api.call("GET", f"/imports/{sent.json()['$id']}").json()
        assert done["status"] in ("completed", "failed"), done
        assert "internal" not in str(done).lower()
        assert "on our side" not in str(done)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/leads", "/batch", "/mcp", "/search"])
def test_refuses_a_body_that_is_nested_without_end(api: Any, path: str) -> None:
    for opening, closing in ("[]", ('{"a":', "}")):
        body = ('{"x":' + opening * 100_000 + "1" + closing * 100_000 + "}").encode()
        assert api.call("POST", path, body).status_code in (400, 404, 405, 422)
    body = ('{"name":' + "[" * 500 + "]" * 500 + "}").encode()
    assert api.call("POST", path, body).status_code in (400, 404, 405, 422)


@pytest.mark.parametrize(
    "rows",
    [
        [f'<row r="20000000">{HEADER.replace("1", "20000000", 1)}</row>'],
        [f'<row r="1">{HEADER}</row>', '<row r="20000000"><c r="A20000000"><v>1</v></c></row>'],
    ],
    ids=["first", "second"],
)
def test_reads_no_more_rows_than_a_workbook_has(rows: list[str]) -> None:
    content = workbook(*rows)
    assert len(content) < 10_000
    began = time.process_time()
    with pytest.raises(Unreadable):
        _header, layout = formats.find_layout(io.BytesIO(content), formats.XLSX, count)
        assert time.process_time() - began < 8
        list(formats.read_rows(io.BytesIO(content), formats.XLSX, layout))
    assert time.process_time() - began < 15


def count(names: Iterable[str]) -> int:
    return len(list(names))


def test_gives_a_workbook_only_so_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two million cells in one row, which pack to some kilobytes."""
    monkeypatch.setattr(workbooks, "MEMORY", 200)
    content = workbook('<row r="1">', "<c><v>1</v></c>" * 1_000_000, times=2)
    assert len(content) < 1_000_000
    with pytest.raises(Unreadable, match="too large"):
        formats.find_layout(io.BytesIO(content), formats.XLSX, count)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    assert most < 1_000, "megabytes"


def test_goes_on_while_such_files_are_sent(site: Site) -> None:
    before = memory_of_site(site)
    headers = {"Content-Type": "application/json"}
    sent = site.call("POST", "/import/leads", b"[" * 200_000, tenant="greedy", headers=headers)
    assert sent.status in (202, 400), sent
    content = workbook(f'<row r="20000000">{HEADER}</row>')
    headers = {"Content-Type": WORKBOOK}
    assert (
        site.call("POST", "/import/leads", content, tenant="greedy", headers=headers).status < 500
    )
    if sent.status == 202:
        id = sent.body["$id"]
        site.wait_until(
            lambda: site.get(f"/imports/{id}", tenant="greedy").body["status"] == "failed", 20
        )
    assert memory_of_site(site) < before + 300


def send(api: Any, rows: str) -> Any:
    headers = {"Authorization": f"Bearer {api.secret}"}
    address = f"{api.base}/import/leads"
    return api.post(address, rows.encode(), content_type="text/csv", headers=headers)


def test_keeps_only_so_much_of_what_it_refuses(
    api: Any, work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "MOST_REFUSED", 10_000)
    id = send(api, "name,score\n" + "x,y\n" * 1_500).json()["$id"]
    work()
    found = api.call("GET", f"/imports/{id}").json()
    assert found["status"] == "failed"
    assert "Too many rows were refused" in found["message"]
    assert Import.objects.get(pk=id).refused_bytes <= 10_000
    assert RefusedRow.objects.filter(source=id).count() * 20 < 10_000


def test_keeps_only_so_much_of_one_tenant(
    api: Any, rival_api: Any, work: Any, settings: Any, admin_client: Any
) -> None:
    settings.IMPORT_QUOTA_MB = 1
    large = "name,source\n" + ("x" * 190 + ",website\n") * 3_000
    assert send(api, large).status_code == 202
    refused = send(api, large)
    assert (refused.status_code, refused.json()["reason"]) == (409, "quota")
    assert "0 of 1 MB" in refused.json()["message"]
    assert send(rival_api, large).status_code == 202, "each has its own"
    page = admin_client.get("/admin/headlessly/tenant/").content.decode()
    assert page.count("1 of 1 MB") == 2, "the operator sees it"
    work()
    assert send(api, large).status_code == 202, "what is done is not kept"
