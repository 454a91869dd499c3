"""A reference is read the same wherever it comes in."""

from __future__ import annotations

import pytest

from services.kit.references import Reference, read_reference


@pytest.mark.parametrize("text", ["ACME-1042", "acme-1042", "Acme-01042", "ACME-000000000000001042"])
def test_it_may_be_written_in_many_ways(text: str) -> None:
    assert read_reference(text) == Reference("ACME", 1042)
    assert str(read_reference(text)) == "ACME-1042"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ACME",
        "ACME-",
        "-1042",
        "A-1",
        "ACME 1042",
        "ACME-1042 ",
        "ACME-1042\n",
        "ACME-10²",
        "ÄCME-1",
        "1CME-1",
        "ACME-1042?as_of=@1:1",
        "../ACME-1",
        "ACME-" + "1" * 19,
        "ABCDEFGHIJK-1",
    ],
)
def test_everything_else_is_none(text: str) -> None:
    assert read_reference(text) is None
