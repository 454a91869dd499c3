"""A text that names an attachment enters, the small log file that goes with it leaves. Pure."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import datetime, timedelta

from contracts.ticket_commands import Upload
from services.demo.bank import Logs
from services.demo.wording import Voice, expand

LINES = (9, 24)  # of one file, before the failure
GAP_MILLISECONDS = (3, 4_000)  # between two lines


def attached(voice: Voice, logs: Logs, text: str, at: datetime) -> tuple[Upload, ...]:
    """A log file where the text says that one is attached."""
    if not re.search(voice.phrases.attached, text):
        return ()
    name = expand(voice.chance.choice(logs.names), voice.slots)
    content = b64encode(_log(voice, logs, at).encode()).decode()
    return (Upload(name=name, media_type="text/plain", content=content),)


def _log(voice: Voice, logs: Logs, at: datetime) -> str:
    chance = voice.chance
    wanted = [chance.choice(logs.lines) for _ in range(chance.randrange(*LINES))]
    moment = at.astimezone(voice.zone) - timedelta(minutes=chance.randrange(4, 40))
    lines = []
    for line in [*wanted, voice.pick(logs.failures)]:
        moment += timedelta(milliseconds=chance.randrange(*GAP_MILLISECONDS))
        lines.append(f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} {expand(line, voice.slots)}")
    return "\n".join(lines) + "\n"
