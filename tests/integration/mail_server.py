"""A mail server that keeps what it takes and says what a test tells it to say."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

HANG_UP = "hang up"
"""Takes the letter and breaks the connection before it says so."""


@dataclass
class MailServer:
    """`answers` are given to the next letters instead of 250, first come first served."""

    port: int = 0
    answers: deque[str] = field(default_factory=deque)
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: int = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        answer = self.answers.popleft() if self.answers else "250 OK"
        if not answer.startswith(("4", "5")):
            assert isinstance(envelope.content, bytes)
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.letters.append(message)
            self.recipients.extend(envelope.rcpt_tos)
        if answer == HANG_UP:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return answer


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """A mail server on a free port."""
    told = MailServer()

    def protocol() -> SMTP:
        told.connections += 1
        return SMTP(told, enable_SMTPUTF8=True)

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        server.close()
        await server.wait_closed()
