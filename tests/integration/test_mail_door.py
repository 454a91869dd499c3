"""The mail door on a real port and database: every mail is a ticket or lies in the quarantine, once."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from uuid import UUID

import aiosmtplib
import asyncpg
import pytest
from typer.testing import CliRunner
from uuid_utils.compat import uuid7

from contracts import tickets as tell
from contracts.clients import PutClient
from contracts.model import Sealed
from contracts.subjects import lane_of_client
from contracts.terms import Channel
from services.cli import token
from services.cli.app import build
from services.intake.app import assemble
from services.intake.edge import Edge
from services.intake.mail import door
from services.intake.mail.door import Door, listen
from services.kit.clients import Author, put_client
from services.kit.clock import SystemClock
from services.kit.log.append import Appender
from services.kit.log.read import read_client
from services.kit.metrics import Metrics
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.proving.doors import reconcile
from tests.conftest import PoolOf

NAMES = count(1)


@dataclass
class Post:
    """A door on a free port, and who puts letters through it."""

    edge: Edge
    port: int

    async def send(self, message: EmailMessage | bytes, to: str | list[str], sender: str = "ada@home.example") -> str:
        """What the door answers at the end of the mail."""
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=self.port, start_tls=False) as client:
            recipients = [to] if isinstance(to, str) else to
            await client.ehlo()
            await client.mail(sender)
            for recipient in recipients:
                await client.rcpt(recipient)
            content = message if isinstance(message, bytes) else message.as_bytes()
            try:
                return str(await client.data(content))
            except aiosmtplib.SMTPDataError as error:
                return f"{error.code} {error.message}"

    async def client(self) -> str:
        slug = f"mail-{next(NAMES)}"
        command = PutClient(name=slug, prefix=f"M{next(NAMES)}X")
        async with self.edge.pool.acquire() as connection:
            await put_client(connection, slug, command, Author("token:test", uuid7))
        return slug

    async def tickets(self, slug: str) -> list[tell.TicketSubmitted]:
        events = await read_client(self.edge.pool, slug, 0, 100_000)
        return [event.data for event in events if isinstance(event.data, tell.TicketSubmitted)]

    async def opened(self, ticket: tell.TicketSubmitted) -> tuple[str, str]:
        await self.edge.vault.load([ticket.requester])
        return self.edge.vault.open(ticket.subject), self.edge.vault.open(ticket.body)

    async def aside(self) -> list[asyncpg.Record]:
        return list(await self.edge.pool.fetch("SELECT * FROM intake.quarantine ORDER BY received_at, id"))


@pytest.fixture
async def post(pool_of: PoolOf, database: Settings) -> AsyncIterator[Post]:
    pool: Pool = await pool_of("intake")
    await pool.execute("DELETE FROM intake.quarantine")
    appender = Appender(pool)
    edge = assemble(database, pool=pool, appender=appender, clock=SystemClock())
    server = await listen(Door(edge, Metrics("door")), "127.0.0.1", 0)
    yield Post(edge, server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()
    await appender.close()


def letter(subject: str = "Drücker brennt", body: str = "Bitte löschen.\n", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ada Löv <ada@home.example>"
    message["Subject"] = subject
    message["Message-ID"] = f"<{uuid7()}@home.example>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message


async def test_a_mail_becomes_a_ticket_of_the_client_in_its_address(post: Post) -> None:
    slug = await post.client()
    assert (await post.send(letter(), f"{slug.upper()}+printers@desk.example")).startswith("250")
    (ticket,) = await post.tickets(slug)
    assert await post.opened(ticket) == ("Drücker brennt", "Bitte löschen.")
    assert ticket.channel is Channel.MAIL
    assert await post.aside() == []


async def test_the_same_mail_again_is_the_same_ticket_and_a_forged_message_id_swallows_nothing(post: Post) -> None:
    slug = await post.client()
    first = letter()
    forged = letter(body="Something else.\n")
    forged.replace_header("Message-ID", first["Message-ID"])
    for message in (first, first, forged):
        assert (await post.send(message, f"{slug}@desk.example")).startswith("250")
    assert len(await post.tickets(slug)) == 2


async def test_two_clients_in_one_mail_get_a_ticket_each_and_two_addresses_of_one_client_get_one(post: Post) -> None:
    one, other = await post.client(), await post.client()
    await post.send(letter(), [f"{one}@a.example", f"{one}+x@a.example", f"{other}@b.example"])
    assert [len(await post.tickets(slug)) for slug in (one, other)] == [1, 1]


async def test_files_come_along(post: Post) -> None:
    slug = await post.client()
    message = letter()
    message.add_alternative("<p>Bitte löschen.</p>", subtype="html")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="Foto.png")
    await post.send(message, f"{slug}@desk.example")
    (ticket,) = await post.tickets(slug)
    (file,) = ticket.attachments
    await post.edge.vault.load([ticket.requester])
    assert (post.edge.vault.open(file.name), file.bytes) == ("Foto.png", 4)


@pytest.mark.parametrize(
    ("message", "sender", "reason"),
    [
        (letter(Auto_Submitted="auto-replied"), "ada@home.example", "automatic"),
        (letter(Precedence="bulk"), "ada@home.example", "automatic"),
        (letter("Undelivered Mail"), "", "bounce"),
        (letter(X_Daybook_Ticket="ACME-1"), "ada@home.example", "loop"),
        (letter("", ""), "ada@home.example", "empty"),
        (letter(body="x" * 300_000), "ada@home.example", "too_much"),
        (b"\xff\xfe\x00 nothing of a mail", "x@y.example", "ticket"),
        (b"From: not an address\r\nSubject: s\r\n\r\nwords", "x@y.example", "ticket"),
        (b"From: not an address\r\nSubject: s\r\n\r\nwords", "nobody", "bad_sender"),
    ],
)
async def test_what_is_no_persons_mail_or_none_at_all_is_kept_aside_with_its_reason(
    post: Post, message: EmailMessage | bytes, sender: str, reason: str
) -> None:
    slug = await post.client()
    answer = await post.send(message, f"{slug}@desk.example", sender)
    assert answer.startswith("250")
    if reason == "ticket":
        assert len(await post.tickets(slug)) == 1
        return
    (row,) = await post.aside()
    assert (row["reason"], row["client"]) == (reason, slug)
    assert await post.tickets(slug) == []


async def test_a_mail_for_nobody_is_kept_whole_and_sealed_and_only_once(post: Post) -> None:
    message = letter("Secret subject")
    for _ in range(2):
        assert (await post.send(message, "nobody-here@desk.example")).startswith("250")
    (row,) = await post.aside()
    assert (row["reason"], row["client"]) == ("unknown_client", None)
    assert b"Secret" not in row["sealed"]
    await post.edge.vault.load([row["person"]])
    content, envelope = (
        post.edge.vault.open(Sealed(sealed=b64encode(row[box]).decode(), person=row["person"]))
        for box in ("sealed", "envelope")
    )
    assert "Secret subject" in content
    assert json.loads(envelope) == {"from": "ada@home.example", "to": "nobody-here@desk.example"}


async def test_a_line_longer_than_the_standard_allows_loses_no_mail(post: Post) -> None:
    slug = await post.client()
    await post.send(b"From: a@b.example\r\nSubject: s\r\n\r\n" + b"x" * 5_000 + b"\r\n", f"{slug}@desk.example")
    (ticket,) = await post.tickets(slug)
    assert (await post.opened(ticket))[1] == "x" * 5_000


async def test_while_the_database_is_away_the_sender_is_told_to_come_again(
    post: Post, pool_of: PoolOf, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = await post.client()
    message = letter()

    async def away(*_: object, **__: object) -> UUID:
        raise ConnectionRefusedError

    with monkeypatch.context() as broken:
        broken.setattr(type(post.edge.requesters), "find", away)
        assert (await post.send(message, f"{slug}@desk.example")).startswith("451")
    assert (await post.send(message, f"{slug}@desk.example")).startswith("250")
    assert len(await post.tickets(slug)) == 1


@pytest.mark.parametrize(("part", "reason"), [("parse", "unreadable"), ("submit", "fault")])
async def test_a_mail_over_which_the_door_stumbles_is_kept_and_comes_only_once(
    post: Post, monkeypatch: pytest.MonkeyPatch, part: str, reason: str
) -> None:
    slug = await post.client()

    def stumble(*_: object, **__: object) -> None:
        raise RecursionError("a fault of ours")

    with monkeypatch.context() as broken:
        broken.setattr(door, part, stumble)
        assert (await post.send(letter(), f"{slug}@desk.example")).startswith("250")
    (row,) = await post.aside()
    assert (row["reason"], row["client"]) == (reason, slug)


async def test_a_hundred_mails_at_once_are_a_hundred_tickets(post: Post) -> None:
    slug = await post.client()
    await asyncio.gather(*(post.send(letter(f"Mail {number}"), f"{slug}@desk.example") for number in range(100)))
    subjects = {(await post.opened(ticket))[0] for ticket in await post.tickets(slug)}
    assert subjects == {f"Mail {number}" for number in range(100)}


async def test_mails_of_other_programs_are_all_accounted_for(post: Post, shared_data: Path) -> None:
    slug = await post.client()
    files = [
        file
        for folder in ("cpython", "redmine", "chatwoot", "flanker", "sisimai")
        for file in sorted((shared_data / "mail" / folder).rglob("*"))
    ]
    read = [file.read_bytes() for file in files if file.is_file() and file.suffix != ".json"]
    mails = {re.sub(b"\r\n|\r", b"\n", mail).strip(b"\n") for mail in read}  # as SMTP carries them
    answers = [await post.send(mail, f"{slug}@desk.example") for mail in mails]
    assert all(answer.startswith("250") for answer in answers)
    aside = [row for row in await post.aside() if row["client"] == slug]
    assert len(await post.tickets(slug)) + len(aside) == len(mails)


async def test_the_quarantine_is_listed_without_anything_of_a_person(
    post: Post, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.send(letter("Secret subject"), "nobody-here@desk.example")
    monkeypatch.setattr(token, "load", lambda: database)
    result = await asyncio.to_thread(CliRunner().invoke, build("quarantine"), ["quarantine", "list", "--json"])
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.output)
    assert set(row) == {"id", "reason", "client", "bytes", "received_at"}
    assert row["reason"] == "unknown_client"
    assert lane_of_client("_desk") == (await post.aside())[0]["lane"]


async def test_what_the_door_has_taken_is_reconciled_with_log_and_quarantine(post: Post, pool_of: PoolOf) -> None:
    """One mail of each kind; then each is taken away behind the desk's back."""
    owner, slug = await pool_of("owner"), await post.client()
    await owner.execute("DELETE FROM intake.mails")
    await post.send(letter("Kept as a ticket"), f"{slug}@desk.example")
    await post.send(letter("Kept aside"), "nobody-here@desk.example")
    doors = await reconcile(owner)
    assert (doors.faults, doors.mails) == ([], {"tickets": 1, "quarantined": 1})
    async with owner.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("DELETE FROM intake.quarantine")
        await connection.execute("DELETE FROM log.commands WHERE scope = $1", f"mail {slug}")
        lost = await reconcile(connection)
        await transaction.rollback()
    assert sorted(fault.what.rsplit(" ", 2)[1:] for fault in lost.faults) == [["no", "quarantine"], ["no", "ticket"]]
