"""A way to open intervals -> open time between instants, and the instant when so much of it is used up. Pure.

Inside, an instant is an int: microseconds since 1970 in UTC (`us`, `instant`). Intervals are half-open, sorted and
apart; prefix sums of their lengths answer with two bisections. The years that are asked for are laid out when they are
first needed, so an answer never depends on how far somebody looked before.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000  # microseconds
DAY = 86_400 * SECOND
NEVER = 1 << 62
"""Later than any instant."""

YEARS = (1900, 2200)  # first and last that can be laid out: what does not open in them never does
MICROSECOND = timedelta(microseconds=1)

FIRST, LAST = ((datetime(year, 6, 1, tzinfo=UTC) - EPOCH) // MICROSECOND for year in YEARS)
Span = tuple[int, int]
LayOut = Callable[[int], Iterable[Span]]
"""A year -> the open intervals of its local days; they may overlap and come in any order."""


def us(at: datetime) -> int:
    """Microseconds since 1970 of an aware instant, exactly."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def instant(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same open time as few intervals, sorted, that neither overlap nor touch."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            if end > found[-1][1]:
                found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What is left of the spans once others are taken out."""
    left = joined(spans)
    for start, end in joined(taken):
        cut: list[Span] = []
        for opens, closes in left:
            cut += [(opens, min(closes, start)), (max(opens, end), closes)]
        left = [piece for piece in cut if piece[0] < piece[1]]
    return left


class OpenTime:
    """Open seconds of one calendar version. `version` and `zone` are for explanations."""

    __slots__ = (
        "_before", "_closes", "_first", "_laid", "_last", "_lay_out", "_opens", "_total", "corrected", "version",
        "zone",
    )  # fmt: skip

    def __init__(self, lay_out: LayOut, version: str = "", zone: str = "UTC", *, corrected: bool = False) -> None:
        self.version, self.zone = version, zone
        self.corrected = corrected
        self._lay_out = lay_out
        self._laid: dict[int, list[Span]] = {}
        self._opens: list[int] = []
        self._closes: list[int] = []
        self._before: list[int] = []
        self._total = 0
        """Open microseconds of all that is laid out."""
        self._first = self._last = 0
        """What is laid out: from the one instant to the other."""

    def at(self, at: int) -> int:
        """W: open microseconds before an instant; only differences of one and the same state have a meaning."""
        place = bisect_right(self._opens, at) - 1
        if place < 0:
            return 0
        closes = self._closes[place]
        return self._before[place] + min(at, closes) - self._opens[place]

    def between(self, start: int, end: int) -> int:
        """Open microseconds of [start, end); 0 where the end is not after the start."""
        if end <= start:
            return 0
        if start < self._first or end >= self._last:
            self._reach(start, end)
        return self.at(end) - self.at(start)

    def due(self, start: int, length: int) -> int:
        """The first instant, not before `start`, at which `length` is used up: the closing time where it ends there.
        NEVER where the calendar stays closed."""
        if length <= 0:
            return start
        if start < self._first or start >= self._last:
            self._reach(start, start)
        wanted = self.at(start) + length
        while wanted > self._total:
            if not self._extend():
                return NEVER
        place = bisect_left(self._before, wanted) - 1
        return self._opens[place] + wanted - self._before[place]

    def back(self, start: int, length: int) -> int:
        """The last instant, not after `start`, from which `length` is used up until `start`; -NEVER where there is
        none. It is an opening time where the length is used up there."""
        if length <= 0:
            return start
        if start < self._first or start >= self._last:
            self._reach(start, start)
        while (wanted := self.at(start) - length) < 0:
            if not self._extend_back():
                return -NEVER
        place = bisect_right(self._before, wanted) - 1
        return self._opens[place] + wanted - self._before[place]

    def is_open(self, at: int) -> bool:
        self._reach(at, at)
        place = bisect_right(self._opens, at) - 1
        return place >= 0 and at < self._closes[place]

    def next_open(self, at: int) -> int:
        """The first open instant at or after this one; NEVER where there is none."""
        self._reach(at, at)
        while True:
            place = bisect_right(self._closes, at)
            if place < len(self._opens):
                return max(at, self._opens[place])
            if not self._extend():
                return NEVER

    def prev_close(self, at: int) -> int:
        """This instant where it is open, or else the last closing time before it; -NEVER where there is none."""
        self._reach(at, at)
        while True:
            place = bisect_right(self._opens, at) - 1
            if place >= 0:
                return min(at, self._closes[place])
            if not self._extend_back():
                return -NEVER

    def spans(self, start: int, end: int) -> list[Span]:
        """The open intervals within [start, end)."""
        self._reach(start, end)
        first = bisect_right(self._closes, start)
        last = bisect_left(self._opens, end)
        pairs = zip(self._opens[first:last], self._closes[first:last], strict=True)
        return [(max(opens, start), min(closes, end)) for opens, closes in pairs]

    def _reach(self, start: int, end: int) -> None:
        """Lays out what lies from one instant to the other, and a year more on both sides."""
        if start >= self._first and end < self._last:
            return
        low, high = _year(start, -1), _year(max(start, end), 1)
        if self._laid:
            low, high = min(low, *self._laid), max(high, *self._laid)
        for year in range(low, high + 1):
            self._lay(year)
        self._index()

    def _extend(self) -> bool:
        """Lays out later years until something opens. Whether it did."""
        return self._search(range(max(self._laid) + 1, YEARS[1] + 1))

    def _extend_back(self) -> bool:
        return self._search(range(min(self._laid) - 1, YEARS[0] - 1, -1))

    def _search(self, years: range) -> bool:
        """As many years at a time as there are already, so that a far due time does not index them again and again."""
        while years:
            some = max(len(self._laid), 1)
            found = [self._lay(year) for year in years[:some]]
            if any(found):
                self._index()
                return True
            years = years[some:]
        return False

    def _lay(self, year: int) -> bool:
        """Whether anything opens in the year."""
        if year not in self._laid:
            self._laid[year] = joined(self._lay_out(year))
        return bool(self._laid[year])

    def _index(self) -> None:
        spans = joined(span for spans in self._laid.values() for span in spans)
        self._opens = [opens for opens, _ in spans]
        self._closes = [closes for _, closes in spans]
        total, self._before = 0, []
        for opens, closes in spans:
            self._before.append(total)
            total += closes - opens
        self._total = total
        self._first = us(datetime(min(self._laid), 1, 1, tzinfo=UTC)) + 2 * DAY
        self._last = us(datetime(max(self._laid) + 1, 1, 1, tzinfo=UTC)) - 2 * DAY


def _year(at: int, more: int) -> int:
    """The year of an instant and so many more, within those that can be laid out."""
    year = instant(min(max(at, FIRST), LAST)).year + more
    return min(max(year, YEARS[0]), YEARS[1])


def always(version: str = "24x7") -> OpenTime:
    """Wall time: open from the first year to the last."""
    return OpenTime(
        lambda year: [(us(datetime(year, 1, 1, tzinfo=UTC)), us(datetime(year + 1, 1, 1, tzinfo=UTC)))], version
    )


def spliced(wrong: LayOut, right: LayOut, start: int, end: int) -> LayOut:
    """The first, but within [start, end) the second."""

    def spans_of(year: int) -> Iterable[Span]:
        kept = [(max(opens, start), min(closes, end)) for opens, closes in joined(right(year))]
        return joined([*without(wrong(year), [(start, end)]), *kept])

    return spans_of
