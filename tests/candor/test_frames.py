"""The frames of answers, as the library frames them and as a real client reads them."""

import json

import pytest
from websockets.frames import Frame, Opcode

from candor.server.websocket_connection import _frames
from tests.candor.real_server import LARGE, start


@pytest.mark.parametrize("length", [0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 200_000])
def test_a_frame_is_the_librarys(length):
    body = b"x" * length
    start, end = b'{"id":"1"', b"}"
    expected = Frame(Opcode.TEXT, start + body + end).serialize(mask=False, extensions=[])

    assert b"".join(_frames(start, [body, body], end)) == expected * 2
    shorter = body[: max(length - len(start + end), 0)]
    exact = Frame(Opcode.TEXT, start + shorter + end).serialize(mask=False, extensions=[])
    assert b"".join(_frames(start, [shorter], end)) == exact


async def test_a_client_reads_them_whatever_their_length(sqlite_database, tmp_path):
    server = await start(sqlite_database, folder=tmp_path)
    try:
        await server.ready()
        opened = await server.websocket()
        await opened.send('{"type": "connection_init"}')
        assert json.loads(await opened.recv()) == {"type": "connection_ack"}
        for id_ in ("i", "é" * 10, *("i" * length for length in range(40, 128, 4))):
            for query in ("{ viewer { role } }", LARGE):
                payload = {"id": id_, "type": "subscribe", "payload": {"query": query}}
                await opened.send(json.dumps(payload))
                told = json.loads(await opened.recv())
                assert (told["id"], told["type"]) == (id_, "next")
                assert "errors" not in told["payload"]
                assert json.loads(await opened.recv()) == {"id": id_, "type": "complete"}
    finally:
        await server.kill()
