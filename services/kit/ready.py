"""A started service enters, one line to its supervisor leaves.

The supervisor hands each process the writing end of a pipe as DAYBOOK_READY_FD and waits for a line in it. Without a
supervisor nothing is said.
"""

from __future__ import annotations

import os


def announce_ready() -> None:
    """Say that this process serves: its port is bound, or its consumers are subscribed. Call it once."""
    descriptor = os.environ.pop("DAYBOOK_READY_FD", None)
    if descriptor is None:
        return
    with os.fdopen(int(descriptor), "w") as pipe:
        pipe.write("ready\n")
