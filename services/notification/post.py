"""A letter and its recipient enter, what the mail server said leaves. I/O: SMTP, over connections kept open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from services.kit.telemetry import describe, log_message
from services.notification.drafts import FAULT, Draft

LOG = logging.getLogger("daybook.notification")

CONNECTIONS_MAX = 4  # to the mail server at once
LETTERS_PER_CONNECTION = 100  # many servers hang up beyond such a number
COMMAND_SECONDS = 30.0
DATA_SECONDS = 120.0  # a server may look at a letter for a while before it takes it
SEVEN_BIT: Final = SMTP_POLICY.clone(cte_type="7bit")  # every server takes it
UNICODE_HEADERS: Final = SEVEN_BIT.clone(utf8=True)
PORTS: Final = {"smtp": 25, "smtps": 465}


class Unreachable(Exception):
    """No connection to the mail server could be had: nothing was sent. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class BadAddress(Exception):
    """The recipient's address is none."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server has the letter."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now (4xx, or the connection broke). `doubtful`: the server may have the letter all the same."""

    code: str
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never (5xx, or an address that is none)."""

    code: str


Said = Accepted | Deferred | Rejected


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail goes out, out of DAYBOOK_SMTP_URL: smtp://user:password@host:port, or smtps://…"""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> Server:
        """Raises ValueError with the remedy."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("DAYBOOK_SMTP_URL is smtp://host:port or smtps://host:port, with user:password@ if needed")
        return cls(
            host=parts.hostname,
            port=parts.port or PORTS[parts.scheme],
            tls=parts.scheme == "smtps",
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


@dataclass(slots=True)
class _Line:
    client: aiosmtplib.SMTP
    letters: int = 0


@dataclass(slots=True)
class Post:
    """Sends letters. Close it at the end."""

    server: Server
    _idle: list[_Line] = field(default_factory=list)
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS_MAX))

    @asynccontextmanager
    async def line(self) -> AsyncIterator[_Line]:
        """A connection of one's own, an idle one where there is one. Raises Unreachable."""
        async with self._free:
            line = self._idle.pop() if self._idle else await self._connect()
            try:
                yield line
            finally:
                if line.client.is_connected and line.letters < LETTERS_PER_CONNECTION:
                    self._idle.append(line)
                else:
                    await _hang_up(line)

    async def send(self, line: _Line, draft: Draft, at: datetime) -> Said:
        """Hands one letter over. Whatever the server says is an answer, not an exception."""
        try:
            content = compose(draft, at).as_bytes()
        except BadAddress:
            return Rejected("bad_address")
        except Exception as error:  # noqa: BLE001  whatever is wrong with this letter holds no other one
            log_message(LOG, "letter_fault", logging.ERROR, event=draft.row.event, error=describe(error))
            return Deferred(FAULT)
        options = [] if draft.address.isascii() else ["SMTPUTF8"]
        if options and not line.client.supports_extension("smtputf8"):
            return Rejected("needs_smtputf8")
        asked = False
        line.letters += 1
        try:
            await line.client.mail(draft.headers["From"], options=options, timeout=COMMAND_SECONDS)
            await line.client.rcpt(draft.address, encoding="utf-8", timeout=COMMAND_SECONDS)
            asked = True
            await line.client.data(content, timeout=DATA_SECONDS)
        except aiosmtplib.SMTPResponseException as error:
            if line.client.is_connected:
                await _start_over(line)
            return Rejected(str(error.code)) if error.code >= 500 else Deferred(str(error.code))
        except (aiosmtplib.SMTPException, OSError) as error:
            line.client.close()
            return Deferred(type(error).__name__, doubtful=asked)
        return Accepted()

    async def close(self) -> None:
        while self._idle:
            await _hang_up(self._idle.pop())

    async def _connect(self) -> _Line:
        server = self.server
        client = aiosmtplib.SMTP(
            hostname=server.host, port=server.port, use_tls=server.tls, username=server.username,
            password=server.password, timeout=COMMAND_SECONDS,
        )  # fmt: skip
        try:
            await client.connect()
            await client.ehlo()
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise Unreachable(type(error).__name__) from error
        return _Line(client)


def compose(draft: Draft, at: datetime) -> EmailMessage:
    """The letter as RFC 5322 has it, in plain text and HTML. Raises BadAddress."""
    message = EmailMessage(policy=UNICODE_HEADERS if not draft.address.isascii() else SEVEN_BIT)
    try:
        message["To"] = Address(draft.name, addr_spec=draft.address)
    except (ValueError, IndexError, AttributeError, TypeError, MessageError):
        raise BadAddress from None  # what it was stands in the error's text; the parser trips over some: a@[1
    message["Subject"] = draft.letter.subject
    message["Date"] = at
    for name, value in draft.headers.items():
        message[name] = value
    message.set_content(draft.letter.text)
    message.add_alternative(draft.letter.html, subtype="html")
    return message


async def _start_over(line: _Line) -> None:
    """Takes back what was said of a letter that was refused half-way."""
    try:
        await line.client.rset(timeout=COMMAND_SECONDS)
    except (aiosmtplib.SMTPException, OSError):
        line.client.close()


async def _hang_up(line: _Line) -> None:
    try:
        await line.client.quit(timeout=1.0)
    except (aiosmtplib.SMTPException, OSError):
        line.client.close()
