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
    # commands
    "unknown_client": Code(422, "The client is unknown", "Register it first: PUT /api/v1/clients/<id>."),
    "stale_version": Code(412, "Somebody was faster", "Read the ticket again, look at what is new, and decide again."),
    "idempotency_key_reused": Code(409, "The Idempotency-Key is used", "Use a new key for another request."),
    "busy": Code(503, "Too much at once", RETRY),
    "unavailable": Code(503, "The log can't be reached", RETRY),
    "internal": Code(500, "A fault of ours", "Try again; if it stays, tell the desk the trace id."),
}  # fmt: skip


def code_of(name: str) -> Code:
    """The row of a code. Raises KeyError for one that is not in the contract."""
    return CODES[name]
