"""One event enters, the sentence that tells it leaves. Pure; user content is escaped here and nowhere trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from services.desk import words
from services.desk.reader import Reader
from services.desk.shapes import ERASED, TicketEvent

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """`html` is safe markup, `quote` is text as it was written, `tone` is good, bad, warn or nothing."""

    icon: str
    html: Markup
    quote: str | None = None
    tone: str = ""


def line(event: TicketEvent, reader: Reader) -> Line:
    """The sentence of an event. A type that this desk does not know yet is told by its name."""
    write = LINES.get(event.type)
    if write is None:
        return Line("step", say("{} ({})", bold(words.plain(event.type.partition(".")[2])), who(event)))
    return write(event, event.data, reader)


def opened(value: Any) -> str | None:
    """A personal value as text; None where it is absent, still sealed or erased."""
    return value if isinstance(value, str) and value != ERASED else None


def say(text: str, *values: object) -> Markup:
    """A sentence with its values escaped."""
    return Markup(text).format(*values)  # noqa: S704  text is a literal of this module


def bold(value: object) -> Markup:
    return Markup("<b>{}</b>").format(value)


def aside(value: object) -> Markup:
    return Markup('<span class="aside">{}</span>').format(value)


def who(event: TicketEvent) -> Markup:
    """Who did it, in bold: a person by name, the desk's own services together as Daybook."""
    unnamed = {"system": "Daybook", "token": "A program", "requester": "The requester"}.get(
        event.actor_kind, "The desk"
    )
    return bold(unnamed if event.actor_kind == "system" else event.actor_name or unnamed)


def when(value: Any, reader: Reader) -> Markup:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return Markup("an unknown time")
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), reader.stamp(at))


def _promised(event: TicketEvent, data: Data, reader: Reader) -> Line:
    by = aside("by policy") if data.get("by") == "policy" else say("by {}", who(event))
    return Line(
        "flag",
        say("Next update promised for {} {}", bold(when(data.get("due_at"), reader)), by),
        opened(data.get("text")),
    )


def _classified(event: TicketEvent, data: Data, reader: Reader) -> Line:
    share = f"{float(data.get('confidence') or 0):.0%} sure"
    if data.get("learned_from"):
        share += f", learned from {words.count(int(data['learned_from']), 'correction', 'corrections')}"
    service = say(", service {}", bold(data["service"])) if data.get("service") else ""
    return Line(
        "folder", say("Category {}{} {}", bold(words.plain(data.get("category")) or "not clear"), service, aside(share))
    )


def _tone(event: TicketEvent, data: Data, reader: Reader) -> Line:
    told = [text for text in map(opened, data.get("words") or ()) if text]
    seen = say(" from {}", ", ".join(f"“{word}”" for word in told)) if told else ""
    heard = words.tone(str(data.get("tone") or "unknown"), float(data.get("degree") or 0))
    return Line("tone", say("Tone {}{}", bold(heard), aside(seen)))


def _prioritised(event: TicketEvent, data: Data, reader: Reader) -> Line:
    reasons = len(data.get("reasons") or ())
    because = aside(f"from {words.count(reasons, 'reason', 'reasons')}") if reasons else ""
    return Line("gauge", say("Priority {} {}", bold(data.get("priority")), because))


def _suggested(event: TicketEvent, data: Data, reader: Reader) -> Line:
    return Line("gauge", say("The rules would now say {}, for a person to decide", bold(data.get("priority"))))


def _assigned(event: TicketEvent, data: Data, reader: Reader) -> Line:
    agent, team = data.get("agent_name"), data.get("team")
    if not (agent or data.get("agent") or team):
        return Line("nobody", say("{} put the ticket back to unassigned", who(event)))
    if agent and agent == event.actor_name:
        return Line("person", say("{} took the ticket", who(event)))
    to = bold(agent or ("an agent" if data.get("agent") else words.plain(team)))
    return Line(
        "person",
        say("{} assigned {}{}", who(event), to, say(" of team {}", words.plain(team)) if agent and team else ""),
        opened(data.get("reason")),
    )


def _priority_set(event: TicketEvent, data: Data, reader: Reader) -> Line:
    return Line("gauge", say("{} set priority {}", who(event), bold(data.get("priority"))), opened(data.get("reason")))


def _category_set(event: TicketEvent, data: Data, reader: Reader) -> Line:
    return Line("folder", say("{} set category {}", who(event), bold(words.plain(data.get("category")))))


def _status_changed(event: TicketEvent, data: Data, reader: Reader) -> Line:
    source = say(" {}", aside(f"“{data['source_status']}” at its source")) if data.get("source_status") else ""
    status = str(data.get("status") or "")
    icon = "waiting" if status.startswith("waiting") else status if status in words.STATUSES else "open"
    return Line(
        icon,
        say("{} changed the status to {}{}", who(event), bold(words.status(status)), source),
        opened(data.get("explanation")),
    )


def _kept(event: TicketEvent, data: Data, reader: Reader) -> Line:
    return Line("check", say("Promise for {} {}", when(data.get("due_at"), reader), bold("kept")), tone="good")


def _missed(event: TicketEvent, data: Data, reader: Reader) -> Line:
    return Line("alert", say("Promise for {} {}", when(data.get("due_at"), reader), bold("broken")), tone="bad")


def _escalated(event: TicketEvent, data: Data, reader: Reader) -> Line:
    team = say(", team {}", words.plain(data["team"])) if data.get("team") else ""
    carried = [line for line in map(opened, data.get("ruled_out") or ()) if line]
    told = [opened(data.get("reason")), f"Ruled out: {'; '.join(carried)}" if carried else None]
    quote = "\n".join(text for text in told if text)
    return Line("up", say("{} escalated to {}{}", who(event), bold(data.get("level")), team), quote or None, "warn")


def _step(event: TicketEvent, data: Data, reader: Reader) -> Line:
    result = words.plain(data.get("result")).lower()
    remark = opened(data.get("remark"))
    what, quote = (remark or ERASED, None) if data.get("step") == "other" else (words.plain(data.get("step")), remark)
    return Line("step", say("{}: {}", what, bold(result)), quote)


def _finding(event: TicketEvent, data: Data, reader: Reader) -> Line:
    cause = words.CAUSES.get(str(data.get("cause")), words.plain(data.get("cause")))
    found = words.FINDINGS.get(str(data.get("finding")), words.plain(data.get("finding")))
    record = opened(data.get("record"))
    named = say(", in {}", bold(record)) if record else ""
    return Line(
        "eye", say("{} found: {}. Cause: {}{}", who(event), found, bold(cause.lower()), named), opened(data.get("text"))
    )


def _collaborator(event: TicketEvent, data: Data, reader: Reader) -> Line:
    return Line("people", say("{} brought in {}", who(event), bold(data.get("person_name") or "another person")))


def _linked(event: TicketEvent, data: Data, reader: Reader) -> Line:
    other = data.get("other_reference") or "another ticket"
    return Line("link", say("Linked to {} as {}", bold(other), words.plain(data.get("kind")).lower() or "related"))


def _unlinked(event: TicketEvent, data: Data, reader: Reader) -> Line:
    return Line("link", say("Link to {} taken back", bold(data.get("other_reference") or "another ticket")))


def _tags(event: TicketEvent, data: Data, reader: Reader) -> Line:
    parts = [say("added {}", bold(", ".join(data["added"])))] if data.get("added") else []
    parts += [say("removed {}", bold(", ".join(data["removed"])))] if data.get("removed") else []
    return Line("tag", say("{} {} as tags", who(event), Markup(" and ").join(parts) or "changed nothing"))


def _resolved(event: TicketEvent, data: Data, reader: Reader) -> Line:
    cause = words.CAUSES.get(str(data.get("cause")), "") if data.get("cause") not in (None, "unknown") else ""
    told = aside(f"cause: {cause.lower()}") if cause else ""
    return Line(
        "resolved", say("{} {} {}", who(event), bold("resolved the ticket"), told), opened(data.get("summary")), "good"
    )


def _reopened(event: TicketEvent, data: Data, reader: Reader) -> Line:
    return Line("history", say("{} {}", who(event), bold("reopened the ticket")), opened(data.get("reason")), "warn")


def _closed(event: TicketEvent, data: Data, reader: Reader) -> Line:
    why = words.CLOSE_REASONS.get(str(data.get("reason")), "").lower()
    return Line(
        "closed", say("{} {} {}", who(event), bold("closed the ticket"), aside(why)), opened(data.get("remark"))
    )


def _merged(event: TicketEvent, data: Data, reader: Reader) -> Line:
    return Line("merge", say("Goes on in {}", bold(data.get("other_reference") or "another ticket")))


def _unmerged(event: TicketEvent, data: Data, reader: Reader) -> Line:
    return Line("merge", say("{} undid the merge", who(event)), opened(data.get("reason")))


def _split(event: TicketEvent, data: Data, reader: Reader) -> Line:
    return Line(
        "merge",
        say("{} split part of this into {}", who(event), bold(data.get("other_reference") or "a ticket of its own")),
    )


def _split_off(event: TicketEvent, data: Data, reader: Reader) -> Line:
    since = say(", waiting since {}", when(data["asked_at"], reader)) if data.get("asked_at") else ""
    return Line("merge", say("Split off {}{}", bold(data.get("other_reference") or "another ticket"), since))


def _unsplit(event: TicketEvent, data: Data, reader: Reader) -> Line:
    other = bold(data.get("other_reference") or "another ticket")
    return Line("merge", say("{} took the messages of {} back", who(event), other), opened(data.get("reason")))


def _adopted(event: TicketEvent, data: Data, reader: Reader) -> Line:
    return Line("inbox", say("Adopted from the import: promises and clocks are live from here on"))


def _clock(event: TicketEvent, data: Data, reader: Reader) -> Line:
    metric = words.plain(data.get("metric")).lower()
    told = {"sla.warned": ("running short", "warn"), "sla.breached": ("broken", "bad"), "sla.met": ("met", "good")}[
        event.type
    ]
    return Line(
        "clock", say("Target for {} {}, due {}", metric, bold(told[0]), when(data.get("due_at"), reader)), tone=told[1]
    )


LINES: Mapping[str, Callable[[TicketEvent, Data, Reader], Line]] = {
    "ticket.checkpoint_promised": _promised,
    "ticket.classified": _classified,
    "ticket.tone_detected": _tone,
    "ticket.prioritised": _prioritised,
    "ticket.priority_suggested": _suggested,
    "ticket.assigned": _assigned,
    "ticket.priority_set": _priority_set,
    "ticket.category_set": _category_set,
    "ticket.status_changed": _status_changed,
    "ticket.checkpoint_kept": _kept,
    "ticket.checkpoint_missed": _missed,
    "ticket.escalated": _escalated,
    "ticket.step_recorded": _step,
    "ticket.finding_recorded": _finding,
    "ticket.collaborator_added": _collaborator,
    "ticket.linked": _linked,
    "ticket.unlinked": _unlinked,
    "ticket.tags_changed": _tags,
    "ticket.resolved": _resolved,
    "ticket.reopened": _reopened,
    "ticket.closed": _closed,
    "ticket.merged": _merged,
    "ticket.unmerged": _unmerged,
    "ticket.split": _split,
    "ticket.split_off": _split_off,
    "ticket.unsplit": _unsplit,
    "ticket.adopted": _adopted,
    "sla.warned": _clock,
    "sla.breached": _clock,
    "sla.met": _clock,
}
