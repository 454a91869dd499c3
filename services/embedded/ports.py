"""A wanted port enters, a port that can be bound leaves, or one sentence with the remedy."""

from __future__ import annotations

import secrets
import socket

from services.embedded.process import CannotStart

FREE_PORTS = range(15_000, 32_000)  # below those of outgoing connections: one could come between two binds
TRIES = 50


def claim(port: int, variable: str, host: str = "127.0.0.1") -> int:
    """The port itself if it is free, a free one for 0. Raises CannotStart when another program has it.

    Nothing is held: between this answer and the server's own bind another program may take the port; the server then
    says so itself.
    """
    for candidate in [secrets.choice(FREE_PORTS) for _ in range(TRIES)] if port == 0 else []:
        try:
            return _bound(candidate, host)
        except OSError:
            continue
    try:
        return _bound(port, host)
    except OSError as error:
        raise CannotStart(
            f"Port {port} on {host} cannot be used ({error.strerror}): stop the program that has it, or choose "
            f"another with {variable}=<port> ({variable}=0 takes a free one)"
        ) from error


def _bound(port: int, host: str) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free to a server
        probe.bind((host, port))
        probe.listen(1)
        return int(probe.getsockname()[1])
