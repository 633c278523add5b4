"""Stores the file of an import in the database, so that workers on any machine can read it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from headlessly.database import prepared
from headlessly.transfer.models import Import

#: The size of a part in bytes; only the last one is smaller.
PART = 1024 * 1024

KEEP = """
INSERT INTO headlessly_importpart (tenant_id, source_id, number, content) VALUES (%s, %s, %s, %s)"""
FIND = """
SELECT content FROM headlessly_importpart WHERE tenant_id = %s AND source_id = %s AND number = %s"""
DROP = "DELETE FROM headlessly_importpart WHERE tenant_id = %s AND source_id = %s"


class Gone(Exception):
    """The file was deleted because somebody cancelled the import."""


def keep_file(source: Import, file: BinaryIO) -> None:
    """Write the file's parts; in the transaction that creates the import."""
    for number, part in enumerate(_parts(file)):
        prepared.execute_prepared(KEEP, [source.tenant_id, source.pk, number, part], rows=False)


def _parts(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while part := file.read(PART):
        yield part


def drop_file(source: Import) -> None:
    prepared.execute_prepared(DROP, [source.tenant_id, source.pk], rows=False)


def open_file(source: Import) -> io.BufferedReader:
    """Returns the file for reading and seeking; one part at a time is in memory."""
    return io.BufferedReader(_Parts(source), 64 * 1024)


class _Parts(io.RawIOBase):
    def __init__(self, source: Import) -> None:
        self.source, self.position = source, 0
        self.number, self.part = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.source.size}
        self.position = max(0, start[whence] + offset)
        return self.position

    def tell(self) -> int:
        return self.position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # zipfile gives these
        """Fill the buffer up to the end of the part. Raises Gone."""
        if self.position >= self.source.size:
            return 0
        number, start = divmod(self.position, PART)
        if number != self.number:
            asked = [self.source.tenant_id, self.source.pk, number]
            found = prepared.execute_prepared(FIND, asked, binary=True)
            if not found:
                raise Gone
            self.number, self.part = number, found[0][0]
        piece = self.part[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self.position += len(piece)
        return len(piece)
