"""Events of a knowledge article, in the order of its life. Articles live with the desk, client `_desk`. Pure data."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from contracts.model import Event, Personal


class Audience(StrEnum):
    CLIENTS = "clients"
    AGENTS = "agents"


class ArticleDrafted(Event):
    type: ClassVar[str] = "article.drafted"
    title: str
    body: str
    category: str | None = None
    audience: Audience = Audience.AGENTS
    from_ticket: UUID | None = None


class ArticleRevised(Event):
    type: ClassVar[str] = "article.revised"
    title: str
    body: str
    category: str | None = None
    audience: Audience = Audience.AGENTS


class ArticlePublished(Event):
    type: ClassVar[str] = "article.published"
    review_at: AwareDatetime | None = None


class ArticleRetired(Event):
    type: ClassVar[str] = "article.retired"
    reason: Personal | None = None
