"""`daybook triage explain --file`: a line that is wrong is told with its field and remedy, and no other one is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from services.cli.ticket_lines import LINE_MAX, TicketFile
from services.cli.triage import explained, for_people
from services.triage.tone_tables import load_tables

HUGE: Final = 2_000_000  # characters
GOOD: Final = b'{"subject": "Printer", "body": "The printer burns."}'

WRONG: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b'{"subject": true}', "“subject” is no text", "between quotes"),
    (b'{"body": {"text": "x"}}', "“body” is no text", "between quotes"),
    (b'{"body": ["x"]}', "“body” is no text", "between quotes"),
    (b'{"category": [1]}', "“category” is no text", "between quotes"),
    (b'{"category": "' + b"x" * HUGE + b'"}', "“category” has 2,000,000 characters", "at most 80"),
    (b'{"category": "\\u001b[2J"}', "“category” holds control characters", "leave them out"),
    (b'{"service": "a\\u0000b"}', "“service” holds control characters", "leave them out"),
    (b'{"urgency": "soon"}', "“urgency” is none of low", "critical"),
    (b'{"tier": "gold"}', "“tier” is none of basic", "premium"),
    (b'{"clients": -1}', "“clients” is no count", "from 0 to 1,000,000"),
    (b'{"clients": "many"}', "“clients” is no count", "whole number"),
    (b'{"incident_clients": 1.5}', "“incident_clients” is no count", "whole number"),
    (b'{"exchanges": ' + b"9" * 40 + b"}", "“exchanges” is no count", "whole number"),
    (b"\xff\xfe\x00\x01\x80binary", "no JSON", "one ticket a line"),
    (b'{"subject": "cut', "no JSON", "one ticket a line"),
    (b"[" * 100_000, "no JSON", "one ticket a line"),
    (b"[1, 2]", "no JSON object", "one ticket a line"),
    (b"null", "no JSON object", "one ticket a line"),
    (b"x" * (LINE_MAX + 10), "longer than", f"{LINE_MAX:,}"),
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The answers to a file in which a good line follows each bad one."""
    file: Path = tmp_path_factory.mktemp("lines") / "tickets.jsonl"
    file.write_bytes(b"".join(line + b"\n" + GOOD + b"\n" for line, _, _ in WRONG))
    tables = load_tables()
    return [explained(line, tables) for line in TicketFile(file).lines()]


@pytest.mark.parametrize("place", range(len(WRONG)), ids=[said for _, said, _ in WRONG])
def test_a_line_that_is_no_ticket_is_told_by_its_number_its_field_and_a_remedy(
    place: int, told: list[dict[str, Any]]
) -> None:
    _, said, remedy = WRONG[place]
    answer = told[2 * place]
    assert answer["line"] == 2 * place + 1
    assert answer["error"].startswith(said) or said in answer["error"]
    assert remedy in answer["error"]
    assert len(for_people(answer)) < 300, "what was wrong is not repeated at length"


def test_the_line_after_a_bad_one_is_explained_all_the_same(told: list[dict[str, Any]]) -> None:
    assert len(told) == 2 * len(WRONG)
    assert {(answer.get("category"), answer.get("priority")) for answer in told[1::2]} == {("printing", "P4")}


@pytest.mark.parametrize("line", [b"{}", b'{"subject": null, "body": ""}', b'{"body": "\\u200b\\u202e"}'])
def test_a_ticket_without_words_is_unsure_and_usual(line: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(line)
    (said,) = TicketFile(tmp_path / "file").lines()
    answer = explained(said, load_tables())
    assert (answer["category"], answer["category_from"], answer["tone"], answer["priority"]) == (
        None, "unsure", "unknown", "P3",
    )  # fmt: skip


def test_two_megabytes_in_any_field_give_an_answer_of_a_few_lines(tmp_path: Path) -> None:
    texts = ("urgent " * (HUGE // 7), "ﷺ" * (HUGE // 4), "```" * (HUGE // 3), "e-" * (HUGE // 2), "x" * HUGE)
    lines = [json.dumps({field: text}) for text in texts for field in ("subject", "body")]
    (tmp_path / "file").write_text("\n".join(lines))
    tables = load_tables()
    answers = [explained(line, tables) for line in TicketFile(tmp_path / "file").lines()]
    assert all(len(json.dumps(answer)) < 3_000 for answer in answers)
    assert not any("error" in answer for answer in answers)
