"""The supervisor with small real programs in place of servers and services."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.embedded.home import end_orphans, forget_running, locked, remember_children, write_running
from services.embedded.ports import claim
from services.embedded.process import CannotStart, Child, Program
from services.embedded.supervisor import Supervisor

SERVES = "import os,time; os.write(int(os.environ['DAYBOOK_READY_FD']), b'ready\\n'); print('serving', flush=True); "


def a_program(name: str, code: str = "time.sleep(60)", **more: object) -> Program:
    return Program(name, (sys.executable, "-c", SERVES + code), **more)  # type: ignore[arg-type]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(condition: object, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.02)


class Told:
    """What the supervisor said, and how it was when its processes last changed."""

    def __init__(self, home: Path) -> None:
        self.lines: list[str] = []
        self.changes = 0
        self.supervisor = Supervisor(home, self.lines.append, self._change)

    def _change(self) -> None:
        self.changes += 1


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    told = Told(tmp_path)
    yield told
    await told.supervisor.stop()


async def test_each_program_that_becomes_ready_gets_one_line(told: Told) -> None:
    await told.supervisor.start([a_program("one"), a_program("two")])
    assert sorted(line.split()[0] for line in told.lines) == ["one", "two"]


async def test_a_killed_child_is_started_again(told: Told) -> None:
    await told.supervisor.start([a_program("one")])
    first = told.supervisor.pids["one"]
    os.kill(first, signal.SIGKILL)
    await until(lambda: any("ready again" in line for line in told.lines))
    assert told.supervisor.pids["one"] != first
    assert "SIGKILL" in told.lines[1]
    assert told.changes >= 2


async def test_a_child_that_keeps_dying_is_started_ever_more_slowly(told: Told) -> None:
    await told.supervisor.start([a_program("one", "time.sleep(0.05)")])
    await until(lambda: sum("starts again" in line for line in told.lines) >= 3)
    assert [line for line in told.lines if "in 0.1 s" in line or "in 0.2 s" in line or "in 0.4 s" in line]


async def test_stopping_ends_the_last_group_first(told: Told, tmp_path: Path) -> None:
    order = tmp_path / "order"
    farewell = (
        f"import signal,sys; note = lambda *_: (open({str(order)!r},'a').write(NAME), sys.exit()); "
        "signal.signal(15, note); time.sleep(60)"
    )
    await told.supervisor.start([a_program("server", f"NAME='server '; {farewell}")])
    await told.supervisor.start([a_program("service", f"NAME='service '; {farewell}")])
    await asyncio.sleep(0.2)
    await told.supervisor.stop()
    assert order.read_text() == "service server "


async def test_a_child_that_will_not_stop_is_killed(told: Told) -> None:
    deaf = a_program(
        "deaf",
        "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
        stop_seconds=0.3,
    )
    await told.supervisor.start([deaf])
    pid = told.supervisor.pids["deaf"]
    await asyncio.sleep(0.2)
    await told.supervisor.stop()
    assert not is_alive(pid)


async def test_a_program_that_ends_at_once_says_why_in_one_sentence(told: Told) -> None:
    with pytest.raises(CannotStart, match=r"one ended with code 3 .*no such file of settings.*one\.log"):
        await told.supervisor.start(
            [Program("one", (sys.executable, "-c", "import sys; print('no such file of settings'); sys.exit(3)"))]
        )


async def test_a_program_that_stays_silent_is_not_taken_for_ready(tmp_path: Path) -> None:
    child = Child(Program("one", (sys.executable, "-c", "import time; time.sleep(60)")), tmp_path)
    child.spawn()
    with pytest.raises(CannotStart, match="one was not ready within 0 s"):
        await child.wait_ready(seconds=0.3)
    await child.stop()


def test_a_child_dies_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        (
            sys.executable,
            "-c",
            textwrap.dedent(f"""
            import sys, time
            from pathlib import Path
            from services.embedded.process import Child, Program
            program = Program("one", (sys.executable, "-c", "import time; time.sleep(60)"))
            child = Child(program, Path({str(tmp_path)!r}))
            child.spawn()
            print(child.pid, flush=True)
            time.sleep(60)
        """),
        ),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    asyncio.run(until(lambda: not is_alive(pid)))


async def test_what_a_killed_supervisor_left_over_is_ended_by_the_next(tmp_path: Path) -> None:
    child = Child(a_program("one"), tmp_path)
    child.spawn()
    remember_children(tmp_path, [child])
    assert await asyncio.to_thread(end_orphans, tmp_path) == ["one"]
    assert await child.wait() == -signal.SIGTERM


def test_a_process_that_only_has_the_pid_of_one_of_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "children.json").write_text(f'[{{"name": "one", "pid": {os.getpid()}, "born": "1", "stop": 15}}]')
    assert end_orphans(tmp_path) == []


def test_a_second_desk_in_the_same_home_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(CannotStart, match=rf"already runs in {tmp_path} .*process {os.getpid()}.*DAYBOOK_HOME"),
        locked(tmp_path),
    ):
        pass


def test_a_home_is_free_again_once_its_desk_has_ended(tmp_path: Path) -> None:
    with locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_run_json_is_for_its_owner_only_and_goes_when_told(tmp_path: Path) -> None:
    write_running(tmp_path, {"address": "a", "smtp": "b", "nats": "c", "database": "d", "pids": {}})
    assert (tmp_path / "run.json").stat().st_mode & 0o777 == 0o600
    forget_running(tmp_path)
    assert not (tmp_path / "run.json").exists()


def test_a_port_that_is_taken_is_named_with_the_remedy() -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"Port {port} .*DAYBOOK_PORT=0"):
            claim(port, "DAYBOOK_PORT")


def test_port_0_takes_a_free_one() -> None:
    assert claim(0, "DAYBOOK_PORT") > 1023
