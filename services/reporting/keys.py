"""Settings and a pool -> a vault that opens personal text. Reporting makes no person and seals nothing."""

from __future__ import annotations

import os
import time
from uuid import UUID

from services.kit.personal import Vault
from services.kit.postgres import Pool
from services.kit.settings import Settings


def reading_vault(pool: Pool, settings: Settings) -> Vault:
    """One for each process that shows or searches text."""
    return Vault(pool, settings.master_key_bytes, new_id=_no_person, random_bytes=os.urandom, monotonic=time.monotonic)


def _no_person() -> UUID:
    raise PermissionError("reporting makes no persons: intake does")
