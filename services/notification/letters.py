"""What a letter is about -> its subject, plain text and HTML in its reader's language. Pure, once templates are read.

One template a letter and language gives both forms: its first line is the subject, a blank line parts paragraphs. Both
come from the same source, so they never differ; everything that people wrote is escaped in the HTML.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from services.kit.postgres import ROOT
from services.notification.dates import LANGUAGES

TEMPLATES: Final = ROOT / "services/notification/templates"
EFFECTS: Final = ("receipt", "reply", "resolution", "notice")
DEFAULT_LANGUAGE: Final = "en"
SUBJECT_MAX = 200  # characters of a subject in a header; the letter itself quotes it in full


@dataclass(frozen=True, slots=True)
class About:
    """What a letter says. `due` is the promised instant, as a reader of the language writes it."""

    reference: str
    subject: str
    link: str
    name: str = ""
    due: str | None = None
    next: str | None = None
    body: str = ""
    metric: str = ""
    """Of which clock a notice tells."""
    hours: str = ""
    """When the desk is open, where a receipt tells it."""


FIELDS: Final = tuple(field.name for field in fields(About))


@dataclass(frozen=True, slots=True)
class Written:
    """A letter as its reader gets it."""

    subject: str
    text: str
    html: str


class Letters:
    """Writes letters. It reads every template once, when it is made."""

    def __init__(self) -> None:
        files = FileSystemLoader(TEMPLATES)
        marked = Environment(loader=files, autoescape=True, undefined=StrictUndefined)
        plain = Environment(loader=files, autoescape=False, undefined=StrictUndefined)  # noqa: S701 - plain text
        names = {(effect, language): f"{language}/{effect}.txt" for effect in EFFECTS for language in LANGUAGES}
        self._plain = {key: plain.get_template(name) for key, name in names.items()}
        self._marked = {key: marked.get_template(name) for key, name in names.items()}
        self._page = marked.get_template("letter.html")

    def write(self, effect: str, language: str, about: About) -> Written:
        """One letter. `effect` is one of EFFECTS, `language` one of LANGUAGES."""
        said: dict[str, object] = {name: getattr(about, name) for name in FIELDS}
        said["subject"] = one_line(about.subject)
        said["body"] = about.body.replace("\r\n", "\n").strip()
        subject, text = _parts(self._plain[effect, language], said)
        address = escape(about.link)
        link = Markup(f'<a href="{address}">{address}</a>')  # noqa: S704 - escaped in the line above
        _, marked = _parts(self._marked[effect, language], {**said, "link": link})
        html = _render(self._page, {"language": language, "subject": subject, "paragraphs": _paragraphs(marked)})
        return Written(subject[:SUBJECT_MAX], f"{text}\n", html)


def language_for(ticket: str | None, client: Iterable[str]) -> str:
    """The ticket's language, else the client's first, of those in which letters are written; else English."""
    for wished in (ticket, *client):
        short = (wished or "").lower().replace("_", "-").partition("-")[0]
        if short in LANGUAGES:
            return short
    return DEFAULT_LANGUAGE


def one_line(text: str) -> str:
    """Without line breaks and other controls, which no header may hold."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())


def _render(template: Template, said: dict[str, object]) -> str:
    """What `template.render` gives, in half the time: our templates use no globals, so nothing need be copied."""
    return "".join(template.root_render_func(template.new_context(said, shared=True)))


def _parts(template: Template, said: dict[str, object]) -> tuple[str, str]:
    subject, _, rest = _render(template, said).partition("\n")
    return subject, rest.strip()


def _paragraphs(marked: str) -> Markup:
    """Escaped text with its blank lines as paragraphs."""
    parts = (part.strip("\n").replace("\n", "<br>\n") for part in marked.split("\n\n"))
    return Markup("\n".join(f"<p>{part}</p>" for part in parts if part.strip()))  # noqa: S704 - escaped by its template
