"""(A ticket's history, two sets of books) -> the cycles that began in a range, judged by both, side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.sla import Metric
from services.kit.rules.clock_cycle import Cycle, Firing
from services.kit.rules.clock_words import outcome_of
from services.kit.rules.clocks import Clocks, Fold
from services.kit.rules.open_time import us
from services.reporting.whatif.books import Books

History = Sequence[Recorded[Event]]

RECORDED: Final = frozenset(
    {"sla.warned", "sla.breached", "sla.met", "sla.escalated", "ticket.checkpoint_kept", "ticket.checkpoint_missed"}
)
"""What the clocks of old have written down. It would hold a new judgement to the old one, so it is left out; what
people did stays, waivers and pinned deadlines among it."""

RUNNING: Final = frozenset({"open", "provisional"})
LATE: Final = frozenset({"breached", "waived"})


class Judged(NamedTuple):
    """One cycle as one set of books has it."""

    outcome: str
    cycle: Cycle

    @property
    def late(self) -> bool:
        return self.outcome in LATE

    @property
    def breached_at(self) -> int | None:
        breach = self._breach
        return None if breach is None else breach.at

    @property
    def due(self) -> int | None:
        """When it was due at its breach, or is."""
        breach = self._breach
        return self.cycle.due() if breach is None else breach.due

    @property
    def _breach(self) -> Firing | None:
        return next((firing for firing in self.cycle.firings if firing.threshold.key == "breached"), None)


class Both(NamedTuple):
    """One cycle by what was in force and by what is asked; None where the one or the other has no such cycle."""

    metric: Metric
    started: int
    before: Judged | None
    after: Judged | None

    @property
    def change(self) -> str | None:
        """Whether a breach was gained or lost."""
        was, would = bool(self.before and self.before.late), bool(self.after and self.after.late)
        return None if was == would else "gained" if would else "lost"

    @property
    def moment(self) -> int:
        """When the two part: the instant of the breach that only one of them has; its due time where a breach was
        recorded that a fold would not find again."""
        late = self.after if self.change == "gained" else self.before
        assert late is not None  # noqa: S101  a change has the late one
        if late.breached_at is not None:
            return late.breached_at
        return late.due if late.due is not None else self.started


class Range(NamedTuple):
    """From, to (half-open) and the instant of judgement, in microseconds since 1970."""

    start: int
    end: int
    now: int


def judged(history: Iterable[Recorded[Event]], books: Books, span: Range) -> dict[tuple[Metric, int], Judged]:
    """Every cycle that began in the range, by its metric and start. Starts tell cycles apart where numbers would not:
    whether a reopened ticket goes on or begins anew is the policy's."""
    fold = Fold(books.policies, books.calendars)
    for event in history:
        at = us(event.occurred_at)
        if at > span.now:
            break
        fold.take(event, at)
    state = fold.result(span.now)
    return {
        (cycle.metric, cycle.started): _judged(cycle, state)
        for cycle in state.cycles
        if span.start <= cycle.started < span.end
    }


def _judged(cycle: Cycle, state: Clocks) -> Judged:
    outcome = outcome_of(cycle, state)
    if outcome in RUNNING and cycle.aim.length is None and cycle.pin is None:
        outcome = "not_counted"  # it is measured, but against no target
    return Judged(outcome, cycle)


def side_by_side(before: dict[tuple[Metric, int], Judged], after: dict[tuple[Metric, int], Judged]) -> list[Both]:
    """Both judgements of every cycle, the oldest first."""
    keys = sorted({*before, *after}, key=lambda key: (key[1], key[0]))
    return [
        Both(metric, started, before.get((metric, started)), after.get((metric, started))) for metric, started in keys
    ]


def without_recorded(history: History) -> list[Recorded[Event]]:
    return [event for event in history if event.type not in RECORDED]
