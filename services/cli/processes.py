"""The name of a service enters, its process runs until it is told to stop. One image, many commands.

It imports nothing of the command line: a service starts fast and holds only what it needs.
"""

from __future__ import annotations

import gc
import signal
from importlib import import_module
from importlib.util import find_spec

from services.kit.settings import load

SERVICES: dict[str, str] = {
    "web": "services.web:main",
    "relay": "services.kit.log.relay:main",
    "triage": "services.triage.app:main",
    "notification": "services.notification.app:main",
    "reporting": "services.reporting.app:main",
    "door": "services.intake.mail.door:main",
}
"""Each process's entry, `main(settings)`. It calls `services.kit.ready.announce_ready()` once it serves."""


COLLECT_AFTER = 50_000
"""New objects until the collector looks for rings among the young. Its own 700 cost a consumer an eighth of its CPU: a
batch's events are many objects, and none of them is in a ring."""


def collect_rarely() -> None:
    """As every service runs; so does whatever measures one."""
    gc.collect()
    gc.freeze()  # what was imported stays: nobody need walk it again
    gc.set_threshold(COLLECT_AFTER, 10, 20)


def present() -> list[str]:
    """The services of this build."""
    return [name for name in SERVICES if _exists(module_of(name))]


def module_of(name: str) -> str:
    """Where a service's entry is."""
    return SERVICES[name].partition(":")[0]


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def serve(name: str) -> None:
    """Run one service in the foreground, against the servers named by the environment, until SIGINT or SIGTERM.

    asyncio turns SIGINT into a cancelled main task, so that a service closes what it opened; SIGTERM, which Kubernetes
    and our supervisor send, means the same. A shell has what it starts with `&` ignore SIGINT, which asyncio respects:
    such a service would be deaf to both.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    module, _, function = SERVICES[name].partition(":")
    try:
        main = getattr(import_module(module), function)
        collect_rarely()
        main(load())
    except KeyboardInterrupt:
        return
