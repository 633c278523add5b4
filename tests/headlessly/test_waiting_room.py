"""The threads of a process, shared by an event loop: none is lost."""

from __future__ import annotations

import asyncio

import pytest

from headlessly.errors import Unavailable
from headlessly.web.front import waiting_room
from headlessly.web.front.waiting_room import WaitingRoom


def test_whoever_gives_up_as_their_turn_comes_gives_the_thread_back():
    async def give_up() -> WaitingRoom:
        room = WaitingRoom(1)
        await room._enter("acme")
        waiting = asyncio.create_task(room._enter("rival"))
        await asyncio.sleep(0)
        room._leave("acme")  # it is rival's turn
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return room

    room = asyncio.run(give_up())
    assert (room.free, room.running, room.waiting) == (1, {}, {})


def test_whoever_waits_too_long_leaves_no_trace(monkeypatch):
    monkeypatch.setattr(waiting_room, "PATIENCE", 0.01)

    async def wait() -> WaitingRoom:
        room = WaitingRoom(1)
        await room._enter("acme")
        with pytest.raises(Unavailable):
            await room._enter("rival")
        room._leave("acme")
        assert await room.do("rival", lambda: True)
        return room

    room = asyncio.run(wait())
    assert (room.free, room.running, room.waiting) == (1, {}, {})
