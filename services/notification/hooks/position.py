"""Where a dead letter's event stands <-> what its webhook's people are told of it. Pure.

For one client that is the client's own sequence: a lane's position would tell how much the client's neighbours do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from contracts.subjects import lane_of_client
from services.kit.web.problem import Problem

OF_LANE: Final = re.compile(r"(\d{1,2}):(\d{1,18})")
OF_CLIENT: Final = re.compile(r"\d{1,18}")


def write_position(row: Mapping[str, Any]) -> str:
    return f"{row['lane']}:{row['position']}" if row["client"] is None else str(row["sequence"])


def read_position(text: str, client: str | None) -> tuple[int, int]:
    """A lane, and in it a position, or with a client the client's sequence. Raises Problem."""
    if client is not None:
        if OF_CLIENT.fullmatch(text) is None:
            raise Problem("invalid_field", "a position is the client's sequence, such as 1042", field="position")
        return lane_of_client(client), int(text)
    match = OF_LANE.fullmatch(text)
    if match is None:
        raise Problem("invalid_field", "a position is <lane>:<position>, such as 3:1042", field="position")
    return int(match[1]), int(match[2])
