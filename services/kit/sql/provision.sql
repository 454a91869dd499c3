-- Roles belong to the whole server, migrations to one database. All of it may be run again at any time.

-- name: remember_login
-- DDL takes no parameters, so name and password of the role are handed over as settings of the session. They are reset
-- with the connection.
SELECT set_config('daybook.role', $1, false), set_config('daybook.password', $2, false);

-- name: create_role
-- Two desks on one server may create their roles at once: who comes second finds the role there.
DO $$
DECLARE
    wanted text := current_setting('daybook.role');
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', wanted);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', wanted, current_setting('daybook.password'));
END
$$;

-- name: owner_logs_in
-- A desk is at home on this server. Who takes its login away says that it is no more.
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'daybook_owner' AND rolcanlogin);

-- name: let_owner_build
-- The owner creates schemas and the trusted extensions, nothing else on the server.
DO $$
BEGIN
    EXECUTE format('GRANT CREATE, CONNECT, TEMPORARY ON DATABASE %I TO daybook_owner', current_database());
END
$$;

-- name: create_history
CREATE SCHEMA IF NOT EXISTS migration;
CREATE TABLE IF NOT EXISTS migration.applied (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- name: applied_migrations
SELECT name, checksum FROM migration.applied;

-- name: record_migration
INSERT INTO migration.applied (name, checksum) VALUES ($1, $2);

-- name: lock_migrations
-- Held for the session: two desks that start on one database migrate one after the other.
SELECT pg_advisory_lock(hashtextextended('daybook.migrations', 0));

-- name: database_exists
SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1);

-- name: server_version
SELECT current_setting('server_version_num')::int / 10000;
