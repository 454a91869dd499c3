"""Where a ticket goes: never to who may not or can not, to who has least to do, and it says why."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from contracts.people import Level
from services.kit.rules.routing import LEVELS, Matter, Route, Routed, Worker, route, sentence

TEAMS = ("first", "network", "billing")
WORDS = st.frozensets(st.sampled_from(["en", "de", "it"]), max_size=2)
SKILLS = st.frozensets(st.sampled_from(["vpn", "sap"]), max_size=2)
MATTERS = st.builds(
    Matter,
    client=st.sampled_from(["acme", "bolt"]),
    category=st.none() | st.sampled_from(["network", "billing"]),
    level=st.sampled_from(Level),
    language=st.none() | st.sampled_from(["en", "de"]),
    skills=SKILLS,
)
ROUTES = st.lists(
    st.builds(
        Route,
        team=st.sampled_from(TEAMS),
        client=st.none() | st.just("bolt"),
        to_team=st.booleans(),
        category=st.none() | st.sampled_from(["network", "billing"]),
        level=st.none() | st.sampled_from(Level),
        language=st.none() | st.just("de"),
        skills=SKILLS,
    ),
    max_size=4,
)
WORKERS = st.lists(
    st.builds(
        Worker,
        id=st.integers(1, 10**6).map(lambda number: UUID(int=number)),
        level=st.sampled_from(Level),
        teams=st.frozensets(st.sampled_from(TEAMS), max_size=3),
        clients=st.frozensets(st.sampled_from(["acme", "bolt"]), max_size=1),
        languages=WORDS,
        skills=SKILLS,
        load=st.integers(0, 6),
        capacity=st.integers(1, 5),
        present=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)
ANN = Worker(UUID(int=1), Level.L1, frozenset({"first"}), languages=frozenset({"en"}), load=3)
BEN = replace(ANN, id=UUID(int=2), load=1)


@given(MATTERS, ROUTES, WORKERS)
def test_nobody_gets_what_they_may_not_see_or_can_not_do(
    matter: Matter, routes: list[Route], workers: list[Worker]
) -> None:
    found = route(matter, routes, workers)
    assert found.why
    if found.team is None:
        assert not any(one.fits(matter) for one in routes)
    if found.agent is None:
        return
    chosen = next(one for one in workers if one.id == found.agent)
    assert found.team in chosen.teams
    assert chosen.present
    assert chosen.load < chosen.capacity
    assert not chosen.clients or matter.client in chosen.clients
    assert LEVELS.index(chosen.level) >= LEVELS.index(matter.level)
    assert matter.skills <= chosen.skills


@given(MATTERS, ROUTES, WORKERS, st.randoms())
def test_the_order_in_which_people_are_told_changes_nothing(
    matter: Matter, routes: list[Route], workers: list[Worker], chance: object
) -> None:
    shuffled = sorted(workers, key=lambda one: hash((one.id, id(chance))))
    assert route(matter, routes, shuffled) == route(matter, routes, workers)


@given(MATTERS, ROUTES, WORKERS)
def test_more_work_never_makes_somebody_preferred(matter: Matter, routes: list[Route], workers: list[Worker]) -> None:
    found = route(matter, routes, workers)
    for one in workers:
        if one.id != found.agent:
            busier = [replace(other, load=other.load + 1) if other == one else other for other in workers]
            assert route(matter, routes, busier).agent == found.agent


@given(MATTERS, ROUTES, WORKERS)
def test_a_stranger_to_the_team_changes_nothing(matter: Matter, routes: list[Route], workers: list[Worker]) -> None:
    stranger = Worker(UUID(int=10**7), Level.L3, frozenset({"elsewhere"}), skills=frozenset({"vpn", "sap"}))
    assert route(matter, routes, [*workers, stranger]) == route(matter, routes, workers)


def test_the_route_that_names_most_wins_and_the_least_loaded_takes_it() -> None:
    routes = [Route("first"), Route("network", category="network"), Route("first", category="billing")]
    assert route(Matter("acme", "network"), routes, [ANN, BEN]) == Routed(
        "network", None, ("to team network: category network", "nobody of the team is there")
    )
    found = route(Matter("acme", "billing", language="en"), routes, [ANN, BEN])
    assert (found.team, found.agent) == ("first", BEN.id)
    assert found.why == ("to team first: category billing", "speaks English, fewest open tickets (1)")
    assert sentence(found) == "To team first: category billing, speaks English, fewest open tickets (1)"


def test_a_language_comes_before_load_and_no_language_before_nobody() -> None:
    german = replace(ANN, id=UUID(int=3), languages=frozenset({"de"}), load=9)
    assert route(Matter("acme", language="de"), [Route("first")], [ANN, BEN, german]).agent == german.id
    found = route(Matter("acme", language="it"), [Route("first")], [ANN, BEN, german])
    assert found.agent == BEN.id
    assert "nobody who fits speaks Italian" in found.why[-1]


def test_a_specialist_is_kept_for_what_only_they_can_do() -> None:
    expert = replace(ANN, id=UUID(int=4), level=Level.L3, load=0)
    assert route(Matter("acme"), [Route("first")], [ANN, expert]).agent == ANN.id
    assert route(Matter("acme", level=Level.L2), [Route("first")], [ANN, expert]).agent == expert.id


def test_where_nobody_fits_the_ticket_waits_for_its_team_and_it_is_said_for_what() -> None:
    full = replace(ANN, load=20)
    assert route(Matter("acme"), [Route("first")], [full]).why[-1] == "everybody who fits has enough to do"
    blind = replace(ANN, clients=frozenset({"bolt"}))
    assert route(Matter("acme"), [Route("first")], [blind]).why[-1] == "nobody there may see acme"
    assert route(Matter("acme"), [], [ANN]) == Routed(None, None, ("no route fits",))
