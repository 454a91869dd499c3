"""Settings and a pool -> a vault that opens personal text. Reporting makes no person and seals nothing."""

from __future__ import annotations

import os
import time
from uuid import UUID

from services.kit.keyring import keyring
from services.kit.personal import Vault
from services.kit.postgres import Connection, Pool
from services.kit.settings import Settings


def reading_vault(pool: Pool | Connection, settings: Settings) -> Vault:
    """One for each process that shows or searches text."""
    ring = keyring(settings, time.monotonic)
    return Vault(pool, ring, new_id=_no_person, random_bytes=os.urandom, monotonic=time.monotonic)


def _no_person() -> UUID:
    raise PermissionError("reporting makes no persons: intake does")
