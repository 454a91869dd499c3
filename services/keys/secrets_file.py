"""DAYBOOK_HOME/secrets.json: a new master key beside the old one, and the old one taken out at the end. I/O: that file.

The file is replaced in one step, so that whoever reads it finds it whole.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path
from typing import Any

from services.kit.keyring import MasterKeys, kept_keys


def begin(path: Path, new: bytes) -> MasterKeys:
    """Makes the new key the current one and keeps the old as the second; the keys of a rotation under way stay."""
    keys = kept_keys(path)
    if keys is None:
        raise FileNotFoundError(path)
    if keys.second is None:
        keys = MasterKeys(new, keys.current)
        _write(path, master_key=_text(new), second_master_key=_text(keys.second or b""))
    return keys


def finish(path: Path) -> None:
    """Takes the second key out: nothing is wrapped by it any more."""
    _write(path, second_master_key=None)


def _text(key: bytes) -> str:
    return b64encode(key).decode()


def _write(path: Path, **changes: str | None) -> None:
    kept: dict[str, Any] = json.loads(path.read_text()) | changes
    owner = path.stat()
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({name: value for name, value in kept.items() if value is not None}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.chown(fresh, owner.st_uid, owner.st_gid)
    fresh.replace(path)
