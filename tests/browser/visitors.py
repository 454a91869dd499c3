"""Those who use the desk's public API in the browser's tests: they submit, write and answer while Chromium looks on."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import httpx

ARTEFACTS = Path(__file__).parent / "artefacts"
AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"

SUBJECTS = (
    ("The VPN drops every ten minutes since the update", "critical"),
    ("Cannot print to the copier on the second floor", "low"),
    ("Invoice 20418 shows the wrong VAT rate", "normal"),
    ("Mails to our supplier come back with 550 5.7.1", "high"),
    ("A new colleague needs an account by Monday", "normal"),
    ("The shared calendar lost all of last week", "high"),
)


class Visitors:
    """Two clients, two agents, a handful of tickets. `references` are theirs, in the order of SUBJECTS."""

    EMAIL: ClassVar = "aisha@northdesk.example"
    PASSWORD: ClassVar = "a-long-enough-password"

    def __init__(self, http: httpx.Client, email: str, password: str) -> None:
        self._http = http
        self._numbers = count(1)
        self._administrator = self._token(email, password)
        self._aisha = ""
        self.references: list[str] = []
        self.links: dict[str, str] = {}

    def populate(self) -> None:
        for slug, name, prefix in (("acme", "Acme Works", "ACME"), ("st-alban", "St Alban Hospital", "SAH")):
            self._send("PUT", f"/clients/{slug}", {"name": name, "prefix": prefix}, self._administrator)
        for email, name in ((self.EMAIL, "Aisha Rahmani"), ("tomas@northdesk.example", "Tomas Hrubý")):
            agent = {"email": email, "name": name, "role": "agent", "password": self.PASSWORD}
            self._send("POST", "/agents", agent, self._administrator)
        self._aisha = self._token(self.EMAIL, self.PASSWORD)
        self.references = [self.submit(subject, urgency=urgency) for subject, urgency in SUBJECTS]
        first = self.references[0]
        self.act(first, "notes", body="The certificate of the second gateway ran out last night.")
        self.act(first, "replies", body="We found that a certificate expired. Until it is renewed, choose gateway 1.")
        self.write(first, "Gateway 1 works for me, thank you. Two colleagues still cannot connect.")

    def submit(self, subject: str, *, urgency: str = "normal", client: str = "acme", name: str = "Ana Ruiz") -> str:
        """A new ticket of Ana's, or of somebody else's; its reference."""
        ticket = {
            "client": client,
            "requester": {"email": f"{name.partition(' ')[0].lower()}@acme.example", "name": name},
            "subject": subject,
            "body": f"{subject}.\n\nSince this morning, for all of us. <b>Please</b> look at it.",
            "urgency": urgency,
            "channel": "web",
        }
        answer = self._send("POST", "/tickets", ticket, self._administrator)
        self.links[answer["reference"]] = answer["track_url"]
        return str(answer["reference"])

    def write(self, reference: str, body: str) -> None:
        """A message of the requester's."""
        self._send("POST", f"/tickets/{reference}/messages", {"body": body, "channel": "mail"}, self._administrator)

    def act(self, reference: str, command: str, **fields: Any) -> None:
        """Something that Aisha does by the API."""
        self._send("POST", f"/tickets/{reference}/{command}", fields, self._aisha)

    def configure(self, path: str, body: dict[str, Any]) -> None:
        """Something of the desk's set-up, by the administrator."""
        self._send("PUT", path, body, self._administrator)

    def read(self, path: str) -> Any:
        """What the API answers the administrator."""
        answer = self._http.get(path, headers={"Authorization": f"Bearer {self._administrator}"})
        answer.raise_for_status()
        return answer.json()

    def fresh(self, subject: str) -> str:
        """A ticket that no other test touches."""
        return self.submit(f"{subject} ({next(self._numbers)})")

    def _token(self, email: str, password: str) -> str:
        answer = self._http.post("/sessions", json={"email": email, "password": password})
        answer.raise_for_status()
        return str(answer.json()["token"])

    def _send(self, method: str, path: str, body: dict[str, Any], token: str) -> Any:
        answer = self._http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()
