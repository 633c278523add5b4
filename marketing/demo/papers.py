"""Documents of deals, as small PDFs."""

from __future__ import annotations

from collections.abc import Sequence

from headlessly.declaration.sent_files import SentFile

#: The size of A4 in points, the position of the first line, and the distance of lines.
PAGE, LEFT, TOP, LINE = (595, 842), 72, 760, 18


def paper(name: str, lines: Sequence[str]) -> SentFile:
    """Returns a PDF of one page with these lines, the first one large."""
    shown = [
        f"BT /F1 {18 if number == 0 else 11} Tf {LEFT} {TOP - LINE * (number + (number > 0))} Td "
        f"({_escaped(line)}) Tj ET"
        for number, line in enumerate(lines)
    ]
    drawing = "\n".join(shown).encode("cp1252", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>" % PAGE,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return SentFile(body + end % (count, table, count, len(body)), name)


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in r"\()" else c for c in text)
