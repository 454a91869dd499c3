"""Slugs and prefixes out of a source's names: readable, legal, and as many as are needed."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from contracts.clients import Prefix
from contracts.model import ClientId
from services.importing.names import prefixes, slugs


@pytest.mark.parametrize(
    ("name", "slug", "prefix"),
    [
        ("Location 143", "location-143", "L143"),
        ("Acmeworks", "acmeworks", "ACME"),
        ("Müller & Söhne GmbH", "muller-sohne-gmbh", "MSG"),
        ("Italian helpdesk", "italian-helpdesk", "IH"),
        ("3M", "3m", "C3M"),
        ("X", "x", "XX"),
        ("  Straße 7  ", "strasse-7", "S7"),
        ("_desk", "desk", "DESK"),
    ],
)
def test_names_stay_readable(name: str, slug: str, prefix: str) -> None:
    assert (next(slugs(name)), next(prefixes(name))) == (slug, prefix)


def test_where_one_is_taken_the_next_follows() -> None:
    assert list(islice(slugs("Acme"), 3)) == ["acme", "acme-2", "acme-3"]
    assert list(islice(prefixes("Location 143"), 3)) == ["L143", "L143B", "L143C"]
    assert list(islice(prefixes("Location 143"), 25, 28)) == ["L143Z", "L143X2", "L143X3"]


def test_names_without_a_latin_letter_get_slugs_that_differ() -> None:
    assert next(slugs("東京支店")) != next(slugs("大阪支店"))
    assert next(slugs("東京支店")).startswith("client-")


@given(st.text(min_size=1, max_size=250))
def test_any_name_gives_legal_and_distinct_slugs_and_prefixes(name: str) -> None:
    some = list(islice(slugs(name), 40))
    assert len(set(some)) == 40
    for slug in some:
        TypeAdapter(ClientId).validate_python(slug)
    more = list(islice(prefixes(name), 60))
    for prefix in more:
        TypeAdapter(Prefix).validate_python(prefix)
    assert len(set(more)) > 30
