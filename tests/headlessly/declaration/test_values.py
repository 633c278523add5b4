"""Days and moments are those of ISO 8601, and nothing that Python reads otherwise than it is meant."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from headlessly.declaration import values


@pytest.mark.parametrize(
    "text",
    [
        "2026-W40", "2026W40", "2026-11-03 14.05", "2026-11-03T14,5", "2026-11-03+01:00",
        "2026-11-03-05:00", "2026-11-03x14:05", "2026-11-03T14:05.5",
    ],
)  # fmt: skip
def test_what_would_be_misread_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        values.clean_moment(None, text)
    with pytest.raises(ValueError):
        values.parse_iso_day(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-03T14:05:00Z", "2026-11-03 15:05+01:00", "20261103T140500Z", "2026-11-03T14:05",
        "2026-W45-2T14:05Z", "2026-11-03T14:05:00.000000Z", "2026-11-03T19:35:00+0530",
        "2026-11-03T14:05:00,0Z",
    ],
)  # fmt: skip
def test_what_iso_writes_is_read(text: str) -> None:
    assert values.clean_moment(None, text) == datetime(2026, 11, 3, 14, 5, tzinfo=UTC)
    assert values.parse_iso_day("2026-11-03") == date(2026, 11, 3)
