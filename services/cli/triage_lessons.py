"""The desk's log -> what people made of the rules' judgements, with the texts that a category was read from. I/O.

Texts are opened here and leave as hashed words. Those of erased people are left out, and so are damaged ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from contracts.envelope import Origin, Recorded
from contracts.model import Event
from contracts.subjects import LANES
from contracts.tickets import TicketSubmitted
from services.kit.log.read import recorded
from services.kit.personal import DAMAGED, ERASED, Vault
from services.kit.postgres import Pool, queries
from services.triage.category import decided, from_text
from services.triage.learned import Lesson
from services.triage.lessons import TEACHING, Categories, Kept, Lessons
from services.triage.reading import form_service, told_in
from services.triage.taxonomy import Lesson as CategoryLesson
from services.triage.taxonomy import lesson

SQL = queries("services/triage/sql/triage.sql")

READ_MAX = 5_000  # events a read
OPENED_MAX = 500  # tickets whose texts are open at once


async def read_lessons(pool: Pool) -> tuple[list[Lesson], list[Kept]]:
    """What people made of priorities, and the categories that they kept or set, each in order of time.

    What was done for practice teaches nothing.
    """
    priorities, categories = Lessons(), Categories()
    for lane in range(LANES):
        after = 0
        while rows := await pool.fetch(SQL["of_types"], lane, after, list(TEACHING), READ_MAX):
            for event in recorded(rows):
                if event.origin != Origin.PRACTICE:
                    priorities.read(event)
                    categories.read(event)
            after = rows[-1]["position"]
    return priorities.in_order(), categories.in_order()


async def open_lessons(pool: Pool, vault: Vault, kept: Sequence[Kept], secret: bytes) -> list[CategoryLesson]:
    """The same categories with what is seen of their tickets, in the same order."""
    found: list[CategoryLesson] = []
    for start in range(0, len(kept), OPENED_MAX):
        some = kept[start : start + OPENED_MAX]
        rows = await pool.fetch(SQL["births"], [one.lane for one in some], [one.ticket for one in some])
        born = {event.stream: event for event in recorded(rows)}
        await vault.load({event.data.requester for event in born.values() if isinstance(event.data, TicketSubmitted)})
        for one in some:
            event = born.get(one.ticket)
            taught = None if event is None else _opened(event, vault, one, secret)
            if taught is not None:
                found.append(taught)
    return found


def _opened(event: Recorded[Event], vault: Vault, kept: Kept, secret: bytes) -> CategoryLesson | None:
    data = event.data
    if not isinstance(data, TicketSubmitted):
        return None
    subject, body = vault.shown(data.subject), vault.shown(data.body)
    fields = {name: vault.shown(said) for name, said in data.answers.items()}
    if {ERASED, DAMAGED} & {subject, body, *fields.values()}:
        return None
    told = told_in(body, fields)
    by_words = from_text(subject, told)
    rules = decided(by_words, data.category, form_service(fields))
    found = lesson(event.client, subject, told, rules, by_words, kept.wanted, secret)
    return found._replace(set_by_person=kept.set_by_person)
