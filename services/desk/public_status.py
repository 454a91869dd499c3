"""What the API tells everybody of incidents, as far as the public page needs it. Pure data."""

from __future__ import annotations

from datetime import datetime

from services.desk.shapes import Shape


class PublicUpdate(Shape):
    at: datetime
    text: str
    next_update_by: datetime | None = None


class PublicIncident(Shape):
    title: str
    service: str | None = None
    since: datetime
    resolved_at: datetime | None = None
    next_update_by: datetime | None = None
    updates: tuple[PublicUpdate, ...] = ()

    def late(self, now: datetime) -> bool:
        """Whether an update was promised for a time that has passed."""
        return self.next_update_by is not None and self.next_update_by < now


class PublicStatus(Shape):
    """What goes on, and what was resolved of late."""

    now: datetime
    open: tuple[PublicIncident, ...] = ()
    resolved: tuple[PublicIncident, ...] = ()
