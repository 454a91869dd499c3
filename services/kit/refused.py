"""The refusal that a pure decision raises. Pure."""

from __future__ import annotations


class Refused(Exception):
    """What may not happen. `code` is contract (services/kit/web/codes.py has its status), the sentence is not."""

    def __init__(self, code: str, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.field = field
