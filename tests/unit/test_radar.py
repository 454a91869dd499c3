"""The radar: what distinct clients report at a rate that their history does not explain, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from random import Random
from statistics import median

import pytest

from services.triage.radar.clusters import Change, Cluster
from services.triage.radar.keys import KEYS_MAX, entities, handle_of, keys_of
from services.triage.radar.memory import Memory
from services.triage.radar.radar import Radar, Report
from services.triage.radar.wording import sentence, strongest_first
from tests.radar.desk import START, Desk, Plan
from tests.radar.score import Score as Judged
from tests.radar.score import judge, play
from tests.radar.texts import Made

HOUR = 3600.0


def desk(seed: int, days: int = 3, warm: float = 1.5) -> Desk:
    return Desk(Plan(seed, days=days, per_day=700, warm=warm, incidents=4, decoys=False), Made(seed))


def usual(tickets: int = 1_500, seed: int = 1) -> list[Report]:
    """Two days of everyday tickets of 60 clients."""
    chance, texts = Random(seed), Made(1)
    gap = 2 * 86_400 / tickets
    return [
        Report(
            START + number * gap,
            f"client-{chance.randrange(60)}",
            f"T{number}",
            *texts.ticket(chance.randrange(80), chance),
        )
        for number in range(tickets)
    ]


def fed(reports: Iterable[Report]) -> tuple[list[Change], list[Cluster], Radar]:
    closed: list[Cluster] = []
    radar, changes = Radar(closed.append), []
    for report in reports:
        changes += radar.feed(report)
    radar.finish()
    return changes, [cluster for cluster in closed if cluster.declared_at is not None], radar


def then(reports: list[Report], *more: Report) -> list[Report]:
    """More tickets, a minute apart, after the last."""
    last = reports[-1].at
    return reports + [report._replace(at=last + 60 * (place + 1)) for place, report in enumerate(more)]


def told(
    client: str, ticket: str, body: str = "the gateway answers with error 1252", subject: str = "no mail"
) -> Report:
    return Report(0.0, client, ticket, subject, body)


@pytest.fixture(scope="module")
def everyday() -> list[Report]:
    return usual()


def test_four_clients_that_name_one_new_error_are_an_incident(everyday: list[Report]) -> None:
    changes, declared, radar = fed(then(everyday, *(told(f"client-{n}", f"I{n}") for n in range(4))))
    [cluster] = declared
    assert list(cluster.tickets)[:4] == ["I0", "I1", "I2", "I3"]
    assert set(cluster.clients) == {"client-0", "client-1", "client-2", "client-3"}
    assert cluster.first_at == everyday[-1].at + 60
    assert cluster.declared_at is not None
    assert cluster.declared_at - everyday[-1].at <= 240
    [name] = [sign for sign in strongest_first(cluster) if sign.key == "e:error 1252"]
    assert sentence(name, len(radar.clients)).startswith(
        "4 of 60 clients reported name “error 1252” in the last 19 tickets"
    )
    assert Change("declared", cluster.id, "I3") in changes or Change("declared", cluster.id, "I2") in changes


def test_two_matters_with_names_of_their_own_are_two_clusters_though_their_words_are_the_same(
    everyday: list[Report],
) -> None:
    def reports(name: str, first: int) -> list[Report]:
        text = "the wobbly turbine quakes and {}"
        return [
            told(f"client-{n}", f"{name}{n}", text.format(f"says {name}-4471" if n % 3 else "hums"), "turbine wobbly")
            for n in range(first, first + 12)
        ]

    _, declared, _ = fed(then(everyday, *reports("KX", 0), *reports("ZY", 12)))
    owners = [{ticket[:2] for ticket in one.tickets if f"e:{ticket[:2].lower()}-4471" in one.signs} for one in declared]
    assert sorted(map(sorted, owners)) == [["KX"], ["ZY"]]


def test_everyday_tickets_are_no_incident(everyday: list[Report]) -> None:
    assert fed(everyday)[1] == []


def test_a_client_that_says_it_forty_times_is_one_client(everyday: list[Report]) -> None:
    assert fed(then(everyday, *(told("client-7", f"N{n}") for n in range(40))))[1] == []


def test_sock_puppets_of_one_client_are_one_client(everyday: list[Report]) -> None:
    """Requesters do not count, and no name in the text makes them clients."""
    puppets = (told("client-7", f"N{n}", f"I am user{n} of firm{n}: error 1252") for n in range(40))
    assert fed(then(everyday, *puppets))[1] == []


def test_a_flood_of_one_client_hides_no_incident_of_others_and_is_none(everyday: list[Report]) -> None:
    flood = [told("client-7", f"N{n}", f"flood {n} of nonsense{n % 97}", "x") for n in range(10_000)]
    start, mixed = everyday[-1].at, []
    for number, report in enumerate(flood):
        mixed.append(report._replace(at=start + number * 0.006))
        if number % 2_000 == 1_000:
            mixed.append(
                told(f"client-{10 + number // 2_000}", f"I{number // 2_000}")._replace(at=start + number * 0.006)
            )
    _, [cluster], radar = fed(everyday + mixed)
    assert set(cluster.tickets) >= {"I0", "I1", "I2", "I3", "I4"}
    assert not [ticket for ticket in cluster.tickets if ticket.startswith("N")]
    assert len(radar.window.tickets) < 1_500


def test_a_newsletter_that_many_boxes_forward_is_no_incident(everyday: list[Report]) -> None:
    text = "Save 30 % on Nimbus. View in browser. Unsubscribe here."
    assert fed(then(everyday, *(told(f"client-{n}", f"M{n}", text, "FW: spring offer") for n in range(15))))[1] == []


def test_look_alike_and_invisible_letters_count_as_what_they_look_like(everyday: list[Report]) -> None:
    bodies = [
        "gatеway zonk failed",
        "gate\u200bway zonk failed",
        "ｇａｔｅｗａｙ zonk failed",
        "gateway z\u00adonk failed",
    ]
    _, declared, _ = fed(
        then(everyday, *(told(f"client-{n}", f"I{n}", body, "x") for n, body in enumerate(bodies * 2)))
    )
    assert len(declared) == 1
    assert {"w:gateway", "w:zonk"} & set(declared[0].signs) or "p:gateway zonk" in declared[0].signs


def test_a_cluster_closes_after_four_quiet_hours(everyday: list[Report]) -> None:
    incident = then(everyday, *(told(f"client-{n}", f"I{n}") for n in range(5)))
    after = [
        report._replace(at=report.at + incident[-1].at - START, ticket="A" + report.ticket) for report in everyday[:300]
    ]
    changes, [cluster], _ = fed(incident + after)
    assert cluster.closed_at == cluster.last_at + 4 * HOUR
    assert [change.kind for change in changes if change.cluster == cluster.id][-1] == "closed"


def test_a_rejected_cluster_raises_the_bar_for_its_keys(everyday: list[Report]) -> None:
    radar = Radar()
    reports = then(everyday, *(told(f"client-{n}", f"I{n}") for n in range(4)))
    for report in reports:
        radar.feed(report)
    [cluster] = [one for one in radar.clusters.open.values() if one.declared_at is not None]
    radar.reject(cluster.id)
    assert radar.raised[handle_of("e:error 1252")] == 2.0


def test_a_stream_in_parts_gives_what_it_gives_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.triage.radar.asking.PAIR_MIN", 0.0)  # so that a short stream has pairs to save
    reports = list(desk(5, days=2, warm=0.8).reports())
    whole_changes, _, whole = fed(reports)
    radar, changes, paired = Radar(), [], False
    for start in range(0, len(reports), 311):
        for report in reports[start : start + 311]:
            changes += radar.feed(report)
        paired = paired or bool(radar.pairs.found)
        radar = Radar.of(json.loads(json.dumps(radar.state())))
    assert changes == whole_changes
    assert paired
    assert json.dumps(radar.state(), sort_keys=True) == json.dumps(whole.state(), sort_keys=True)


def test_a_state_of_other_rules_is_refused() -> None:
    with pytest.raises(ValueError, match="replay the log"):
        Radar.of({**Radar().state(), "version": "radar-0"})


def test_an_earlier_instant_counts_as_now(everyday: list[Report]) -> None:
    late = [told(f"client-{n}", f"I{n}")._replace(at=START) for n in range(4)]
    _, [cluster], _ = fed(everyday + late)
    assert cluster.declared_at == everyday[-1].at


def test_a_simulated_week_finds_the_large_incidents_and_invents_hardly_any() -> None:
    """Seeded, so it finds the same on every machine; `make evaluate` has the figures over many seeds."""
    score, _ = play(Desk(Plan(11, days=8, per_day=900, warm=4, incidents=8, sizes=(15, 30)), Made(11)))
    assert score.recall(15) == score.recall(30) == 1.0
    assert len(score.invented) <= 1
    assert median(score.after_third) <= 600


def test_the_judge_counts_what_is_found_invented_and_told_twice() -> None:
    simulated = desk(3)
    incident = next(one for one in simulated.incidents if one.size >= 5)
    right = Cluster(1, 0.0, 0.0, incident.times[2], 0.0, tickets=dict.fromkeys(incident.tickets, 1.0))
    again = Cluster(2, 0.0, 0.0, incident.times[3], 0.0, tickets=dict.fromkeys(incident.tickets, 1.0))
    wrong = Cluster(3, 0.0, 0.0, 1.0, 0.0, tickets=dict.fromkeys(["T1", "T2", "T3"], 1.0))
    score = Judged(weeks=2.0)
    judge(simulated.incidents, [right, again, wrong], score)
    assert (score.clusters, score.fragments, score.false_a_week) == (3, 1, 0.5)
    assert score.recall(incident.size) == 1 / sum(one.size == incident.size for one in simulated.incidents)


def test_a_memory_without_room_forgets_the_rarest_and_keeps_what_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.triage.radar.memory.KEYS_MAX", 100)
    monkeypatch.setattr("services.triage.radar.memory.FULL", 150)
    memory = Memory(0.0)
    often = memory.number(handle_of("w:often"))
    assert often is not None
    for _ in range(5):
        memory.learn([often], 0.0)
    rare = [memory.number(handle_of(f"w:{place}")) for place in range(120)]
    assert memory.number(handle_of("p:one more")) is None
    memory.make_room(0.0, {number for number in rare[:10] if number is not None}.__contains__)
    assert memory.number(handle_of("w:often")) == often
    assert [memory.numbers.get(handle_of(f"w:{place}")) for place in range(10)] == rare[:10]
    assert len(memory.numbers) == 11
    assert memory.forgotten == 110
    assert Memory.of(json.loads(json.dumps(memory.state()))).state() == memory.state()


def test_weights_are_scaled_back_without_a_change_of_any_share() -> None:
    memory = Memory(0.0)
    number = memory.number(handle_of("w:one"))
    assert number is not None
    year = 365 * 86_400.0
    for week in range(3 * 52):
        memory.learn([number] if week % 2 else [], week * 7 * 86_400.0)
    assert memory.short.origin > 0
    assert memory.short.weight(3 * year) < 2.0**101
    assert 0 < memory.long.counts[number] / memory.long.total < 1


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "word " * 1_000_000,
        "w" * 2_000_000,
        "\x00\x01\ufffd\x7f" * 50_000,
        "الخادم لا يعمل ".join("\u202e\u202c" * 2_000),
        "\u200b\u200d\ufeff" * 100_000,
        "\ud800 lone",
    ],
    ids=["empty", "one word a million times", "2 MB without a space", "binary", "right to left", "invisible", "lone"],
)
def test_a_text_of_any_kind_has_few_keys_and_leaves_the_radar_at_work(odd: str) -> None:
    assert len(keys_of(odd, odd, odd, odd)) <= KEYS_MAX
    radar = Radar()
    for place, client in enumerate(("a", "b", "c", "a", "b", "c")):
        radar.feed(Report(START + place, client, f"O{place}", odd, odd, odd or None))
    assert json.dumps(Radar.of(json.loads(json.dumps(radar.state()))).state()) == json.dumps(radar.state())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        *((text, ["error 25428"]) for text in ("ERR-25428 came", "error ERR-25428", "code: err25428", "err_25428")),
        ("Fehler 0x80070005", ["0x80070005"]),
        ("it stops with 0x80070005", ["0x80070005"]),
        ("error 12345678", []),
        ("E1252 at LX-9", ["e1252", "lx-9"]),
    ],
)
def test_an_error_code_is_one_name_however_it_is_written(text: str, named: list[str]) -> None:
    assert entities(text)[0] == named
