"""What a key has shown: so many clients in so many tickets, and how surprising that is. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Sign:
    """The strongest evidence that a key has given: so many clients in so many tickets, and how many were usual."""

    key: str
    evidence: float
    margin: float
    """Evidence above the threshold; suspicions lie below zero."""
    clients: int
    tickets: int
    expected: float
    at: float

    @property
    def doubt(self) -> float:
        """The share of its tickets that would be there without an incident."""
        return min(1.0, self.expected / self.clients)

    def doubt_after(self, gap: int) -> float:
        """The same of a further ticket, `gap` tickets after the last that belonged to the incident.

        The incident's own rate is taken to fall with the square of the time that it is silent: slowly enough for a
        straggler that names a rare thing, fast enough that what is usual is not drawn in once the incident is over.
        """
        usual, rate = self.expected / self.tickets, self.clients / self.tickets
        return usual / (usual + rate / (1.0 + rate * gap) ** 2)
