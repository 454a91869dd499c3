"""A supervisor's requests enter; services that were imported once leave, each as a process of its own.

Importing a service takes one to two seconds of CPU, running on from a fork a few milliseconds: so a desk's six services
start in the time of one, and one that was killed is back at once. The process is single-threaded, imports every
service, says `ready`, and from then on answers one message with one fork. It ends with its supervisor, and what it
forked ends with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from services.cli import processes
from services.embedded.process import die_with_parent

MESSAGE_BYTES_MAX = 200_000
PR_SET_NAME = 15  # linux/prctl.h
NAME_BYTES_MAX = 15


@dataclass(frozen=True)
class Order:
    """One service to start: its environment, and the descriptors of its log and of the pipe that says it is ready."""

    service: str
    environment: dict[str, str]
    log: int
    ready: int


def main(descriptor: int, services: Sequence[str]) -> None:
    """Answer the supervisor on this socket until it closes; returns in a service's process once that has ended."""
    channel = socket.socket(fileno=descriptor)
    for name in services:
        import_module(processes.module_of(name))
    processes.collect_rarely()  # pages that the collector does not write to stay shared
    channel.send(b'{"ready": true}')
    order = _take_orders(channel)
    if order is not None:
        _become(order)
        processes.serve(order.service)


def _take_orders(channel: socket.socket) -> Order | None:
    """The order in the process that was forked for it; None in the parent, when the supervisor has gone."""
    waking, wake = os.pipe()
    os.set_blocking(waking, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, so that the pipe above is written to
    die_with_us = die_with_parent(signal.SIGTERM, os.getpid())
    watched: list[socket.socket | int] = [channel, waking]
    while True:
        readable, _, _ = select.select(watched, [], [])
        if waking in readable:
            os.read(waking, 4096)
            _tell_ends(channel)
        if channel not in readable:
            continue
        message, descriptors, _, _ = socket.recv_fds(channel, MESSAGE_BYTES_MAX, 2)
        if not message:
            return None
        order = Order(**json.loads(message), log=descriptors[0], ready=descriptors[1])
        pid = os.fork()
        if pid == 0:
            if die_with_us is not None:
                die_with_us()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (waking, wake):
                os.close(each)
            channel.close()
            return order
        for each in descriptors:
            os.close(each)
        channel.send(json.dumps({"forked": pid}).encode())


def _tell_ends(channel: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        channel.send(json.dumps({"ended": pid, "code": os.waitstatus_to_exitcode(status)}).encode())


def _become(order: Order) -> None:
    """What exec would have done: a session, a log, an environment and a name of its own."""
    os.setsid()
    os.dup2(order.log, 1)
    os.dup2(order.log, 2)
    os.close(order.log)
    os.environ.clear()
    os.environ.update(order.environment)
    os.environ["DAYBOOK_READY_FD"] = str(order.ready)
    sys.argv = [sys.argv[0], "serve", order.service]
    _rename(f"daybook {order.service}")


def _rename(name: str) -> None:
    arguments: tuple[Any, ...] = (name.encode()[:NAME_BYTES_MAX], 0, 0, 0)
    ctypes.CDLL(None).prctl(PR_SET_NAME, *arguments)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
