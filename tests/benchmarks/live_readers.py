"""Subscribers, in a process of their own: they count the reviews that they are told, at no cost.

Prints a line when all of them listen; at the end of standard input, their figures as JSON.
"""

import asyncio
import json
import sys

_QUERY = (
    "subscription { reviewPublished { id rating body author { displayName } service { title } } }"
)
# A caller may have 50 live connections.
_OF_ONE_ADDRESS = 40


class Reader(asyncio.Protocol):
    """One live connection, over server-sent events or WebSocket."""

    def __init__(self, transport: str, number: int) -> None:
        self._is_socket = transport == "websocket"
        self._address = f"10.7.0.{1 + number // _OF_ONE_ADDRESS}"
        self._id = f"f7b1c0de-0000-4000-8000-{number:012}"
        self._seen = b""
        self.events = 0
        self.is_closed = False
        self.listens = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        common = f"Host: 127.0.0.1\r\nX-Forwarded-For: {self._address}\r\n"
        if self._is_socket:
            transport.write(
                f"GET /graphql HTTP/1.1\r\n{common}Upgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
            )
            return
        body = json.dumps({"query": _QUERY})
        transport.write(
            f"POST /graphql HTTP/1.1\r\n{common}Accept: text/event-stream\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    def data_received(self, data: bytes) -> None:
        if not self.listens.done():
            self._seen += data
            self._open()
            return
        self.events += data.count(b'"reviewPublished"')

    def _open(self) -> None:
        if b"connection_ack" in self._seen:
            self._say({"id": self._id, "type": "subscribe", "payload": {"query": _QUERY}})
            self.listens.set_result(None)
        elif self._is_socket and b"\r\n\r\n" in self._seen:
            if b"permessage-deflate" in self._seen:
                raise SystemExit("The server compresses: count differently.")
            self._seen = b""
            self._say({"type": "connection_init"})
        elif b"text/event-stream" in self._seen:
            self.listens.set_result(None)

    def _say(self, message: dict[str, object]) -> None:
        payload = json.dumps(message).encode()
        length = bytes([0x80 | len(payload)])
        if len(payload) > 125:
            length = b"\xfe" + len(payload).to_bytes(2, "big")
        self._transport.write(b"\x81" + length + bytes(4) + payload)

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_closed = True


async def main(port: int, transport: str, count: int) -> None:
    loop = asyncio.get_running_loop()
    readers = []
    for number in range(count):
        _, reader = await loop.create_connection(
            lambda number=number: Reader(transport, number), "127.0.0.1", port
        )
        await reader.listens
        readers.append(reader)
    await asyncio.sleep(0.5)
    print("listening", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    await asyncio.sleep(1)
    told = [reader.events for reader in readers]
    closed = sum(reader.is_closed for reader in readers)
    print(json.dumps({"fewest": min(told), "most": max(told), "closed": closed}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
