"""What triage makes of a ticket, with its evidence; and that nobody's text costs more than a bounded time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.terms import Priority, Tone, Urgency
from services.cli.app import build
from services.kit.rules.priority import Facts, judge
from services.triage.category import classify
from services.triage.explain import Asked, explain
from services.triage.radar.keys import KEYS_MAX, keys_of
from services.triage.tone import Table, hear
from services.triage.tone_tables import FOLDER, load_tables
from services.triage.words import language, plain

HUGE = 2_000_000


@pytest.fixture(scope="module")
def tables() -> Mapping[str, Table]:
    return load_tables()


@pytest.mark.parametrize(
    ("text", "tone"),
    [
        ("This is ridiculous, you are all incompetent idiots and I hate this stupid garbage!!!", Tone.ANGRY),
        ("I am afraid I still have problems with this error :(", Tone.FRUSTRATED),
        ("Thanks a lot, it works perfectly now, great job!", Tone.SATISFIED),
        ("The report lists the users of the second floor and of the third.", Tone.NEUTRAL),
        ("I don't understand what the second field does, which one should I fill in?", Tone.CONFUSED),
    ],
)
def test_a_tone_is_heard_with_the_words_that_show_it(text: str, tone: Tone, tables: Mapping[str, Table]) -> None:
    heard = hear(text, tables)
    assert heard.tone is tone
    assert heard.language == "en"
    if tone is not Tone.NEUTRAL:
        assert heard.words
        assert 0 < heard.degree <= 1
        assert all(word.split()[-1] in text for word in heard.words)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Der Drucker im zweiten Stock geht nicht, das ist wirklich ärgerlich für uns", "de"),
        ("L'imprimante du deuxième étage ne marche pas et nous ne pouvons pas imprimer", "fr"),
        ("プリンターが動きません", "unknown"),
        ("الطابعة لا تعمل منذ الصباح", "unknown"),
        ("", "unknown"),
        ("0x80070005 404 17", "unknown"),
    ],
)
def test_a_language_without_a_table_is_unknown_not_neutral(text: str, spoken: str, tables: Mapping[str, Table]) -> None:
    assert language(plain(text)) == spoken
    assert hear(text, tables).tone is Tone.UNKNOWN


def test_the_shipped_table_is_small_and_names_its_sources() -> None:
    file = FOLDER / "tone_en.txt"
    assert file.stat().st_size <= 128 * 1024
    assert "VADER" in file.read_text(encoding="utf-8")[:600]


def test_a_choice_beats_a_field_and_a_field_beats_words() -> None:
    text = ("Printer", "The printer eats paper")
    assert classify(*text)[:2] == ("printing", "printing")
    assert classify(*text, service="vpn")[:2] == ("vpn", "vpn")
    chosen = classify(*text, category="Hardware", service="vpn")
    assert (chosen.category, chosen.service, chosen.source) == ("Hardware", "vpn", "choice")


def test_what_two_services_claim_alike_stays_unsure_with_its_candidates() -> None:
    found = classify("", "the printer and the invoice")
    assert (found.category, found.source) == (None, "unsure")
    assert {name for name, _ in found.candidates} == {"printing", "billing"}


def test_two_clients_raise_a_priority_and_five_make_it_p1() -> None:
    quiet = Facts(stated=Urgency.LOW, category="question")
    assert judge(quiet).priority is Priority.P4
    assert judge(Facts(stated=Urgency.LOW, category="question", clients=2)).priority is Priority.P3
    assert judge(Facts(stated=Urgency.LOW, category="question", clients=5)).priority is Priority.P1


def test_who_cries_wolf_is_believed_less_and_it_is_said() -> None:
    believed = judge(Facts(stated=Urgency.CRITICAL))
    doubted = judge(Facts(stated=Urgency.CRITICAL, denied=9))
    assert doubted.urgency < believed.urgency
    assert [reason.points for reason in doubted.reasons if reason.code == "stated_urgency.rarely_confirmed"] == [-18.75]
    assert judge(Facts(stated=Urgency.NORMAL, denied=9)).urgency == judge(Facts(stated=Urgency.NORMAL)).urgency


def test_shouting_every_urgent_phrase_reaches_no_more_than_the_words_may_bring(tables: Mapping[str, Table]) -> None:
    every = "URGENT outage data breach data loss deadline asap emergency nobody can work!!! " * 200
    found = explain(Asked(every, every), tables).prioritised
    assert found.urgency <= 10 + 25 + 15
    assert found.priority is not Priority.P1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "word " * (HUGE // 5),
        "a" * HUGE,
        "!" * HUGE,
        "ab1-" * (HUGE // 4),
        "a.b" * (HUGE // 3),
        "`" * HUGE,
        "> quoted\n" * (HUGE // 9),
        "\u200b\u202e" * (HUGE // 2),
        "а́e\u0301" * (HUGE // 4),
        bytes(range(256)).decode("latin-1") * (HUGE // 256),
        "\ud800\udfff" * 1000,
        "𝓾𝓻𝓰𝓮𝓷𝓽 " * (HUGE // 7),
        "مرحبا שלום hello Привет 你好 " * (HUGE // 30),
        "error code " * (HUGE // 11),
        "what do " * (HUGE // 8),
    ],
    ids=lambda body: repr(body[:8]),
)
def test_any_text_costs_a_bounded_time(body: str, tables: Mapping[str, Table]) -> None:
    started = time.process_time()
    first = explain(Asked(body[:1000], body), tables)
    keys = keys_of(None, None, body[:1000], body)
    assert time.process_time() - started < 2.0
    assert len(keys) <= KEYS_MAX
    assert explain(Asked(body[:1000], body), tables) == first


def test_letters_that_only_look_right_are_read_as_what_they_look_like(tables: Mapping[str, Table]) -> None:
    assert plain("раssword") == plain("pass\u200bword") == plain("ｐａｓｓｗｏｒｄ") == "password"
    assert plain("привет") == "привет"
    assert classify("раssword reset", "").category == "access"


def test_explain_answers_each_line_and_names_those_it_cannot_take(tmp_path: Path) -> None:
    file = tmp_path / "tickets.jsonl"
    lines = [
        '{"id": 7, "subject": "Printer", "body": "paper jam", "urgency": "high"}',
        '{"subject": "x", "urgency": "soonish"}',
        "nonsense",
        "[1]",
        '{"subject": 5, "body": null, "clients": 12}',
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    result = CliRunner().invoke(build("triage"), ["triage", "explain", "--file", str(file), "--json"])
    assert result.exit_code == 0
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["line"] for one in told] == [1, 2, 3, 4, 5]
    assert (told[0]["id"], told[0]["category"], told[4]["priority"]) == (7, "printing", "P1")
    assert {"tone", "degree", "priority", "reasons", "smallest_change"} <= told[0].keys()
    assert all("error" in told[place] for place in (1, 2, 3))


def test_a_file_may_begin_with_a_mark_hold_half_characters_and_be_a_little_out_of_order(tmp_path: Path) -> None:
    said = [
        b'\xef\xbb\xbf{"at":"2026-01-05T10:02:00Z","client":"a","ticket":"1","subject":"x","body":"y"}',
        b'{"at":"1767607200","client":"b","ticket":2,"subject":null,"body":"\\ud83d half"}',
        b'{"at":1767607260,"client":"c","ticket":3,"body":"latin \xfc"}',
    ]
    file = tmp_path / "odd.jsonl"
    file.write_bytes(b"\r\n".join(said))
    told = json.loads(CliRunner().invoke(build("radar"), ["radar", "--file", str(file), "--json"]).stdout)
    assert (told["tickets"], told["refused"]["count"]) == (3, 0)
    assert told["out_of_order"] == {"count": 2, "first_line": 2}


def test_the_radar_command_tells_clusters_refused_lines_and_lines_out_of_order(tmp_path: Path) -> None:
    file = tmp_path / "stream.jsonl"
    lines = [
        json.dumps(
            {"at": f"2026-01-05T{n // 60:02}:{n % 60:02}:00Z", "client": f"c{n % 9}", "ticket": n, "body": "all well"}
        )
        for n in range(120)
    ]
    lines += [
        '{"at": "2026-01-05T00:00:00Z", "client": "a", "ticket": "late"}',
        '{"at": "never"}',
        '{"at": 1e400}',
        "{",
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    result = CliRunner().invoke(build("radar"), ["radar", "--file", str(file), "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["tickets"], told["refused"]["count"]) == (121, 3)
    assert [bad["line"] for bad in told["refused"]["first"]] == [122, 123, 124]
    assert told["out_of_order"] == {"count": 1, "first_line": 121}
    assert told["clusters"] == []
    assert told["peak_memory_mb"] > 0
