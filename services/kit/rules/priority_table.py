"""The points, cuts, matrix and floors that a priority is judged by: data, named and with a digest. Pure.

`SHIPPED` is what triage goes by. Another table is held against history by `daybook whatif --rules FILE`, before anybody
ships it; what a file leaves out is as shipped.
"""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from json import dumps
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.clients import Tier
from contracts.terms import Priority, Urgency

RULE_VERSION: Final = "priority-6"
"""Grows with every change of the shipped table or of a rule: a recorded judgement names the rules it was made with."""

POINTS_MAX: Final = 1_000
Points = Annotated[int, Field(ge=0, le=POINTS_MAX)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Cuts = tuple[Points, Points]
"""From where on a sum is high, and from where on it is middle."""

SERVICES: Final = {
    **dict.fromkeys(("security", "outage", "network", "payment", "payments", "production"), 60),
    **dict.fromkeys(("access", "account", "application", "data", "email", "integration", "login", "mail", "vpn"), 40),
    **dict.fromkeys(("billing", "device", "hardware", "invoice", "phone", "printer", "printing", "telephony"), 20),
    **dict.fromkeys(("feedback", "howto", "question", "request", "training"), 0),
}
MATRIX: Final = (
    (Priority.P1, Priority.P2, Priority.P3),
    (Priority.P2, Priority.P3, Priority.P4),
    (Priority.P3, Priority.P4, Priority.P4),
)


class PriorityTable(BaseModel):
    """Every number of the rules. Maps that a file gives are laid over the shipped ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=80)] = RULE_VERSION
    stated: dict[Urgency, Points] = {Urgency.LOW: 0, Urgency.NORMAL: 10, Urgency.HIGH: 20, Urgency.CRITICAL: 35}
    not_stated: Points = Field(default=10, description="who says nothing is taken to mean normal")
    words: dict[Name, Points] = Field(
        default={"outage": 15, "security": 15, "data_loss": 15, "deadline": 10, "failure": 10, "urgent": 5},
        description="points of each kind of urgent words",
    )
    words_max: Points = Field(default=25, description="points of all urgency words together")
    tone: tuple[Points, Points] = Field(default=(8, 15), description="of a heated tone, and of an angry or strong one")
    heard_from: float = Field(default=0.3, ge=0, le=1, description="a softer tone may be chance, and gives no points")
    strong_from: float = Field(default=0.75, ge=0, le=1, description="degree from which frustration counts as anger")
    exchanges: tuple[tuple[Annotated[int, Field(ge=2)], Points], ...] = Field(
        default=((12, 10), (6, 5)), max_length=10, description="from so many exchanges on, so many points; most first"
    )
    reopened: Points = 10
    slack: tuple[Points, Points] = Field(default=(5, 15), description="the next SLA deadline is near, or very near")
    trust_first: Annotated[int, Field(ge=1, le=POINTS_MAX)] = Field(
        default=3, description="confirmed claims that a client without a history is taken to have"
    )
    urgency_cuts: Cuts = (35, 10)
    tiers: dict[Tier, Points] = {Tier.BASIC: 0, Tier.STANDARD: 10, Tier.PREMIUM: 20}
    sender: Points = 10
    clients_doubling: Points = Field(default=20, description="points for every doubling of the clients affected")
    clients_max: Points = 60
    impact_cuts: Cuts = (75, 35)
    services: dict[Name, Points] = Field(
        default=SERVICES, max_length=1_000, description="points of the service that a category's words name"
    )
    service_unknown: Points = Field(default=40, description="it may stop work until somebody knows better")
    service_top: Points = Field(default=60, description="a confirmed incident of such a service is P1")
    matrix: tuple[tuple[Priority, Priority, Priority], ...] = Field(
        default=MATRIX, min_length=3, max_length=3, description="impact high to low by urgency high to low"
    )
    p1_clients: Annotated[int, Field(ge=2)] = Field(default=5, description="clients affected that make it P1")
    incident_p2_clients: Annotated[int, Field(ge=1)] = 3
    incident_p1_clients: Annotated[int, Field(ge=1)] = 10

    @model_validator(mode="before")
    @classmethod
    def _over_the_shipped(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        laid = dict(given)
        for name in ("stated", "words", "tiers", "services"):
            if isinstance(laid.get(name), dict):
                laid[name] = {**cls.model_fields[name].default, **laid[name]}
        return laid

    @model_validator(mode="after")
    def _falls(self) -> PriorityTable:
        for name in ("urgency_cuts", "impact_cuts"):
            high, middle = getattr(self, name)
            if high <= middle:
                raise ValueError(f"{name}: the first, from which a sum is high, must be above the second")
        least = [least for least, _ in self.exchanges]
        if least != sorted(set(least), reverse=True):
            raise ValueError("exchanges: write the most exchanges first, each number once")
        return self

    @cached_property
    def digest(self) -> str:
        """The same for the same numbers, whatever their order in a file."""
        said = self.model_dump(mode="json", exclude={"name"})
        return sha256(dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)


SHIPPED: Final = PriorityTable()
