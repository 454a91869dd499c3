"""A ticket's or a message's opened text -> what triage reads in it: category, tone, phrases of urgency. Pure.

What leaves for the log is numbers, codes of our own tables and quoted words, which are sealed to the requester. A
form's field is free text, so it names a service only where it is one that the tables know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from uuid import UUID

from contracts.tickets import TicketClassified, ToneDetected
from services.kit.rules.facts import Evidence
from services.kit.rules.priority import SERVICES
from services.triage import tone
from services.triage.category import Classified, decided, from_text, named_by
from services.triage.gravity import weighed
from services.triage.phrases import evidence
from services.triage.scan import scan
from services.triage.service_words import WORDS as SERVICE_WORDS
from services.triage.tone import Heard, Table, Words, hear_words, heard_of

FORM_SERVICE: Final = ("service", "product", "system", "application")
"""The form's fields that may name the service, the first that does wins."""


URGENT: Final = frozenset({"outage", "security", "data_loss", "deadline", "urgent"})


Taught = Callable[[str, str, Classified], Classified]
"""(Subject, text, the rules' answer) -> that answer, or a surer one."""


class Reading(NamedTuple):
    """What one text says. A later message classifies nothing."""

    heard: Heard
    words: tuple[Evidence, ...]
    classified: Classified | None = None


def read_ticket(
    subject: str,
    body: str,
    tables: Mapping[str, Table],
    *,
    chosen: str | None = None,
    answers: Mapping[str, str] | None = None,
    taught: Taught | None = None,
) -> Reading:
    """The first text of a ticket, with the category that was chosen and what the form's fields say.

    `taught` is what the desk's own model makes of the rules' answer, where the desk goes by it.
    """
    fields = answers or {}
    told = told_in(body, fields)
    found = scan(subject, told)
    classified = decided(named_by(found.services), chosen, form_service(fields))
    heard, words = hear_words(heard_of(f"{subject}\n{body}"), tables, found.phrases)
    said = evidence(found.phrases)
    return Reading(
        heard=heard,
        words=(*said, *_gravity(words, said, tables.get(heard.language))),
        classified=classified if taught is None else taught(subject, told, classified),
    )


def told_in(body: str, fields: Mapping[str, str]) -> str:
    """A ticket's text with what the form's fields say."""
    return "\n".join((body, *fields.values())) if fields else body


def read_message(body: str, tables: Mapping[str, Table]) -> Reading:
    """A later message: its tone and phrases. How grave the matter is was told by the first text."""
    found = scan("", body)
    return Reading(heard=hear_words(heard_of(body), tables, found.phrases)[0], words=evidence(found.phrases))


def _gravity(words: Words, said: tuple[Evidence, ...], table: Table | None) -> tuple[Evidence, ...]:
    """A matter is not slight of which something urgent is said."""
    if table is None or table.gravity is None:
        return ()
    found = weighed(words.tokens, table.gravity)
    if found is None or (found.points < 0 and any(evidence.code in URGENT for evidence in said)):
        return ()
    return (found,)


def unquoted(reading: Reading) -> Reading:
    """The same without a word of the text: for a ticket whose requester is erased, to whom nothing can be sealed."""
    classified = reading.classified
    return Reading(
        heard=reading.heard._replace(words=()),
        words=tuple(evidence._replace(words=()) for evidence in reading.words),
        classified=None if classified is None else classified._replace(words=()),
    )


def form_service(fields: Mapping[str, str]) -> str | None:
    """The known service that the form's fields name."""
    by_name = {name.strip().lower(): said for name, said in fields.items()}
    for name in FORM_SERVICE:
        said = by_name.get(name, "").strip().lower()
        if said in SERVICES or said in SERVICE_WORDS:
            return said
        if said and (found := from_text(said, "").service) is not None:
            return found
    return None


def classified_event(found: Classified) -> TicketClassified:
    return TicketClassified.model_construct(
        category=found.category,
        service=found.service,
        confidence=found.confidence,
        rule_version=found.rule_version,
        words=found.words,
        source=found.source,
        candidates=found.candidates if found.source == "unsure" and found.candidates else None,
        learned_from=found.learned_from,
    )


def tone_event(message: UUID, heard: Heard, tables: Mapping[str, Table]) -> ToneDetected:
    """The tone of a message, by the version of the rules and of the language's table."""
    table = tables.get(heard.language)
    return ToneDetected.model_construct(
        message=message,
        tone=heard.tone,
        degree=heard.degree,
        language=heard.language,
        rule_version=tone.RULE_VERSION if table is None else f"{tone.RULE_VERSION}/{table.version}",
        words=heard.words,
    )


def merged_words(before: tuple[Evidence, ...], new: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Kinds of phrase that were said before, and those that a new message adds. A kind counts once."""
    known = {evidence.code for evidence in before}
    return (*before, *(evidence for evidence in new if evidence.code not in known))
