"""A folder's name enters, a virtual environment with pip leaves. It runs before anything is installed.

Standard library only. Debian's python3 comes without ensurepip, so pip is looked for in this order: ensurepip, as root
after installing Debian's package of it; a pip on the machine; Debian's package of pip, which any user may unpack.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from importlib.util import find_spec
from pathlib import Path

OLDEST = (3, 11)


def main(folder: Path) -> None:
    """Make the environment, or keep the one that works."""
    if sys.version_info < OLDEST:
        give_up(
            f"Daybook needs Python {'.'.join(map(str, OLDEST))}, {sys.executable} is {sys.version.split()[0]}: "
            "name a newer one with make install PYTHON=python3.12"
        )
    if works(folder):
        return
    shutil.rmtree(folder, ignore_errors=True)
    if find_spec("ensurepip") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        apt("update")
        apt("install", "--yes", "--no-install-recommends", "python3-venv")
    # A fresh process: this one may have looked for ensurepip before it was there.
    if run(sys.executable, "-m", "venv", str(folder)) and works(folder):
        return
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=False)
    if not (pip_of_machine(folder) or pip_of_debian(folder)) or not works(folder):
        shutil.rmtree(folder, ignore_errors=True)
        give_up(
            "this Python has no ensurepip and pip could not be had: install it (Debian and Ubuntu: "
            "sudo apt-get install python3-venv) and start again"
        )


def works(folder: Path) -> bool:
    """Whether it has a Python that is new enough, and pip. A moved one fails: its scripts name the old place."""
    python = folder / "bin" / "python"
    pip = folder / "bin" / "pip"
    if not python.exists() or not pip.exists() or str(folder.absolute()) not in pip.read_text().splitlines()[0]:
        return False
    return run(str(python), "-c", f"import sys, pip; sys.exit(sys.version_info < {OLDEST})")


def pip_of_machine(folder: Path) -> bool:
    """A pip beside this Python can install another one into the environment."""
    return run(sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet", "pip")


def pip_of_debian(folder: Path) -> bool:
    """Debian keeps pip as a wheel in a package; any user may download and unpack it with package lists of their own."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return False
    with tempfile.TemporaryDirectory() as name:
        private = Path(name)
        (private / "lists" / "partial").mkdir(parents=True)
        (private / "cache" / "archives" / "partial").mkdir(parents=True)
        own = ("-o", f"Dir::State::Lists={private / 'lists'}", "-o", f"Dir::Cache={private / 'cache'}")
        if not (apt(*own, "update") and apt(*own, "download", "python3-pip-whl", cwd=private)):
            return False
        for package in private.glob("*.deb"):
            run("dpkg-deb", "-x", str(package), name)
        wheels = list(private.glob("usr/share/python-wheels/pip-*.whl"))
        return bool(wheels) and run(str(folder / "bin" / "python"), f"{wheels[0]}/pip", "install", "--quiet", "pip")


def apt(*arguments: str, cwd: Path | None = None) -> bool:
    return run("apt-get", "--quiet", *arguments, cwd=cwd, environment={"DEBIAN_FRONTEND": "noninteractive"})


def run(*argv: str, cwd: Path | None = None, environment: dict[str, str] | None = None) -> bool:
    done = subprocess.run(
        argv, check=False, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, env=os.environ | (environment or {})
    )
    return done.returncode == 0


def give_up(sentence: str) -> None:
    sys.exit(f"make install: {sentence}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
