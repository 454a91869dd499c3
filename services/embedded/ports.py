"""A wanted port enters, a port that can be bound leaves, or one sentence with the remedy."""

from __future__ import annotations

import socket

from services.embedded.process import CannotStart


def claim(port: int, variable: str, host: str = "127.0.0.1") -> int:
    """The port itself if it is free, a free one for 0. Raises CannotStart when another program has it.

    Nothing is held: between this answer and the server's own bind another program may take the port; the server then
    says so itself.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free to a server
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            raise CannotStart(
                f"Port {port} on {host} cannot be used ({error.strerror}): stop the program that has it, or choose "
                f"another with {variable}=<port> ({variable}=0 takes a free one)"
            ) from error
        return int(probe.getsockname()[1])
