"""(method, path) -> who may call it. Pure: the one table of rules, for intake and reporting alike.

A route without a row does not start: an app that serves one fails when it is built, and a test walks every route.
Paths are those below /api/v1, with `{}` for every parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from contracts.people import Role

Rule = frozenset[Role] | None
"""Who may call; None: everybody, without a token."""

EVERYBODY: Final = None
ADMIN: Final = frozenset({Role.ADMINISTRATOR})
LEADERS: Final = ADMIN | {Role.MANAGER, Role.LEAD}
AGENTS: Final = LEADERS | {Role.AGENT}
WRITERS: Final = AGENTS | {Role.INTAKE}
READERS: Final = AGENTS | {Role.AUDITOR}
FOLLOWERS: Final = READERS | {Role.SUBSCRIBER}
TELLERS: Final = ADMIN | {Role.MANAGER, Role.SUBSCRIBER}
ANY: Final = frozenset(Role)

RULES: Final[Mapping[str, Rule]] = {
    # intake
    "POST /tickets": WRITERS,
    "POST /tickets/{}/messages": WRITERS,
    "POST /tickets/{}/replies": AGENTS,
    "POST /tickets/{}/notes": AGENTS,
    "POST /tickets/{}/status": AGENTS,
    "POST /tickets/{}/assignment": AGENTS,
    "POST /tickets/{}/priority": AGENTS,
    "POST /tickets/{}/category": AGENTS,
    "POST /tickets/{}/similar": AGENTS,
    "POST /tickets/{}/tags": AGENTS,
    "POST /tickets/{}/checkpoint": AGENTS,
    "POST /tickets/{}/steps": AGENTS,
    "POST /tickets/{}/finding": AGENTS,
    "POST /tickets/{}/resolution": AGENTS,
    "POST /tickets/{}/reopen": WRITERS,
    "POST /tickets/{}/close": AGENTS,
    "POST /tickets/{}/checkpoint/anew": AGENTS,
    "POST /tickets/{}/escalation": AGENTS,
    "POST /tickets/{}/merge": AGENTS,
    "POST /tickets/{}/unmerge": AGENTS,
    "POST /tickets/{}/split": AGENTS,
    "POST /tickets/{}/unsplit": AGENTS,
    "POST /tickets/{}/adopt": AGENTS,
    "POST /tickets/{}/waiver": LEADERS - {Role.LEAD},
    "POST /tickets/{}/pin": LEADERS - {Role.LEAD},
    "POST /tickets/{}/unpin": LEADERS - {Role.LEAD},
    "POST /tickets/{}/notices": LEADERS,
    "PUT /clients/{}": LEADERS - {Role.LEAD},
    "PUT /clients/{}/calendar": LEADERS - {Role.LEAD},
    "PUT /clients/{}/policy": LEADERS - {Role.LEAD},
    "PUT /clients/{}/routes": LEADERS - {Role.LEAD},
    "POST /clients/{}/calendar/corrections": LEADERS - {Role.LEAD},
    "POST /clients/{}/preview": LEADERS - {Role.LEAD},
    "DELETE /people/{}/data": LEADERS - {Role.LEAD},
    "POST /agents": ADMIN,
    "POST /sessions": EVERYBODY,
    "DELETE /sessions": ANY,
    "POST /clock": ADMIN,
    "POST /guest/tickets/{}/messages": EVERYBODY,
    "POST /incidents": LEADERS,
    "POST /incidents/{}/tickets": LEADERS,
    "POST /incidents/{}/updates": LEADERS,
    "POST /incidents/{}/confirm": LEADERS,
    "POST /incidents/{}/reject": LEADERS,
    "POST /incidents/{}/resolve": LEADERS,
    "POST /incidents/{}/reopen": LEADERS,
    "POST /incidents/{}/merge": LEADERS,
    "POST /incidents/{}/split": LEADERS,
    "POST /incidents/{}/publish": LEADERS,
    "POST /incidents/{}/withdraw": LEADERS,
    # notification
    "GET /webhooks": TELLERS | {Role.LEAD, Role.AUDITOR},
    "POST /webhooks": TELLERS,
    "GET /webhooks/{}": TELLERS | {Role.LEAD, Role.AUDITOR},
    "PATCH /webhooks/{}": TELLERS,
    "DELETE /webhooks/{}": TELLERS,
    "POST /webhooks/{}/pause": TELLERS,
    "POST /webhooks/{}/resume": TELLERS,
    "POST /webhooks/{}/replay": TELLERS,
    "POST /webhooks/{}/secret": TELLERS,
    "POST /webhooks/{}/test": TELLERS,
    "GET /webhooks/{}/dead-letters": TELLERS | {Role.LEAD, Role.AUDITOR},
    "POST /webhooks/{}/dead-letters/replay": TELLERS,
    "GET /subscribers/{}/dead-letters": LEADERS | {Role.AUDITOR},
    "POST /subscribers/{}/dead-letters/replay": ADMIN | {Role.MANAGER},
    # reporting
    "GET /tickets/{}": READERS | {Role.INTAKE},
    "GET /tickets/{}/events": FOLLOWERS,
    "GET /tickets/{}/clocks": READERS | {Role.INTAKE},
    "GET /tickets/{}/similar": READERS,
    "GET /questions": READERS,
    "GET /queue": READERS,
    "GET /dashboard": READERS,
    "GET /clients/{}/sla": READERS,
    "GET /sla": READERS,
    "GET /sla/cycles": READERS,
    "GET /sla/pauses": READERS,
    "GET /sla/stories": READERS,
    "GET /clients": READERS | {Role.INTAKE},
    "GET /clients/{}": READERS | {Role.INTAKE},
    "GET /clients/{}/terms": READERS,
    "GET /clients/{}/routes": READERS,
    "GET /guest/clients/{}/terms": EVERYBODY,
    "GET /agents": READERS,
    "GET /incidents": READERS,
    "GET /incidents/{}": READERS,
    "GET /status": EVERYBODY,
    "GET /stream": READERS,
    "GET /events": FOLLOWERS,
    "GET /subscribers": LEADERS | {Role.AUDITOR},
    "POST /whatif": LEADERS - {Role.LEAD},
    "GET /whatif": LEADERS - {Role.LEAD} | {Role.AUDITOR},
    "GET /whatif/{}": LEADERS - {Role.LEAD} | {Role.AUDITOR},
    "DELETE /whatif/{}": LEADERS - {Role.LEAD},
    "GET /mailbox": READERS,
    "GET /guest/tickets/{}": EVERYBODY,
    "GET /health": EVERYBODY,
    "GET /ready": EVERYBODY,
    "GET /metrics": EVERYBODY,
}


class NoRule(LookupError):
    """A route that nobody decided about. It is not served."""


def rule_of(method: str, path: str) -> Rule:
    """The rule of a route by its template, with or without /api/v1 before it. Raises NoRule with the remedy."""
    key = f"{method} {re.sub(r'{[^}]*}', '{}', path.removeprefix('/api/v1'))}"
    if key not in RULES:
        raise NoRule(f"no rule says who may call {key}: add a row to RULES in services/kit/access/roles.py")
    return RULES[key]
