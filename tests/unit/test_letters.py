"""Letters as their readers get them: words, dates, escaping, languages, and the RFC 5322 form."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notification.dates import LANGUAGES, written
from services.notification.drafts import Draft, Row
from services.notification.letters import EFFECTS, SUBJECT_MAX, About, Letters, language_for, one_line
from services.notification.post import BadAddress, Server, compose

LETTERS = Letters()
AT = datetime(2026, 3, 4, 13, 30, tzinfo=UTC)
LINK = "https://desk.example/portal/acme/tickets/ACME-1042?key=00ff&x=1"


def about(**more: str | None) -> About:
    said: dict[str, str | None] = {"reference": "ACME-1042", "subject": "Printer", "link": LINK, "name": "Ada"}
    return About(**{**said, **more})  # type: ignore[arg-type]


def draft(address: str = "ada@acme.example", name: str = "Ada Lovelace", **more: str | None) -> Draft:
    row = Row(UUID(int=2), 3, UUID(int=1), "receipt", UUID(int=3), "acme", "live", None, AT, 0, 0)
    return Draft(
        row=row,
        person=UUID(int=5),
        reference="ACME-1042",
        address=address,
        name=name,
        language="en",
        letter=LETTERS.write("receipt", "en", about(**more)),
        message_id="<1.receipt@desk.example>",
        headers={
            "From": "acme@desk.example",
            "Message-ID": "<1.receipt@desk.example>",
            "Auto-Submitted": "auto-generated",
        },
        seal=lambda text: {"sealed": text, "person": ""},
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("effect", EFFECTS)
def test_every_letter_says_its_number_what_happens_next_and_where_to_look(effect: str, language: str) -> None:
    due = written(AT, "Europe/Berlin", language)
    letter = LETTERS.write(effect, language, about(due=due, body="We exchanged the toner."))
    for form in (letter.text, letter.html.replace("&amp;", "&")):
        assert LINK in form
        assert "2026" in form or effect == "resolution"
        assert "We exchanged the toner." in form or effect in {"receipt", "notice"}
    assert "ACME-1042" in letter.subject
    assert letter.html.count("<p>") >= 4
    assert f'lang="{language}"' in letter.html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("effect", EFFECTS)
def test_a_letter_without_a_promise_or_name_is_still_a_letter(effect: str, language: str) -> None:
    letter = LETTERS.write(effect, language, about(name=""))
    assert "None" not in letter.text + letter.html
    assert "  " not in letter.text.replace("\n", "")
    assert " ," not in letter.text


def test_what_people_wrote_is_escaped_in_html_and_untouched_in_plain_text() -> None:
    letter = LETTERS.write("reply", "en", about(subject="<b>x</b>", body="1 < 2\n\n<script>alert(1)</script>"))
    assert "<script>" not in letter.html
    assert "<b>" not in letter.html
    assert "<p>1 &lt; 2</p>" in letter.html
    assert "<script>alert(1)</script>" in letter.text


def test_a_template_in_a_persons_words_is_not_executed() -> None:
    letter = LETTERS.write("reply", "en", about(subject="{{ 7 * 7 }}", body="{% raise %}"))
    assert "{{ 7 * 7 }}" in letter.subject
    assert "{% raise %}" in letter.text


def test_a_subject_is_one_line_and_not_too_long() -> None:
    letter = LETTERS.write("receipt", "en", about(subject="a\r\nBcc: x@y.example\u2028" + "b" * 500))
    assert "\n" not in letter.subject
    assert len(letter.subject) == SUBJECT_MAX


@given(st.text())
def test_one_line_holds_nothing_that_a_header_may_not(text: str) -> None:
    assert all(char.isprintable() for char in one_line(text))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Wednesday, 4 March 2026, 14:30 (Europe/Berlin)"),
        ("de", "Mittwoch, 4. März 2026, 14:30 Uhr (Europe/Berlin)"),
        ("fr", "mercredi 4 mars 2026 à 14 h 30 (Europe/Berlin)"),
        ("it", "mercoledì 4 marzo 2026 alle 14:30 (Europe/Berlin)"),
        ("es", "miércoles, 4 de marzo de 2026, a las 14:30 (Europe/Berlin)"),
    ],
)
def test_an_instant_is_written_as_its_reader_writes_it(language: str, expected: str) -> None:
    assert written(AT, "Europe/Berlin", language) == expected


def test_an_unknown_zone_is_read_as_utc_and_says_so() -> None:
    assert written(AT, "Mars/Olympus", "en") == "Wednesday, 4 March 2026, 13:30 (UTC)"
    assert written(AT, "Etc/UTC", "en") == "Wednesday, 4 March 2026, 13:30 (UTC)"


@pytest.mark.parametrize(
    ("ticket", "client", "expected"),
    [
        ("de-CH", ("fr",), "de"),
        ("pt", ("fr", "en"), "fr"),
        (None, ("pt_BR", "it"), "it"),
        (None, (), "en"),
        ("", ("xx",), "en"),
    ],
)
def test_a_letter_is_in_the_tickets_language_then_the_clients_then_english(
    ticket: str | None, client: tuple[str, ...], expected: str
) -> None:
    assert language_for(ticket, client) == expected


def test_the_mail_has_both_forms_and_its_headers() -> None:
    message = message_from_bytes(
        compose(draft(name="Ada “Löv”, Lovelace", subject="Drücker"), AT).as_bytes(), policy=policy.default
    )
    assert message["To"].addresses[0].addr_spec == "ada@acme.example"
    assert message["To"].addresses[0].display_name == "Ada “Löv”, Lovelace"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == "<1.receipt@desk.example>"
    assert "Drücker" in message["Subject"]
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert all(line.isascii() and len(line) < 998 for line in compose(draft(), AT).as_bytes().splitlines())


@pytest.mark.parametrize(
    "address", ["a,b@c.example", "<a@b.example>", "a@b@c", "no", "a b@c.example", "x@y.example\r\nBcc: z"]
)
def test_an_address_that_is_none_is_refused_and_brings_no_header_of_its_own(address: str) -> None:
    with pytest.raises(BadAddress):
        compose(draft(address=address), AT)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", Server("mail.example", 25, tls=False, username=None, password=None)),
        ("smtps://u%40x:p%2F@mail.example:2465", Server("mail.example", 2465, tls=True, username="u@x", password="p/")),
    ],
)
def test_the_mail_server_is_read_from_its_url(url: str, expected: Server) -> None:
    assert Server.parse(url) == expected


def test_a_url_that_is_no_mail_server_says_what_is_expected() -> None:
    with pytest.raises(ValueError, match="smtp://host:port"):
        Server.parse("http://mail.example")
