"""The environment (DAYBOOK_*) and DAYBOOK_HOME/secrets.json enter, one frozen Settings leaves.

Secrets are made once, on the first start, and kept in secrets.json, readable by its owner only. In production each of
them is given by the environment and no file is written.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
import secrets
from base64 import b64decode, b64encode
from datetime import time
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from uuid import uuid4

from pydantic import AliasChoices, AnyUrl, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Role = Literal["owner", "intake", "triage", "notification", "reporting", "desk", "relay", "reader"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each service connects with a database role of its own: daybook_<role>. The owner runs migrations and maintenance, the
reader is reporting's for callers who may see some clients only."""

SECRETS = ("master_key", "role_secret", "session_secret")
KEY_BYTES = 32  # AES-256 and HMAC-SHA-256 both take a key of this length


class Settings(BaseSettings):
    """What all processes share. Read it with `load()`, once, in a process's entry; then pass it down."""

    model_config = SettingsConfigDict(env_prefix="DAYBOOK_", frozen=True, extra="ignore")

    home: Path = Path(".daybook")
    host: str = "127.0.0.1"
    port: int = Field(8400, ge=0, le=65535)
    smtp_port: int = Field(8425, ge=0, le=65535)
    nats_port: int = Field(8422, ge=0, le=65535)
    database_url: SecretStr | None = None
    """An administrator's URL. Unset: the embedded PostgreSQL."""
    nats_url: SecretStr | None = None
    """Unset: the embedded NATS."""
    smtp_url: SecretStr | None = None
    """smtp://user:password@host:port or smtps://…. Unset: mail is kept and shown at /mailbox."""
    api_url: str | None = None
    """Where services reach the API. Unset: http://<host>:<port>, as where all runs on one machine."""
    public_url: str | None = None
    """What links in letters start with. Unset: http://<host>:<port>."""
    compact_at: time | None = time(3, 0)
    """When, in UTC, `daybook up` rewrites the files in which old bytes of erased persons lie. Empty: never."""
    webhook_private: str = ""
    """Private networks into which webhooks may lead, such as 10.20.0.0/16,fd00::/8; `all` for any. Unset: none."""
    clock: Literal["system", "log"] = "system"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otel_endpoint: AnyUrl | None = Field(None, validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT"))

    home_id: str = ""
    """Names this home's data folder where the servers cannot live inside the home (as root)."""
    master_key: SecretStr = SecretStr("")
    """Base64 of 32 bytes; wraps the keys of persons. Whoever loses it loses every person's text."""
    second_master_key: SecretStr = SecretStr("")
    """While the master key is being changed: the other one of the two, which opens and never wraps."""
    role_secret: SecretStr = SecretStr("")
    """The passwords of the database roles are derived from it."""
    session_secret: SecretStr = SecretStr("")
    """Base64 of 32 bytes; signs sessions, guests' links and unsubscribe links."""

    @field_validator("home")
    @classmethod
    def absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("compact_at", mode="before")
    @classmethod
    def never(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("master_key", "second_master_key", "session_secret")
    @classmethod
    def thirty_two_bytes(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and len(b64decode(text, validate=True)) != KEY_BYTES:
            raise ValueError(f"must be base64 of {KEY_BYTES} bytes")
        return value

    @property
    def address(self) -> str:
        """Where people find the desk, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def api_address(self) -> str:
        """Where services send their commands, without a slash at the end."""
        return (self.api_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def master_key_bytes(self) -> bytes:
        return b64decode(self.master_key.get_secret_value())

    @property
    def session_secret_bytes(self) -> bytes:
        return b64decode(self.session_secret.get_secret_value())

    @property
    def bus_url(self) -> str:
        """Where NATS listens."""
        return self.nats_url.get_secret_value() if self.nats_url else f"nats://127.0.0.1:{self.nats_port}"

    def admin_dsn(self) -> str:
        """The administrator's DSN. Raises LookupError where no database is known, that is, outside `daybook up`."""
        if self.database_url is None:
            raise LookupError(
                "DAYBOOK_DATABASE_URL is not set and no desk is running in this home: start one with make up"
            )
        return self.database_url.get_secret_value()

    def password_of(self, user: str) -> str:
        """The password of a database user, derived, so that it need not be handed around."""
        return hmac.digest(self.role_secret.get_secret_value().encode(), user.encode(), "sha256").hex()

    def dsn(self, role: Role) -> str:
        """The DSN of a service: the administrator's host and database, the role's own name and password."""
        user = f"daybook_{role}"
        return with_login(self.admin_dsn(), user, self.password_of(user))


def with_login(dsn: str, user: str, password: str) -> str:
    """The same DSN for another user."""
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))


def with_database(dsn: str, database: str) -> str:
    """The same DSN for another database of the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{quote(database, safe='')}"))


def database_of(dsn: str) -> str:
    """The name of the database in a DSN."""
    return unquote(urlsplit(dsn).path.lstrip("/")) or "postgres"


def load(**given: object) -> Settings:
    """Settings from the arguments, the environment, a running desk's run.json and secrets.json, in this order.

    What run.json knows (address, ports, database, bus) counts only where the environment is silent, or asks for any
    free port (0), so that every command finds the desk that runs in its home without being told.
    """
    home = Settings.model_validate(given).home
    known = {name: value for name, value in _running(home).items() if _is_open(name)}
    settings = Settings.model_validate({**known, **given})
    missing = [name for name in SECRETS if not getattr(settings, name).get_secret_value()]
    if not missing:
        return settings
    kept = _kept_secrets(settings.home)
    secret = {name: kept[name] for name in missing}
    if "master_key" in secret and "second_master_key" in kept:
        secret["second_master_key"] = kept["second_master_key"]
    return Settings.model_validate({**known, **given, **secret, "home_id": settings.home_id or kept["home_id"]})


def _is_open(name: str) -> bool:
    """Whether the environment leaves a setting to the desk that runs."""
    given = os.environ.get(f"DAYBOOK_{name.upper()}")
    return given is None or (given == "0" and name.endswith("port"))


def _running(home: Path) -> dict[str, object]:
    """What run.json says, while the supervisor that wrote it still holds its lock; a dead desk's file says nothing."""
    if not lock_is_held(home):
        return {}
    try:
        run = json.loads((home / "run.json").read_text())
    except FileNotFoundError:
        return {}
    address, smtp = urlsplit(run["address"]), run["smtp"]
    return {
        "host": address.hostname,
        "port": address.port,
        "smtp_port": int(smtp.rpartition(":")[2]),
        "nats_url": run["nats"],
        "database_url": run["database"],
    }


def lock_is_held(home: Path) -> bool:
    """Whether a supervisor runs in this home. It holds up.lock for as long as it lives, however it ends."""
    try:
        with (home / "up.lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _kept_secrets(home: Path) -> dict[str, str]:
    """The secrets of this home, made on the first call. Safe when several processes call it first at once."""
    path = home / "secrets.json"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        fresh = home / f"secrets.{secrets.token_hex(8)}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"home_id": uuid4().hex[:12]} | {name: _new_secret() for name in SECRETS}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(fresh)  # unlike a rename, a link never replaces what another process has just made
        except FileExistsError:
            pass
        fresh.unlink()
    return dict(json.loads(path.read_text()))


def _new_secret() -> str:
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode()
