"""A map is understood as a whole or refused in one sentence that names the key and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.terms import Priority, Status
from services.importing.find_map import FOLDER, find_map, names
from services.importing.refusals import BadMap

SMALLEST = """
system: other-desk
case: Ticket
time: {column: When}
state: {column: State, words: {Open: open, Done: closed}}
"""


def written(folder: Path, text: str) -> str:
    path = folder / "a.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", names())
def test_every_map_of_ours_is_found_by_name_and_by_path(name: str) -> None:
    assert find_map(name) == find_map(name.replace("_", "-")) == find_map(str(FOLDER / f"{name}.yaml"))


def test_a_map_of_four_keys_is_enough(tmp_path: Path) -> None:
    source = find_map(written(tmp_path, SMALLEST))
    assert source.columns() == {"Ticket": "case", "When": "time.column", "State": "state.column"}
    assert (source.client.of(""), source.requester.of("")) == ("Imported", "Unknown requester")


def test_words_that_yaml_takes_for_truth_or_numbers_stay_words(tmp_path: Path) -> None:
    text = SMALLEST.replace("Open: open", "No: open, 1: waiting_for_customer")
    source = find_map(written(tmp_path, text + "priority: {column: P, values: {1: P1, 2: P2}}\n"))
    assert (source.state.meaning("No"), source.state.meaning("1")) == (Status.OPEN, Status.WAITING_FOR_CUSTOMER)
    assert source.priority is not None
    assert source.priority.of("1") is Priority.P1


def test_several_columns_make_one_word_and_the_first_alone_may_be_listed(tmp_path: Path) -> None:
    words = "{column: [Status, Sub Status], words: {Accepted: open, Accepted/Wait: waiting_for_customer, Done: closed}}"
    source = find_map(written(tmp_path, SMALLEST.replace("{column: State, words: {Open: open, Done: closed}}", words)))
    assert source.state.meaning("Accepted/Wait") is Status.WAITING_FOR_CUSTOMER
    assert source.state.meaning("Accepted/In Progress") is Status.OPEN
    assert source.state.meaning("Queued") is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("case: Ticket", "cas: Ticket"), r"a\.yaml: (case is missing|cas is no key)"),
        (("case: Ticket", "case: Ticket\nclint: {column: A}"), r"clint is no key of a map; did you mean client\?"),
        (("{column: When}", "{column: When, zoen: UTC}"), r"time\.zoen is no key of a map; did you mean zone\?"),
        (("{column: When}", "{column: When, zone: Mars/Base}"), r"time\.zone cannot be used \(it is Mars/Base\).*IANA"),
        (("case: Ticket", "case: Ticket\nfile: {encoding: utf-9}"), r"file\.encoding .*utf-9 is not an encoding"),
        (("Done: closed", "Done: finished"), r"state\.words\.Done.* cannot be used \(it is finished\).*'closed'"),
        (("system: other-desk", "system: Other Desk"), r"system cannot be used \(it is Other Desk\)"),
        (("case: Ticket", "case: [Ticket"), r"a\.yaml is not YAML: .* in line \d+"),
        (("case: Ticket", "case: Ticket\nteam: {name: x}"), r"team cannot be used: give a column"),
    ],
)
def test_a_fault_is_one_sentence_with_the_key(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    with pytest.raises(BadMap, match=sentence) as refused:
        find_map(written(tmp_path, SMALLEST.replace(*change)))
    assert "\n" not in str(refused.value)


def test_a_map_that_is_nowhere_is_refused_with_the_names_of_ours() -> None:
    with pytest.raises(BadMap, match="there is no map zendesk: give a path, or one of helpdesk_italian, servicenow"):
        find_map("zendesk")


def test_a_log_given_as_the_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadMap, match=r"not UTF-8|holds no keys|not YAML"):
        find_map(written(tmp_path, "a,b\n1,2\n"))
    (tmp_path / "log.gz").write_bytes(b"\x1f\x8b\x08\xff\xfe")
    with pytest.raises(BadMap, match="not UTF-8 at byte"):
        find_map(str(tmp_path / "log.gz"))
