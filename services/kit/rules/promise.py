"""(tier, urgency, now) -> when the requester hears next, where nobody knew better. Pure.

Plain wall-clock time, nights and weekends included: a promise is wall time and is never paused (slas.md, rule 5). With
the clients' calendars and policies it will be their business hours; what was promised before stays as it was promised.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from contracts.clients import Tier
from contracts.terms import Urgency

HOURS: Final[Mapping[Tier, Mapping[Urgency, int]]] = {
    Tier.PREMIUM: {Urgency.CRITICAL: 1, Urgency.HIGH: 2, Urgency.NORMAL: 4, Urgency.LOW: 8},
    Tier.STANDARD: {Urgency.CRITICAL: 2, Urgency.HIGH: 4, Urgency.NORMAL: 8, Urgency.LOW: 24},
    Tier.BASIC: {Urgency.CRITICAL: 4, Urgency.HIGH: 8, Urgency.NORMAL: 24, Urgency.LOW: 48},
}
"""Hours until the next word, by what the client has bought and how urgent the requester says it is."""


def default_checkpoint(tier: Tier, urgency: Urgency | None, now: datetime) -> datetime:
    """The instant that is promised when an agent gives none. Without a stated urgency it is taken as normal."""
    return now + timedelta(hours=HOURS[tier][urgency or Urgency.NORMAL])
