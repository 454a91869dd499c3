"""Code of a refusal -> status, title and remedy. Pure: the codes are contract, the sentences are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Code(NamedTuple):
    status: int
    title: str
    remedy: str


RETRY = "Try again after Retry-After seconds, with the same Idempotency-Key."

CODES: Final[Mapping[str, Code]] = {
    # the request itself
    "invalid_json": Code(400, "The body is not JSON", "Send one JSON object, with content-type application/json."),
    "not_utf8": Code(400, "The body is not UTF-8", "Encode the body as UTF-8."),
    "bad_request": Code(400, "The request can't be read", "Correct what the detail names."),
    "bad_header": Code(400, "A header can't be read", "Send the header in the form that the field names."),
    "nul_byte": Code(422, "A text holds a NUL byte", "Take \\u0000 out of the texts."),
    "invalid_field": Code(422, "A field is not what it must be", "Correct the field that is named."),
    "missing_field": Code(422, "A field is missing", "Send the field that is named."),
    "unknown_field": Code(422, "A field is unknown", "Take the field out, or correct its spelling."),
    "body_too_large": Code(413, "The body is too large", "Send less in one request."),
    "slow_body": Code(408, "The body came too slowly", "Send the whole body at once."),
    "not_found": Code(404, "There is nothing here", "Check the address; a token sees the things of its clients only."),
    "method_not_allowed": Code(405, "This can't be done here", "Use a method that the Allow header names."),
    # who asks
    "unauthenticated": Code(401, "No valid token", "Send Authorization: Bearer <token>."),
    "forbidden": Code(403, "The role may not do this", "Use a token whose role may."),
    "wrong_login": Code(401, "Address or password is wrong", "Check both; an administrator can set a new password."),
    "throttled": Code(429, "Too many failed logins", "Wait as long as Retry-After says."),
    "too_many_requests": Code(429, "Too many requests", "Wait as long as Retry-After says; an answer may be kept."),
    "too_many_streams": Code(429, "Too many open streams", "Close some; one stream can carry all clients and types."),
    "too_many_replays": Code(429, "Too many replays", "Wait until one is done, or cancel one."),
    "too_many_webhooks": Code(409, "Too many webhooks", "Delete one; one webhook can carry all types."),
    "private_target": Code(422, "The target is private", "Name a public host, or have the owner allow its network."),
    # commands
    "unknown_team": Code(422, "The team is unknown", "Name a team that has people: POST /agents gives teams."),
    "nobody_of_level": Code(422, "The team lacks the level", "Name another team, or register somebody of that level."),
    "unknown_skill": Code(422, "The team lacks the skill", "Name another team, or give one of it the skill."),
    "unknown_client": Code(422, "The client is unknown", "Register it first: PUT /api/v1/clients/<id>."),
    "stale_version": Code(412, "Somebody was faster", "Read the ticket again, look at what is new, and decide again."),
    "idempotency_key_reused": Code(409, "The Idempotency-Key is used", "Use a new key for another request."),
    "closed": Code(409, "The ticket is closed", "Submit a new ticket that goes on from this one."),
    "merged": Code(409, "The ticket was merged", "Go on with the ticket that the detail names."),
    "resolved": Code(409, "The ticket is resolved", "Reopen it first, with the reason."),
    "not_resolved": Code(409, "The ticket is not resolved", "Resolve it first, or close it for another reason."),
    "exists": Code(409, "It is there already", "Read what is there."),
    "incident_ended": Code(409, "The incident has ended", "Reopen it first, or go on with another one."),
    "not_confirmed": Code(409, "The incident is not confirmed", "Confirm it first: POST /incidents/<id>/confirm."),
    "unknown_incident": Code(422, "The other incident is unknown", "Name an incident by its id."),
    "unknown_ticket_of_desk": Code(422, "The ticket is unknown", "Name a ticket by its id or reference."),
    "not_a_member": Code(422, "The ticket is none of the incident's", "Name tickets that GET /incidents/<id> lists."),
    "nothing_left": Code(422, "No ticket would stay", "Leave at least one, or change the title."),
    "too_many_tickets": Code(409, "Too many tickets", "Declare a second incident."),
    "ticket_added_and_removed": Code(422, "A ticket is added and removed", "Name it once."),
    "text_missing": Code(422, "The words are missing", "Say what those affected are to read, in `text`."),
    "names_a_client": Code(422, "The text names a client", "Say it without: everyone affected reads it."),
    "not_published": Code(409, "It is not on the status page", "Publish it first: POST /incidents/<id>/publish."),
    "published": Code(409, "It is on the status page", "Withdraw it first, or publish the other one."),
    "record_missing": Code(422, "The bad record is not named", "Name it in `record`, or choose another cause."),
    "record_without_bad_data": Code(422, "A record without bad data", "Leave `record` out, or say `bad_data`."),
    "erased": Code(409, "The person's data was erased", "Submit a new ticket for a new requester."),
    "status_not_set_here": Code(422, "Another command does this", "Use resolution, reopen or close."),
    "explanation_missing": Code(422, "The explanation is missing", "Say why, in the field that is named."),
    "checkpoint_past": Code(422, "The checkpoint is in the past", "Name an instant that is still to come."),
    "checkpoint_too_far": Code(422, "The checkpoint is too far away", "Name an instant within 90 days."),
    "checkpoint_on_resolved": Code(422, "No checkpoint after the end", "Leave the checkpoint out."),
    "unknown_ticket": Code(422, "The other ticket is unknown", "Name a ticket of the same client, by id or reference."),
    "merged_into_itself": Code(422, "A ticket can't go on in itself", "Name another ticket."),
    "first_message": Code(422, "The first words stay", "Choose later messages, or merge the ticket instead."),
    "unknown_message": Code(422, "There is no such message", "Name ids of ticket.message_received events of it."),
    "already_split": Code(409, "The message goes on elsewhere", "Undo that split first."),
    "not_split": Code(404, "No such ticket was split off", "Name a ticket that this one's ticket.split names."),
    "split_undone": Code(409, "The split was undone", "Split the messages off again."),
    "not_imported": Code(409, "The ticket was opened here", "Only imported tickets are adopted."),
    "merged_into_closed": Code(409, "The other ticket has ended", "Name the ticket that lives, or reopen that one."),
    "not_a_call": Code(422, "Only calls are logged later", "Leave answered_at out, or send channel phone."),
    "answered_in_future": Code(422, "The call has not been yet", "Name the instant at which the call began."),
    "unknown_cycle": Code(422, "The clock is unknown", "Name a cycle of GET /api/v1/tickets/<id>/clocks."),
    "not_breached": Code(409, "The clock is not breached", "Only a breach is waived; a deadline is pinned."),
    "promise_not_pinned": Code(422, "A promise is not pinned", "Move it: POST /api/v1/tickets/<id>/checkpoint."),
    "deadline_past": Code(422, "The deadline is in the past", "Name an instant that is still to come."),
    "deadline_too_far": Code(422, "The deadline is too far away", "Name an instant within 366 days."),
    "tag_added_and_removed": Code(422, "A tag is added and removed", "Name the tag in one list only."),
    "too_many_tags": Code(422, "Too many tags", "Remove some in the same command."),
    "unknown_agent": Code(422, "The agent is unknown", "Register the agent first: POST /api/v1/agents."),
    "unknown_zone": Code(422, "The time zone is unknown", "Name an IANA time zone, such as Europe/Zurich."),
    "prefix_taken": Code(409, "The prefix is taken", "Choose a prefix that no other client has."),
    "prefix_in_use": Code(409, "The prefix can't change", "Keep the prefix: references are for ever."),
    "holds_from_past": Code(422, "No version for the past", "Leave holds_from out, or name a later one."),
    "calendar_closed": Code(422, "The calendar does not open", "Add hours, or take closed dates out."),
    "holidays_unavailable": Code(
        503, "The list of public holidays can't be loaded", "Mend the package holidays, or write the dates to closed."
    ),
    "unknown_region": Code(422, "No holidays are known there", "Name another region, or write the dates to `closed`."),
    "unknown_version": Code(422, "The version is unknown", "Name one that GET /api/v1/clients/<id>/calendar lists."),
    "correction_misses": Code(422, "The version did not hold then", "Name a time in which the version held."),
    "unknown_calendar": Code(422, "The calendar is unknown", "Set it first: PUT /api/v1/clients/<id>/calendar."),
    "bad_attachment": Code(422, "An attachment can't be read", "Send the file's bytes as base64."),
    "attachment_too_large": Code(413, "An attachment is too large", "Send files of at most 10 MB each."),
    "clock_backwards": Code(422, "The clock does not go back", "Name an instant after the clock's."),
    "no_log_clock": Code(409, "The clock is the machine's", "Start the desk with DAYBOOK_CLOCK=log."),
    "outcome_unknown": Code(503, "It is not known whether it was done", "Read the ticket; an Idempotency-Key is safe."),
    "busy": Code(503, "Too much at once", RETRY),
    "unavailable": Code(503, "The log can't be reached", RETRY),
    "internal": Code(500, "A fault of ours", "Try again; if it stays, tell the desk the trace id."),
}  # fmt: skip


def code_of(name: str) -> Code:
    """The row of a code. Raises KeyError for one that is not in the contract."""
    return CODES[name]
