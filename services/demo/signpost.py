"""A played month and the desk's address enter; what to look at next leaves, as lines for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from services.demo.bank import DeskPerson, DeskSpec
from services.demo.cast import address_part
from services.demo.record import Record
from services.demo.script import PASSWORD

SHOWN = ("administrator", "manager", "agent")  # one login of each role stands in the list


def signpost(address: str, desk: DeskSpec, record: Record, code: str) -> Iterator[str]:
    """Where the desk is, how to get in, and what is worth a look."""
    yield f"The month up to {record.end:%Y-%m-%d %H:%M} UTC is played: {len(record.tickets)} tickets."
    yield ""
    yield f"  Log in       {address}/login   with the password {PASSWORD}"
    for person in _one_of_each(desk):
        yield f"               {email(person, desk):<36} {person.role}, {person.level}"
    yield f"  The inbox    {address}/inbox   what is open now, the next deadline first"
    yield f"  The outage   {address}/inbox?q={code}   one cause, five clients, dozens of wordings"
    if record.outage:
        yield f"  Time travel  {address}/tickets/{record.outage}   drag the slider through that morning"
    yield f"  The desk     {address}/manage   the month in figures"
    yield f"  Letters      {address}/mailbox   every receipt that was sent"
    yield ""
    yield "  A ticket of your own:"
    yield f"    curl {address}/api/v1/tickets -H 'authorization: Bearer TOKEN' -H 'content-type: application/json' \\"
    yield f"      -d '{_ticket()}'"
    yield "    with a TOKEN from: .venv/bin/daybook token create --role intake --client kestrel"


def email(person: DeskPerson, desk: DeskSpec) -> str:
    return f"{address_part(person.name)}@{desk.domain}"


def _one_of_each(desk: DeskSpec) -> Iterator[DeskPerson]:
    for role in SHOWN:
        yield next(person for person in desk.people if person.role == role)


def _ticket() -> str:
    return (
        '{"client": "kestrel", "requester": {"email": "you@kestrel-outfitters.example", "name": "You"}, '
        '"subject": "Till does not print", "body": "Nobody can print a receipt since this morning.", "urgency": "high"}'
    )
