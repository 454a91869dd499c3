"""The shipped tables of `data/tone_<language>.txt` and `data/gravity_<language>.txt` -> tables by language. I/O.

Another language gets its tone by a file of its own beside the English one; `tests/evaluate/train_tone.py` writes such
files from labelled texts, `tests/evaluate/train_gravity.py` those of gravity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from services.triage import gravity
from services.triage.tone import Table, parse

FOLDER = Path(__file__).parent / "data"


def load_tables(folder: Path = FOLDER) -> Mapping[str, Table]:
    """Every table of a folder."""
    found = {}
    for file in sorted(folder.glob("tone_*.txt")):
        code = file.stem.removeprefix("tone_")
        with file.open(encoding="utf-8") as lines:
            found[code] = parse(code, lines)
        beside = folder / f"gravity_{code}.txt"
        if beside.exists():
            with beside.open(encoding="utf-8") as lines:
                found[code] = replace(found[code], gravity=gravity.parse(lines))
    return found
