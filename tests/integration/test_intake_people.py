"""The desk's people register, log in and out; programs' tokens and clients come from the command line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from contracts.people import Role
from services.intake.agents import HASHES_WAITING_MAX, Passwords
from services.intake.throttle import FAILURES_MAX, WAIT_SECONDS, Throttle
from services.kit.access.tokens import NewToken, make_token
from services.kit.log.append import Backwards
from services.kit.settings import Settings
from services.kit.web.handlers import problem_for
from services.kit.web.problem import Problem
from tests.integration.intake_desk import IntakeDesk, open_desk

EVE = {"email": "eve@desk.example", "name": "Eve Agent", "role": "lead", "level": "L2", "password": "correct horse"}


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[IntakeDesk]:
    async with open_desk(database) as opened:
        yield opened


async def log_in(desk: IntakeDesk, email: str, password: str) -> Any:
    return await desk.http.post("/api/v1/sessions", json={"email": email, "password": password})


async def test_an_agent_logs_in_works_and_logs_out(desk: IntakeDesk) -> None:
    registered = await desk.post("/agents", EVE)
    assert registered.status_code == 201
    session = (await log_in(desk, "EVE@desk.example", "correct horse")).json()
    assert session["agent"] == {"id": registered.json()["id"], "name": "Eve Agent", "role": "lead", "level": "L2"}
    answer = await desk.submit()
    note = await desk.post(f"/tickets/{answer['id']}/notes", {"body": "mine"}, token=session["token"])
    assert note.status_code == 200
    assert (await desk.events(answer["id"]))[-1].actor == f"agent:{session['agent']['id']}"
    assert (await desk.send("DELETE", "/sessions", token=session["token"])).status_code == 204
    refused = await desk.post(f"/tickets/{answer['id']}/notes", {"body": "mine"}, token=session["token"])
    assert refused.status_code == 401


async def test_an_agents_name_and_password_stand_nowhere_in_the_open(desk: IntakeDesk) -> None:
    agent = (await desk.post("/agents", EVE | {"email": "una@desk.example", "name": "Una Known"})).json()["id"]
    payloads = [event["payload"] for event in await desk.pool.fetch("SELECT payload FROM log.events")]
    assert not [payload for payload in payloads if b"Una" in payload or b"una@" in payload]
    kept = await desk.pool.fetchval("SELECT password FROM intake.logins WHERE agent = $1", UUID(agent))
    assert kept.startswith("$argon2id$")


async def test_the_same_agent_twice_is_one_and_a_change_ends_their_sessions(desk: IntakeDesk) -> None:
    ida = EVE | {"email": "ida@desk.example", "name": "Ida"}
    first = await desk.post("/agents", ida)
    again = await desk.post("/agents", ida)
    assert (again.status_code, again.json()) == (200, first.json())
    token = (await log_in(desk, ida["email"], ida["password"])).json()["token"]
    changed = await desk.post("/agents", ida | {"role": "agent"})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert [event.type for event in await desk.events(first.json()["id"])] == ["agent.registered", "agent.changed"]
    assert (await desk.send("DELETE", "/sessions", token=token)).status_code == 401


async def test_a_new_password_ends_the_sessions_of_the_old_one(desk: IntakeDesk) -> None:
    pia = EVE | {"email": "pia@desk.example"}
    await desk.post("/agents", pia)
    token = (await log_in(desk, pia["email"], pia["password"])).json()["token"]
    assert (await desk.post("/agents", pia | {"password": "a newer horse"})).status_code == 200
    assert (await desk.send("DELETE", "/sessions", token=token)).status_code == 401


def test_an_event_before_its_streams_last_one_is_a_problem_with_a_name() -> None:
    assert problem_for(Backwards("before")).code == "clock_backwards"


async def test_an_agent_of_some_clients_sees_those(desk: IntakeDesk) -> None:
    await desk.post("/agents", EVE | {"email": "bo@desk.example", "clients": ["bolt"], "role": "agent"})
    token = (await log_in(desk, "bo@desk.example", EVE["password"])).json()["token"]
    acme, bolt = await desk.submit("acme"), await desk.submit("bolt")
    assert (await desk.post(f"/tickets/{bolt['id']}/notes", {"body": "x"}, token=token)).status_code == 200
    assert (await desk.post(f"/tickets/{acme['id']}/notes", {"body": "x"}, token=token)).status_code == 404


async def test_whoever_logs_in_sweeps_away_sessions_that_have_ended(desk: IntakeDesk) -> None:
    await desk.post("/agents", EVE)
    kept = await desk.token(Role.AGENT)
    ended = datetime.now(UTC) - timedelta(seconds=1)
    for _ in range(3):
        one = NewToken(id=uuid7(), name="session", role=Role.AGENT, session=True, expires_at=ended)
        await make_token(desk.pool, one)
    token = (await log_in(desk, EVE["email"], EVE["password"])).json()["token"]
    living = await desk.pool.fetch("SELECT expires_at FROM access.tokens WHERE session")
    assert min(row["expires_at"] for row in living) > ended
    assert (await desk.send("DELETE", "/sessions", token=token)).status_code == 204
    assert (await desk.send("DELETE", "/sessions", token=kept)).status_code == 403


async def test_a_wrong_password_and_a_wrong_address_look_the_same(desk: IntakeDesk) -> None:
    await desk.post("/agents", EVE)
    wrong, nobody = await log_in(desk, EVE["email"], "wrong"), await log_in(desk, "nobody@desk.example", "wrong")
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.json() == nobody.json()
    assert wrong.json()["code"] == "wrong_login"


async def test_who_guesses_on_waits(desk: IntakeDesk) -> None:
    await desk.post("/agents", EVE | {"email": "guessed@desk.example"})
    for _ in range(FAILURES_MAX):
        assert (await log_in(desk, "guessed@desk.example", "wrong")).status_code == 401
    throttled = await log_in(desk, "guessed@desk.example", EVE["password"])
    assert (throttled.status_code, throttled.json()["code"]) == (429, "throttled")
    assert int(throttled.headers["retry-after"]) > 0


async def test_who_guesses_many_at_once_waits_too(desk: IntakeDesk) -> None:
    """Each guess is counted before its hash is made."""
    await desk.post("/agents", EVE | {"email": "rushed@desk.example"})
    guesses = [log_in(desk, "rushed@desk.example", f"wrong {n}") for n in range(2 * FAILURES_MAX)]
    codes = [answer.status_code for answer in await asyncio.gather(*guesses)]
    assert sorted(codes) == [401] * FAILURES_MAX + [429] * FAILURES_MAX
    assert (await log_in(desk, "rushed@desk.example", EVE["password"])).status_code == 429


async def test_a_fault_of_ours_is_no_failed_login_and_a_success_clears_the_count() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    for _ in range(2 * FAILURES_MAX):
        with pytest.raises(OSError, match="away"), throttle.attempt(b"eve"):
            raise OSError("away")
    for _ in range(2):
        for _ in range(FAILURES_MAX - 1):
            with pytest.raises(Problem), throttle.attempt(b"eve"):
                raise Problem("wrong_login", "no")
        with throttle.attempt(b"eve"):
            pass
    for _ in range(FAILURES_MAX):
        with pytest.raises(Problem, match="wrong_login"), throttle.attempt(b"eve"):
            raise Problem("wrong_login", "no")
    with pytest.raises(Problem, match="throttled"), throttle.attempt(b"eve"):
        raise AssertionError("it does not get as far")
    now = WAIT_SECONDS + 1
    with throttle.attempt(b"eve"):
        pass


async def test_a_crowd_at_the_door_is_told_to_come_again() -> None:
    passwords = Passwords()
    waiting = [asyncio.create_task(passwords.hash("secret")) for _ in range(HASHES_WAITING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(Problem, match="busy"):
        await passwords.hash("one too many")
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_programs_token_does_not_log_out(desk: IntakeDesk) -> None:
    assert (await desk.send("DELETE", "/sessions")).status_code == 403


async def test_the_clock_belongs_to_the_machine(desk: IntakeDesk) -> None:
    response = await desk.post("/clock", {"now": "2030-01-01T00:00:00Z"})
    assert (response.status_code, response.json()["code"]) == (409, "no_log_clock")


async def test_where_time_is_what_the_log_says_it_goes_forward_only(database: Settings) -> None:
    settings = Settings.model_validate({**database.model_dump(), "clock": "log"})
    async with open_desk(settings) as desk:
        assert (await desk.post("/clock", {"now": "2031-01-01T08:00:00Z"})).status_code == 200
        answer = await desk.submit(requester={"email": "time@acme.example"})
        assert {event.occurred_at.isoformat() for event in await desk.events(answer["id"])} == {
            "2031-01-01T08:00:00+00:00"
        }
        back = await desk.post("/clock", {"now": "2030-12-31T08:00:00Z"})
        assert (back.status_code, back.json()["code"]) == (422, "clock_backwards")
    async with open_desk(settings) as again:
        answer = await again.submit(requester={"email": "time@acme.example"})
        assert (await again.events(answer["id"]))[0].occurred_at.year == 2031


async def daybook(settings: Settings, *arguments: str) -> tuple[int, str]:
    """Runs the command line on this module's database; its exit code and what it printed."""
    url = settings.admin_dsn()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "DAYBOOK_HOME": str(settings.home), "DAYBOOK_DATABASE_URL": url},
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_a_token_is_made_listed_and_revoked_by_command(desk: IntakeDesk, database: Settings) -> None:
    code, out = await daybook(
        database, "token", "create", "--role", "intake", "--client", "acme", "--name", "form", "--json"
    )
    made = json.loads(out)
    assert code == 0
    assert (await desk.submit(token=made["token"]))["reference"].startswith("ACME-")
    code, out = await daybook(database, "token", "list", "--json")
    (row,) = [row for row in json.loads(out) if row["id"] == made["id"]]
    assert (row["role"], row["clients"], row["name"]) == (Role.INTAKE, ["acme"], "form")
    assert made["token"] not in out
    assert (await daybook(database, "token", "revoke", made["id"]))[0] == 0
    code, out = await daybook(database, "token", "revoke", made["id"])
    assert code == 1
    assert "no living token" in out


async def test_clients_are_applied_again_without_doubling(desk: IntakeDesk, database: Settings, tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(
        "clients:\n"
        "- {id: corp, name: Corp, prefix: CORP, zone: Europe/Zurich, tier: premium, languages: [en, de]}\n"
        "- {id: thief, name: Thief, prefix: ACME}\n"
        "- {id: lost, name: Lost, prefix: LOST, zone: Europe/Atlantis}\n"
        "- {id: odd, name: Odd, prefix: odd}\n"
        "- {name: Nobody, prefix: NOBODY}\n"
    )
    code, out = await daybook(database, "clients", "apply", str(file), "--json")
    lines = {line["client"]: line for line in json.loads(out)}
    assert code == 1
    assert lines["corp"]["outcome"] == "registered"
    assert "belongs to another client" in lines["thief"]["reason"]
    assert "IANA" in lines["lost"]["reason"]
    assert "prefix" in lines["odd"]["reason"]
    assert "id" in lines["entry 5"]["reason"]
    file.write_text(file.read_text().splitlines()[1].removeprefix("- ").join(["- ", "\n"]))
    assert await daybook(database, "clients", "apply", str(file)) == (0, f"{'corp':<40} unchanged\n")
    file.write_text(file.read_text().replace("premium", "basic"))
    assert await daybook(database, "clients", "apply", str(file)) == (0, f"{'corp':<40} changed\n")


async def test_a_prefix_that_tickets_bear_is_for_ever(desk: IntakeDesk) -> None:
    young = {"name": "Young", "prefix": "YOUNG"}
    await desk.send("PUT", "/clients/young", young)
    assert (await desk.send("PUT", "/clients/young", young | {"prefix": "YNG"})).status_code == 200
    await desk.submit("young")
    refused = await desk.send("PUT", "/clients/young", young)
    assert (refused.status_code, refused.json()["code"]) == (409, "prefix_in_use")


async def test_a_client_is_put_twice_and_registered_once(desk: IntakeDesk) -> None:
    body = {"name": "Twin", "prefix": "TWIN"}
    answers = await asyncio.gather(*(desk.send("PUT", "/clients/twin", body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert {answer.json()["version"] for answer in answers} == {1}
