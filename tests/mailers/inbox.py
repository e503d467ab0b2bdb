"""The handler of a real SMTP server that fails on demand."""

import asyncio


class Inbox:
    """The mails that a server got, and how it behaves: a response, "drop", or seconds to wait.

    `plan` is keyed by stage (`mail`, `rcpt`, `data`, `rset`) or by recipient. A list has one
    behaviour per attempt; the last one stays.
    """

    def __init__(self):
        self.plan = {}
        self.mails = []
        self.connections = 0
        # Events by recipient: RCPT is answered once it is set; `held` are the waiting recipients.
        self.gates, self.held = {}, set()

    async def _act(self, server, stage, otherwise, recipient=None):
        plan = self.plan.get(recipient, self.plan.get(stage))
        if isinstance(plan, list):
            plan = plan.pop(0) if len(plan) > 1 else plan[0]
        if plan == "drop":
            server.transport.abort()
            return "421 gone"
        if isinstance(plan, float):
            await asyncio.sleep(plan)
            plan = None
        return plan or otherwise

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        response = await self._act(server, "mail", "250 2.1.0 ok")
        if response.startswith("250"):
            envelope.mail_from = address
        return response

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.gates:
            self.held.add(address)
            await self.gates[address].wait()
        response = await self._act(server, "rcpt", "250 2.1.5 ok", address)
        if response.startswith("250"):
            envelope.rcpt_tos.append(address)
        return response

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        response = await self._act(
            server, "data", "250 2.0.0 queued", f"DATA {envelope.rcpt_tos[0]}"
        )
        if response.startswith("250"):
            self.mails.append((envelope.rcpt_tos[0], envelope.content))
        return response

    async def handle_RSET(self, server, session, envelope):  # noqa: N802
        return await self._act(server, "rset", "250 ok")

    def got(self, address):
        return sum(1 for recipient, _ in self.mails if recipient == address)
