"""An administrator's DSN and a folder of plain SQL files enter, a provisioned database leaves.

Files are services/kit/migrations/NNN_name.sql and services/<service>/migrations/NNN_name.sql. The kit's run first, then
each service's, by name. Each runs once, in a transaction, as daybook_owner; the roles exist before the first one. A
file that was applied is never edited again.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from services.kit.access.services import write_service_tokens
from services.kit.log.ownership import write_ownership
from services.kit.postgres import ROOT, Connection, queries
from services.kit.settings import ROLES, database_of, with_database

if TYPE_CHECKING:
    from services.kit.settings import Settings

SQL = queries("services/kit/sql/provision.sql")
OLDEST_SERVER = 15  # the first version whose public schema is closed to strangers; Debian 12 ships it


class CannotMigrate(Exception):
    """One sentence: what is wrong with the database or the files, and the remedy."""


@dataclass(frozen=True)
class Migration:
    """One SQL file. The name is `kit/0001_log`, the checksum is of its bytes."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return sha256(self.sql.encode()).hexdigest()


def migrations(services: Path = ROOT / "services") -> list[Migration]:
    """Every migration in the order in which they run: the kit's first, then each service's."""
    files = sorted(services.glob("*/migrations/*.sql"), key=lambda file: (file.parts[-3] != "kit", file.parts[-3:]))
    return [Migration(f"{file.parts[-3]}/{file.stem}", file.read_text()) for file in files]


async def create_database(admin_dsn: str) -> None:
    """Creates the database of the DSN where it is missing. Raises CannotMigrate when it may not."""
    name = database_of(admin_dsn)
    try:
        await (await asyncpg.connect(admin_dsn)).close()
    except (OSError, asyncpg.InvalidAuthorizationSpecificationError, asyncpg.CannotConnectNowError) as error:
        raise CannotMigrate(
            f"PostgreSQL does not let us in ({error}): check DAYBOOK_DATABASE_URL, or unset it to use the embedded one"
        ) from error
    except asyncpg.InvalidCatalogNameError:
        connection = await asyncpg.connect(with_database(admin_dsn, "postgres"))
        try:
            quoted = '"' + name.replace('"', '""') + '"'  # a database's name cannot be a parameter
            await connection.execute(f"CREATE DATABASE {quoted} TEMPLATE template0 ENCODING 'UTF8'")
        except asyncpg.InsufficientPrivilegeError as error:
            raise CannotMigrate(
                f"The database {name} is missing and may not be created: run createdb {name}"
            ) from error
        finally:
            await connection.close()


async def provision_database(settings: Settings, files: list[Migration]) -> list[str]:
    """Creates the roles, brings the database up to date, and returns the names of the migrations that ran now.

    Safe to run at any time, also by several processes at once. Raises CannotMigrate.
    """
    admin = await asyncpg.connect(settings.admin_dsn())
    try:
        await _check_server(admin)
        await admin.execute(SQL["lock_migrations"])
        await _leave_another_desk_alone(admin, settings)
        await _create_roles(admin, settings)
        owner = await asyncpg.connect(settings.dsn("owner"))
        try:
            ran = await _migrate(owner, files)
            await write_ownership(owner)
            await write_service_tokens(owner, settings)
            return ran
        finally:
            await owner.close()
    finally:
        await admin.close()


async def _check_server(connection: Connection) -> None:
    version = await connection.fetchval(SQL["server_version"])
    if version < OLDEST_SERVER:
        raise CannotMigrate(
            f"DAYBOOK_DATABASE_URL points to PostgreSQL {version}, Daybook needs {OLDEST_SERVER} or newer: upgrade the "
            "server, or unset the variable to use the embedded one"
        )


async def _leave_another_desk_alone(admin: Connection, settings: Settings) -> None:
    """Roles belong to the whole server: to give them our passwords would lock out who has given them theirs."""
    if not await admin.fetchval(SQL["owner_logs_in"]):
        return
    try:
        await (await asyncpg.connect(settings.dsn("owner"))).close()
    except asyncpg.InvalidPasswordError:
        raise CannotMigrate(
            "The roles daybook_owner, daybook_intake and so on of this PostgreSQL server belong to another desk, which "
            "would be locked out: give this desk a server of its own or that desk's DAYBOOK_ROLE_SECRET; where the "
            "other desk is gone for good, run ALTER ROLE daybook_owner NOLOGIN and start again"
        ) from None


async def _create_roles(admin: Connection, settings: Settings) -> None:
    for role in ROLES:
        user = f"daybook_{role}"
        await admin.execute(SQL["remember_login"], user, settings.password_of(user))
        await admin.execute(SQL["create_role"])
    await admin.execute(SQL["let_owner_build"])


async def _migrate(owner: Connection, files: list[Migration]) -> list[str]:
    await owner.execute(SQL["create_history"])
    applied = {row["name"]: row["checksum"] for row in await owner.fetch(SQL["applied_migrations"])}
    for file in files:
        if applied.get(file.name, file.checksum) != file.checksum:
            raise CannotMigrate(
                f"The migration {file.name} was changed after this database had applied it: put the file back as it "
                "was and write the change as a new migration"
            )
    fresh = [file for file in files if file.name not in applied]
    for file in fresh:
        async with owner.transaction():
            await _apply(owner, file)
    return [file.name for file in fresh]


async def _apply(owner: Connection, file: Migration) -> None:
    try:
        await owner.execute(file.sql)
    except asyncpg.PostgresError as error:
        raise CannotMigrate(
            f"The migration {file.name} failed ({error}): nothing of it was kept; mend it and start again"
        ) from error
    await owner.execute(SQL["record_migration"], file.name, file.checksum)
