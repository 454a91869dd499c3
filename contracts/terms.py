"""The closed vocabularies of a ticket and the small values inside its events. Pure data."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from contracts.clients import Tier
from contracts.model import Part, Personal


class Channel(StrEnum):
    WEB = "web"
    MAIL = "mail"
    PHONE = "phone"
    API = "api"
    CHAT = "chat"


class Urgency(StrEnum):
    """As the requester states it."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


class Priority(StrEnum):
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class Status(StrEnum):
    """A ticket's state as screens and filters name it. For the requester waiting is open; resolved is not."""

    NEW = "new"
    OPEN = "open"
    WAITING_FOR_CUSTOMER = "waiting_for_customer"
    WAITING_FOR_SUPPLIER = "waiting_for_supplier"
    RESOLVED = "resolved"
    CLOSED = "closed"


class CauseClass(StrEnum):
    """Why it happened (F8)."""

    USER_ERROR = "user_error"
    DEVICE_SETTING = "device_setting"
    UPSTREAM_PROVIDER = "upstream_provider"
    CUSTOMER_NETWORK = "customer_network"
    BAD_DATA = "bad_data"
    OUR_FAULT = "our_fault"
    UNKNOWN = "unknown"


class Finding(StrEnum):
    """How a first-line case ends (F12)."""

    CUSTOMER_CAN_FIX = "customer_can_fix"
    WE_MUST_FIX = "we_must_fix"
    UNKNOWN_ESCALATED = "unknown_escalated"


class StepResult(StrEnum):
    DONE = "done"
    SKIPPED = "skipped"
    HELPED = "helped"
    DID_NOT_HELP = "did_not_help"


class Tone(StrEnum):
    FRUSTRATED = "frustrated"
    ANGRY = "angry"
    CONFUSED = "confused"
    URGENT = "urgent"
    SATISFIED = "satisfied"
    NEUTRAL = "neutral"
    UNKNOWN = "unknown"


class CloseReason(StrEnum):
    DONE = "done"
    SPAM = "spam"
    DUPLICATE = "duplicate"
    WITHDRAWN = "withdrawn"
    NO_ANSWER = "no_answer"


class PromisedBy(StrEnum):
    """Who set a checkpoint: the policy's default, or an agent who knew better."""

    POLICY = "policy"
    AGENT = "agent"


class LinkKind(StrEnum):
    RELATED = "related"
    DUPLICATE = "duplicate"
    CAUSED_BY = "caused_by"
    NOT_RELATED = "not_related"


class Reason(Part):
    """One ground of a priority: what, how many points, and the words or events that show it.

    `axis` is urgency, impact, floor or ceiling. Words are the requester's and sealed to them.
    """

    code: str
    axis: str
    points: float
    words: tuple[Personal, ...] = ()
    events: tuple[UUID, ...] = ()


class Inputs(Part):
    """What a priority was judged from: numbers and codes, never words, so that it is judged again without the text."""

    stated: Urgency | None = None
    confirmed: int = 0
    denied: int = 0
    phrases: tuple[tuple[str, int], ...] = ()
    tone: Tone | None = None
    tone_degree: float = 0.0
    exchanges: int = 1
    reopened: int = 0
    slack: int = 0
    matter: str | None = None
    tier: Tier = Tier.STANDARD
    senior_sender: bool = False
    clients: int = 1
    incident_clients: int = 0
    learned: float | None = None


class Attachment(Part):
    """A file that came with a message; its bytes lie outside the log under their SHA-256."""

    name: Personal
    media_type: str
    bytes: int
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Source(Part):
    """What another desk called the ticket, where it was imported."""

    system: str
    reference: str
    status: str | None = None
    row: int | None = Field(default=None, description="the row of the file, counted from 1 below the header")
