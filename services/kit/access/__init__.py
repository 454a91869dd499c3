"""Who calls and what they may do: bearer tokens, their principals, and the one table of rules for every route."""

from services.kit.access.gate import SCOPE_KEY, Caller, Gate, authenticate
from services.kit.access.principal import ANONYMOUS, Principal

__all__ = ["ANONYMOUS", "SCOPE_KEY", "Caller", "Gate", "Principal", "authenticate"]
