"""A ticket's or a message's opened text -> what triage reads in it: category, tone, phrases of urgency. Pure.

What leaves for the log is numbers, codes of our own tables and quoted words, which are sealed to the requester. A
form's field is free text, so it names a service only where it is one that the tables know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from uuid import UUID

from contracts.tickets import TicketClassified, ToneDetected
from services.kit.rules.facts import Evidence
from services.kit.rules.priority import SERVICES
from services.triage import category, tone
from services.triage.category import Classified, classify, from_text
from services.triage.phrases import evidence_in
from services.triage.tone import Heard, Table, hear

FORM_SERVICE: Final = ("service", "product", "system", "application")
"""The form's fields that may name the service, the first that does wins."""


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
) -> Reading:
    """The first text of a ticket, with the category that was chosen and what the form's fields say."""
    fields = answers or {}
    told = "\n".join((body, *fields.values())) if fields else body
    return Reading(
        heard=hear(f"{subject}\n{body}", tables),
        words=evidence_in(subject, told),
        classified=classify(subject, told, chosen, form_service(fields)),
    )


def read_message(body: str, tables: Mapping[str, Table]) -> Reading:
    return Reading(heard=hear(body, tables), words=evidence_in("", body))


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
        if said in SERVICES or said in category.WORDS:
            return said
        if said and (found := from_text(said, "").service) is not None:
            return found
    return None


def classified_event(found: Classified) -> TicketClassified:
    return TicketClassified.model_construct(
        category=found.category,
        service=found.service,
        confidence=found.confidence,
        rule_version=category.RULE_VERSION,
        words=found.words,
        source=found.source,
        candidates=found.candidates if found.source == "unsure" and found.candidates else None,
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
