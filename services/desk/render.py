"""A template's name and what it shows enter, an HTML answer leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from services.desk import words
from services.desk.api import as_sentence
from services.desk.clocks import METRICS, share
from services.desk.queue import MANY_EXCHANGES
from services.desk.reader import Deadline, Reader

HERE = Path(__file__).parent
STATIC = HERE / "static"
FOREVER = "public, max-age=31536000, immutable"


class Pages:
    """The templates. Everything that they print is escaped unless it is Markup."""

    def __init__(self) -> None:
        self._environment = environment()

    def text(self, template: str, reader: Reader, **shown: Any) -> str:
        return self._environment.get_template(template).render(reader=reader, **shown)

    def page(
        self,
        template: str,
        reader: Reader,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **shown: Any,
    ) -> HTMLResponse:
        """A whole page or a part of one; `status` tells machines what the words tell people."""
        return HTMLResponse(self.text(template, reader, **shown), status, dict(headers or {}))


class Static(StaticFiles):
    """The files beside this one. What is asked for with its hash (`?v=`) never changes."""

    def file_response(self, *given: Any, **named: Any) -> Any:
        response = super().file_response(*given, **named)
        scope: Scope = named.get("scope") or given[2]
        response.headers["cache-control"] = FOREVER if scope["query_string"].startswith(b"v=") else "no-cache"
        return response


def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals |= {
        "asset": asset,
        "icon": icon,
        "when": when,
        "promise": promise,
        "hours": share,
        "metrics": METRICS,
        "words": words,
        "many_exchanges": MANY_EXCHANGES,
    }
    made.filters |= {
        "number": number,
        "initials": words.initials,
        "hue": words.hue,
        "plain": words.plain,
        "paragraphs": words.paragraphs,
        "linked": linked,
        "sentence": as_sentence,
    }
    return made


@cache
def asset(name: str) -> str:
    """The address of a static file, with its hash, so that browsers may keep it for ever."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def icon(name: str, size: str = "") -> Markup:
    """A drawing beside a word; it says nothing on its own, so readers of screens skip it."""
    return Markup('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        size, asset("icons.svg"), name
    )


def number(value: float) -> str:
    return f"{value:,}"


@pass_context
def when(context: Context, at: datetime, how: str = "stamp") -> Markup:
    """`<time>` in the reader's zone: stamp, clock, ago, day or moment; the whole of it in the title."""
    reader: Reader = context["reader"]
    ways = {"stamp": reader.stamp, "clock": reader.clock, "ago": reader.ago, "day": reader.day, "moment": reader.moment}
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), reader.full(at), ways[how](at))


@pass_context
def promise(context: Context, at: datetime | None, ended: bool = False) -> Markup:
    """A deadline as a mark: shape and words say how near it is, colour repeats it."""
    reader: Reader = context["reader"]
    near = Deadline("none", "–") if ended else reader.deadline(at)
    if near.at is None:
        return Markup('<span class="mark due" data-state="none">{}</span>').format(near.words)
    drawn = icon("alert" if near.state == "overdue" else "clock")
    inner = Markup('<time datetime="{}" title="{}">{}</time>').format(
        near.at.isoformat(), reader.full(near.at), near.words
    )
    return Markup('<span class="mark due" data-state="{}">{}{}</span>').format(near.state, drawn, inner)


def said(text: str, kind: str = "said") -> dict[str, str]:
    """The header that makes a page show one sentence for a moment."""
    return {"HX-Trigger": json.dumps({f"desk:{kind}": {"text": text}})}  # ASCII: a header holds nothing else


def linked(text: str) -> Markup:
    """Plain text with its web addresses made into links; everything else is escaped."""
    parts = re.split(r"(https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]])", text)
    link = Markup('<a href="{0}" rel="noreferrer">{0}</a>')
    return Markup("").join(link.format(part) if place % 2 else escape(part) for place, part in enumerate(parts))
