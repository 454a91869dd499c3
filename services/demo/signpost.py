"""A played month and the desk's address enter; what to look at next leaves, as lines for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlencode

from services.demo.bank import Bank, DeskPerson, DeskSpec
from services.demo.cast import address_part
from services.demo.outage import begins
from services.demo.record import Record
from services.demo.script import PASSWORD

SHOWN = ("administrator", "manager", "agent")  # one login of each role stands in the list
FLOOD = timedelta(minutes=50)  # after the outage's first ticket, when most of its reports are open


def signpost(address: str, bank: Bank, record: Record) -> Iterator[str]:
    """Where the desk is, how to get in, and what is worth a look."""
    began = begins(bank, record.start, record.end)
    yield f"The month up to {record.end:%Y-%m-%d %H:%M} UTC is played: {len(record.tickets)} tickets."
    yield ""
    yield f"  Log in       {address}/login   with the password {PASSWORD}"
    for person in _one_of_each(bank.desk):
        yield f"               {_email(person, bank.desk):<36} {person.role}, {person.level}"
    yield f"  The inbox    {address}/inbox   what is open now, the next deadline first"
    yield f"  The outage   {_inbox(address, q=bank.outage.code, status='all')}   one cause, five clients, many wordings"
    yield f"  Time travel  {_inbox(address, as_of=_minute(began + FLOOD))}   the inbox in the middle of it"
    if record.outage:
        yield f"               {address}/tickets/{record.outage}   drag the slider through that morning"
    if record.incident:
        yield f"  An incident  {address}/incidents/{record.incident}   what the radar made of it, and the end"
    yield f"  The desk     {address}/manage   the month in figures"
    yield f"  Letters      {address}/mailbox   every letter that was sent"
    yield ""
    yield "  A ticket of your own, from another terminal:"
    yield f"    curl {address}/api/v1/tickets -H 'content-type: application/json' \\"
    yield '      -H "authorization: Bearer $(.venv/bin/daybook token create --role intake --client kestrel)" \\'
    yield f"      -d '{TICKET}'"


TICKET = (
    '{"client": "kestrel", "requester": {"email": "you@kestrel-outfitters.example", "name": "You"}, '
    '"subject": "Till does not print", "body": "Nobody can print a receipt since this morning.", "urgency": "high"}'
)


def _inbox(address: str, **query: str) -> str:
    return f"{address}/inbox?{urlencode(query, safe=':')}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%MZ}"


def _email(person: DeskPerson, desk: DeskSpec) -> str:
    return f"{address_part(person.name)}@{desk.domain}"


def _one_of_each(desk: DeskSpec) -> Iterator[DeskPerson]:
    for role in SHOWN:
        yield next(person for person in desk.people if person.role == role)
