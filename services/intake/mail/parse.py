"""A mail's bytes -> who writes, what, and whether a machine wrote it. Pure, and total: a mail may hold anything."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr
from html import unescape
from typing import Final

import nh3

from contracts.ticket_commands import Upload

BROKEN: Final = (ValueError, LookupError, TypeError, AttributeError, MessageError)
"""What the standard library raises for headers that no standard allows."""

NAME_MAX = 255  # characters of a file's name
KIND_MAX = 127  # of its media type

HOPS_MAX = 50  # Received lines; more is a loop
BLOCK: Final = re.compile(r"(?i)<(?:br|/p|/div|/tr|/li|/h[1-6]|/blockquote)\b[^>]*>")
BLANK_LINES: Final = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
UNSEEN: Final = re.compile(r"(?is)<(script|style|head|title)\b.*?</\1\s*>")

OUR_HEADER: Final = "X-Daybook-Ticket"


@dataclass(frozen=True, slots=True)
class Mail:
    """What the desk needs of a mail. `automatic` says why it is no person's: automatic, bounce or loop."""

    message_id: str
    address: str
    name: str
    subject: str
    text: str
    attachments: tuple[Upload, ...]
    automatic: str | None


def parse(content: bytes, mail_from: str) -> Mail:
    """Reads a mail. `mail_from` is the sender that SMTP named, empty for a bounce."""
    message = message_from_bytes(content, policy=policy.compat32)  # the older parser takes anything
    name, address = parseaddr(_raw(message, "From"))
    parts = list(_leaves(message))
    body = _body(parts)
    return Mail(
        message_id=_header(message, "Message-ID").strip(),
        address=_clean(address).strip() if "@" in address else mail_from,
        name=" ".join(_words(name).split()),
        subject=" ".join(_header(message, "Subject").split()),
        text="" if body is None else _text(body),
        attachments=tuple(_attachments(parts, body)),
        automatic=_automatic(message, mail_from, address),
    )


def _raw(message: Message, name: str) -> str:
    return str(message.get(name, "")).encode("utf-8", "replace").decode()


def _header(message: Message, name: str) -> str:
    return _words(_raw(message, name))


def _words(raw: str) -> str:
    """A header's value with its encoded words read; what can't be read stays as it is written."""
    try:
        return _clean("".join(_read(piece, charset) for piece, charset in decode_header(raw)))
    except BROKEN:
        return _clean(raw)


def _read(piece: bytes | str, charset: str | None) -> str:
    return piece if isinstance(piece, str) else _decoded(piece, charset)


def _automatic(message: Message, mail_from: str, address: str) -> str | None:
    """Why a machine wrote it, so that no receipt goes back (RFC 3834)."""
    if _raw(message, OUR_HEADER):
        return "loop"
    if not mail_from or message.get_content_type() == "multipart/report":
        return "bounce"
    if address.lower().partition("@")[0] in {"mailer-daemon", "postmaster"}:
        return "bounce"
    if len(message.get_all("Received", [])) > HOPS_MAX:
        return "loop"
    said = _raw(message, "Auto-Submitted").strip().lower()
    if said and not said.startswith("no"):
        return "automatic"
    bulk = _raw(message, "Precedence").strip().lower() in {"bulk", "junk", "list", "auto_reply"}
    marked = any(_raw(message, name) for name in ("X-Autoreply", "X-Autorespond", "List-Id"))
    return "automatic" if bulk or marked else None


def _leaves(part: Message) -> Iterator[Message]:
    """The parts that hold something. A mail inside the mail is one of them, and stays whole."""
    payload = part.get_payload()
    if part.get_content_type() == "message/rfc822" or not isinstance(payload, list):
        yield part
        return
    for inner in payload:
        if isinstance(inner, Message):
            yield from _leaves(inner)


def _body(parts: list[Message]) -> Message | None:
    """Where the words of the mail stand: its first plain text that says something, else its first HTML."""
    for wanted in ("text/plain", "text/html"):
        for part in parts:
            shown = part.get_content_disposition() != "attachment" and not _filename(part)
            if shown and part.get_content_type() == wanted and _text(part):
                return part
    return None


def _text(part: Message) -> str:
    text = _decoded(_bytes(part), part.get_content_charset())
    if part.get_content_type() == "text/html":
        plain = nh3.clean(BLOCK.sub("\n", UNSEEN.sub("", text)), tags=set())
        text = BLANK_LINES.sub("\n\n", unescape(plain).replace("\xa0", " "))
    return _clean(text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _decoded(raw: bytes, charset: str | None) -> str:
    for name in (charset, "utf-8"):
        try:
            return raw.decode(name or "utf-8")
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1")


def _clean(text: str) -> str:
    """Without NUL, which nothing here can keep, and without halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _attachments(parts: list[Message], body: Message | None) -> Iterator[Upload]:
    """Everything but the words: nothing that came with a mail is thrown away. Its HTML twin says the same again."""
    for number, part in enumerate(parts, start=1):
        twin = body is not None and part.get_content_type() == "text/html" and not _filename(part)
        content = b"" if part is body or twin else _bytes(part)
        if content.strip():
            name = _clean(_filename(part) or f"part-{number}")[:NAME_MAX]
            kind = part.get_content_type()[:KIND_MAX]
            yield Upload.model_construct(name=name, media_type=kind, content=b64encode(content).decode())


def _bytes(part: Message) -> bytes:
    if part.get_content_type() == "message/rfc822":
        return b"\n".join(_whole(inner) for inner in part.get_payload() if isinstance(inner, Message))
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _whole(message: Message) -> bytes:
    try:
        return message.as_bytes()
    except BROKEN:
        return str(message.get_payload()).encode("utf-8", "replace")


def _filename(part: Message) -> str | None:
    try:
        name = part.get_filename()
    except BROKEN:
        return None
    return None if name is None else _words(name)
