"""The process `door`: mails enter by SMTP, tickets or quarantined mails leave. I/O.

The server says 250 once everything of a mail is committed, and 451 while that can't be: then the sender keeps the mail
and comes again, and its id makes the second coming the same one. Nothing is refused for what it says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import ValidationError

from contracts.envelope import Origin
from contracts.people import Requester, Role
from contracts.terms import Channel
from contracts.ticket_commands import SubmitTicket
from services.intake.app import assemble, catch_up
from services.intake.call import Call
from services.intake.edge import Edge
from services.intake.mail.ledger import note
from services.intake.mail.parse import Mail, parse
from services.intake.mail.quarantine import Letter, lay_aside
from services.intake.tickets import submit
from services.kit.access.principal import Principal
from services.kit.bus.late import late_bus
from services.kit.clock import clock_for
from services.kit.log.append import Appender, NotAppended
from services.kit.metrics import Metrics
from services.kit.postgres import connect_pool
from services.kit.ready import announce_ready
from services.kit.refused import Refused
from services.kit.telemetry import current_traceparent, describe, log_message, setup_logging, setup_tracing, span
from services.kit.web.patience import DATABASE_AWAY, OutcomeUnknown
from services.kit.web.problem import Problem

if TYPE_CHECKING:
    from services.kit.settings import Settings

LOG = logging.getLogger("daybook.door")

MAIL_BYTES_MAX = 26_214_400  # 25 MiB, what most servers send
RECIPIENTS_MAX = 50
IDLE_SECONDS = 300.0
SUBJECT_MAX = 500  # as SubmitTicket has it
NAME_MAX = 200

TAKEN: Final = "250 Taken"
LATER: Final = "451 Not now: please come again"
UNKNOWN: Final = "unknown_client"
FAULT: Final = "fault"
UNREAD: Final = "unreadable"
COME_AGAIN: Final = (*DATABASE_AWAY, OutcomeUnknown, NotAppended)

CALLER: Final = Principal(
    id="mail",
    kind="token",
    role=Role.INTAKE,
    clients=None,
    origin=Origin.LIVE,
    scopes=frozenset(),
    agent=None,
    name="mail door",
)
"""In whose name mails are put in: events say token:mail."""


class LongLines(SMTP):
    """Many programs write lines longer than the 998 characters of RFC 5322; a mail is not lost for that."""

    line_length_limit = 1_048_576


@dataclass(slots=True)
class Door:
    """What aiosmtpd asks. Its method names are aiosmtpd's."""

    edge: Edge
    metrics: Metrics

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        """Every address is taken: one that names no client leads to the quarantine, not back to its sender."""
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return "452 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The mail is in: it is committed for each client that it is addressed to, or comes again."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        with span("mail", attributes={"daybook.bytes": len(content)}):
            try:
                await self.take(content, (envelope.mail_from or "").strip("<>"), envelope.rcpt_tos)
            except Exception as error:  # noqa: BLE001 - whatever it is, the mail is not ours yet
                log_message(LOG, "mail_later", logging.WARNING, error=describe(error))
                return LATER
        return TAKEN

    async def take(self, content: bytes, mail_from: str, recipients: Iterable[str]) -> None:
        """Everything of one mail. Raises where it can't be committed now; what was committed is found again."""
        mail = await _read(content, mail_from)
        if self.edge.log_clock:
            await catch_up(self.edge.pool, self.edge.clock)
        for slug, recipient in {slug_of(address): address for address in recipients}.items():
            letter = Letter(key_of(mail, slug, content), mail.address, recipient, content)
            reason = await self._tried(mail, slug, letter)
            client = None if reason == UNKNOWN else slug
            if reason is not None:
                await lay_aside(self.edge, letter, reason, client)
            await note(self.edge, letter.key, client, quarantined=reason is not None)
            self.metrics.event("mail.taken", "ticket" if reason is None else "quarantined")
            log_message(LOG, "mail", bytes=len(content), outcome=reason or "ticket")

    async def _tried(self, mail: Mail, slug: str, letter: Letter) -> str | None:
        """As `_put`; a fault of ours is a reason too, so that a mail that we stumble over comes only once."""
        try:
            return await self._put(mail, slug, letter)
        except COME_AGAIN:
            raise
        except Exception as error:  # noqa: BLE001 - told in a line, and the mail is kept
            log_message(LOG, "mail_fault", logging.ERROR, error=describe(error))
            return UNKNOWN if await self.edge.clients.find(slug) is None else FAULT

    async def _put(self, mail: Mail, slug: str, letter: Letter) -> str | None:
        """Makes a ticket of the mail, or says why it can't be one."""
        if await self.edge.clients.find(slug) is None:
            return UNKNOWN
        if mail.automatic is not None:
            return mail.automatic
        try:
            command = command_of(mail, slug)
        except ValidationError as error:
            return reason_of(error)
        call = Call(
            CALLER, key=letter.key.hex(), fingerprint=sha256(letter.content).digest(), trace=current_traceparent()
        )
        try:
            await submit(self.edge, call, command)
        except Refused as refused:
            return refused.code
        except Problem as problem:
            if problem.status >= 500 or problem.code == "busy":
                raise OutcomeUnknown(problem.code) from problem
            return problem.code
        return None


async def _read(content: bytes, mail_from: str) -> Mail:
    """The mail, in a thread: a large one takes its time. What can't be read at all is kept as it came."""
    try:
        return await asyncio.to_thread(parse, content, mail_from)
    except Exception as error:  # noqa: BLE001 - told in a line, and the mail is kept
        log_message(LOG, "mail_unread", logging.ERROR, error=describe(error))
        return Mail("", mail_from, "", "", "", (), UNREAD)


def slug_of(address: str) -> str:
    """The client in an address: what stands before @, without a +tag."""
    return address.rpartition("@")[0].partition("+")[0].strip().lower()


def key_of(mail: Mail, slug: str, content: bytes) -> bytes:
    """The mail's id: Message-ID, recipient and content, so that a forged Message-ID swallows nothing."""
    return sha256(b"\0".join((mail.message_id.encode(), slug.encode(), sha256(content).digest()))).digest()


def command_of(mail: Mail, slug: str) -> SubmitTicket:
    """The command that a mail is. Raises ValidationError where it can't be one: no sender, no words, too long."""
    requester = Requester(email=mail.address, name=mail.name[:NAME_MAX])
    return SubmitTicket(
        client=slug,
        requester=requester,
        subject=mail.subject[:SUBJECT_MAX] or "(no subject)",
        body=mail.text or mail.subject or ("(see the attached files)" if mail.attachments else ""),
        channel=Channel.MAIL,
        attachments=mail.attachments,
    )


def reason_of(error: ValidationError) -> str:
    """Why a mail can't be a command."""
    first = error.errors(include_input=False, include_url=False)[0]
    if first["loc"][:1] == ("email",):
        return "bad_sender"
    return "empty" if first["type"] == "string_too_short" else "too_much"


def main(settings: Settings) -> None:
    """Runs the mail door until the process is told to stop."""
    setup_logging(settings, "door")
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd's own lines name senders and recipients
    setup_tracing(settings, "door")
    uvloop.run(run(settings))


async def run(settings: Settings) -> None:
    """Takes mails until cancelled."""
    pool = await connect_pool(settings, "intake", program="daybook-door")
    try:
        async with late_bus(settings, "intake-door") as bus:
            appender = Appender(pool, bus.committed)
            edge = assemble(settings, pool=pool, appender=appender, clock=clock_for(settings), committed=bus.committed)
            server = await listen(Door(edge, Metrics("door")), settings.host, settings.smtp_port)
            announce_ready()
            try:
                async with server:
                    await server.serve_forever()
            finally:
                await appender.close()
    finally:
        await pool.close()


async def listen(door: Door, host: str, port: int) -> asyncio.Server:
    """The SMTP server, bound."""

    def protocol() -> SMTP:
        return LongLines(
            door, data_size_limit=MAIL_BYTES_MAX, enable_SMTPUTF8=True, decode_data=False, ident="Daybook",
            timeout=IDLE_SECONDS,
        )  # fmt: skip

    return await asyncio.get_running_loop().create_server(protocol, host, port)
