"""One ticket's life is written down here, action by action, each later than the one before. Pure.

A Thread knows the state that its ticket will be in, so a plot cannot write what the desk would refuse.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contracts.people import Requester as RequesterGiven
from contracts.terms import CauseClass, Channel, CloseReason, Priority, Status, Urgency
from contracts.ticket_commands import (
    AddNote,
    Assign,
    ChangeStatus,
    ChangeTags,
    Checkpoint,
    CloseTicket,
    PromiseCheckpoint,
    ReceiveMessage,
    ReopenTicket,
    ResolveTicket,
    SendReply,
    SetPriority,
    SubmitTicket,
    Upload,
)
from services.demo.actions import Action, Command
from services.demo.bank import Logs
from services.demo.cast import Agent, Cast, Client, Requester
from services.demo.files import attached
from services.demo.wording import Voice
from services.kit.rules.promise import default_checkpoint

KEPT = 0.9  # part of the promises that the desk keeps
FORESEEN = 0.7  # part of the promises that a night would break and that are moved in time
OVERNIGHT = timedelta(hours=3)  # between a broken promise and the letter: less can be made up for
LOOK = timedelta(minutes=10)  # after which the owner looks at the time
EARLY_MINUTES = (3, 25)  # how long before its promise a letter goes out


@dataclass
class Thread:
    """`now` is the time of the latest action; `owner` the desk's person who has the ticket."""

    key: str
    cast: Cast
    client: Client
    requester: Requester
    voice: Voice
    now: datetime
    status: Status = Status.NEW
    owner: Agent | None = None
    promise: datetime | None = None
    channel: Channel = Channel.WEB
    urgency: Urgency | None = None
    logs: Logs | None = None
    """What attached files are made of; without them nothing is attached."""
    actions: list[Action] = field(default_factory=list)

    @property
    def agent(self) -> Agent:
        if self.owner is None:
            raise ValueError(f"{self.key}: nobody has this ticket yet")
        return self.owner

    def submit(self, subject: str, body: str, category: str, urgency: Urgency | None, channel: Channel) -> None:
        self.channel, self.urgency, self.promise = channel, urgency, self._policy()
        who = RequesterGiven(email=self.requester.email, name=self.requester.name)
        self._act(
            SubmitTicket(
                client=self.client.spec.slug,
                requester=who,
                subject=subject,
                body=body,
                category=category,
                urgency=urgency,
                channel=channel,
                language=self.requester.language,
                attachments=self._attached(body),
            )
        )

    def assign(self, agent: Agent, minutes: float, team: str | None = None) -> None:
        """Somebody takes the ticket, so many of their working minutes later."""
        self.now = agent.shift.after(self.now, minutes)
        self.owner = agent
        self._act(Assign(team=team or agent.person.teams[0]), by=agent, assignee=agent.email)

    def work(self, minutes: float) -> None:
        """The owner's working time passes. A night or a weekend that breaks a promise is usually seen coming."""
        done = self.agent.shift.after(self.now, minutes)
        if self.promise is not None and self.promise + OVERNIGHT < done and self.voice.chance.random() < FORESEEN:
            self._put_off(done)
        self.now = max(done, self.now)

    def _put_off(self, done: datetime) -> None:
        """While still at work, the owner promises a time that can be kept."""
        if self.status in {Status.NEW, Status.RESOLVED} or not self.agent.shift.works(self.now + LOOK):
            return
        self.now += LOOK * self.voice.chance.uniform(0.3, 1)
        self._promise(self.agent.shift.after(done, 45))

    def wait(self, minutes: float) -> None:
        """The requester's working time passes."""
        self.now = self.client.shift.after(self.now, minutes)

    def until(self, instant: datetime) -> None:
        """Nothing happens before this instant."""
        self.now = max(self.now, instant)

    def letter(self, *paragraphs: str, promise_minutes: float | None, status: Status | None = None) -> None:
        """A public answer of the owner; with a promise it names the time of the next one."""
        self._hurry()
        checkpoint, promised = None, ""
        if promise_minutes is not None:
            self.promise = _quarter(self.agent.shift.after(self.now, promise_minutes))
            promised = self.voice.say(self.voice.phrases.nexts, next=self.voice.moment(self.promise))
            checkpoint = Checkpoint(due_at=self.promise, text=promised)
        body = self.voice.letter(self.now, *paragraphs, promised, agent=self.agent.person.name)
        self._act(SendReply(body=body, checkpoint=checkpoint, status=status), by=self.agent)
        self.status = status or (Status.OPEN if self.status is Status.NEW else self.status)

    def note(self, text: str) -> None:
        self._act(AddNote(body=text), by=self.agent)

    def message(self, text: str, author: Requester | None = None) -> None:
        """The requester writes, or a colleague. That sets a waiting ticket going, and opens a resolved one.

        Whoever answered, or is back, is promised the next word by the policy.
        """
        who = RequesterGiven(email=author.email, name=author.name) if author else None
        self._act(ReceiveMessage(body=text, author=who, channel=self._written(), attachments=self._attached(text)))
        if self.status is not Status.NEW:
            self.status = Status.OPEN
        due = self._policy()
        self.promise = due if self.promise is None else min(self.promise, due)

    def change(self, status: Status, promise_minutes: float) -> None:
        if status is self.status:
            return
        self.promise = _quarter(self.agent.shift.after(self.now, promise_minutes))
        why = self.voice.phrases.explain[status]
        self._act(
            ChangeStatus(status=status, explanation=why, checkpoint=Checkpoint(due_at=self.promise)), by=self.agent
        )
        self.status = status

    def move_promise(self, promise_minutes: float) -> None:
        """Before the promise is broken it is moved, with the reason."""
        self._hurry()
        self._promise(self.agent.shift.after(self.now, promise_minutes))

    def _promise(self, due: datetime) -> None:
        self.promise = _quarter(due)
        why = self.voice.say(self.voice.phrases.checkpoint_moved)
        self._act(PromiseCheckpoint(due_at=self.promise, text=why), by=self.agent)

    def prioritise(self, priority: Priority, reason: str) -> None:
        self._act(SetPriority(priority=priority, reason=reason), by=self.agent)

    def tag(self, *tags: str) -> None:
        self._act(ChangeTags(add=tags), by=self.agent)

    def resolve(self, summary: str, cause: CauseClass, for_good: bool) -> None:
        self._act(ResolveTicket(summary=summary, cause=cause, solved_for_good=for_good), by=self.agent)
        self.status, self.promise = Status.RESOLVED, None

    def reopen(self, reason: str) -> None:
        self._act(ReopenTicket(reason=reason), by=self.agent)
        self.promise = self._policy()
        self.status = Status.OPEN

    def close(self, reason: CloseReason, remark: str) -> None:
        self._act(CloseTicket(reason=reason, remark=remark), by=self.agent)
        self.status = Status.CLOSED

    def _hurry(self) -> None:
        """Most letters that would come too late are sent shortly before their promise instead."""
        if self.promise is None or self.now <= self.promise or self.voice.chance.random() > KEPT:
            return
        earlier = self.promise - timedelta(minutes=self.voice.chance.uniform(*EARLY_MINUTES))
        if self.agent.shift.works(earlier):
            self.now = max(earlier, self.actions[-1].at + timedelta(minutes=1))

    def _policy(self) -> datetime:
        return default_checkpoint(self.client.spec.tier, self.urgency, self.now)

    def _act(self, command: Command, by: Agent | None = None, assignee: str = "") -> None:
        self.actions.append(
            Action(
                at=self.now.replace(microsecond=0),
                key=f"{self.key}:{len(self.actions)}",
                client=self.client.spec.slug,
                command=command,
                thread=self.key,
                by=by.email if by else "",
                assignee=assignee,
            )
        )
        self.now += timedelta(seconds=self.voice.chance.randrange(20, 90))

    def _attached(self, text: str) -> tuple[Upload, ...]:
        return () if self.logs is None else attached(self.voice, self.logs, text, self.now)

    def _written(self) -> Channel:
        """Who called once answers by mail later on."""
        return Channel.MAIL if self.channel is Channel.PHONE else self.channel


def _quarter(at: datetime) -> datetime:
    """The next full quarter of an hour: nobody promises 14:07."""
    seconds = (at.minute % 15) * 60 + at.second + at.microsecond / 1_000_000
    return at + timedelta(seconds=900 - seconds)
