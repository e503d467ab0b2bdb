"""An SMTP server that accepts everything as fast as it can."""

import asyncio

import uvloop


class Sink(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer, self.in_data = transport, bytearray(), False
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, octets):
        self.buffer += octets
        while True:
            end = b"\r\n.\r\n" if self.in_data else b"\r\n"
            index = self.buffer.find(end)
            if index < 0:
                return
            line = bytes(self.buffer[:10]).upper()
            del self.buffer[: index + len(end)]
            if self.in_data:
                self.in_data = False
                self.transport.write(b"250 2.0.0 queued\r\n")
            elif line.startswith(b"DATA"):
                self.in_data = True
                self.transport.write(b"354 go\r\n")
            elif line.startswith(b"EHLO"):  # as common relays do
                self.transport.write(b"250-sink\r\n250-SIZE 10000000\r\n250 PIPELINING\r\n")
            else:
                self.transport.write(b"250 ok\r\n")


async def main():
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


uvloop.run(main())
