-- Who is who: clients, their requesters, and the desk's agents. Names and addresses stay sealed here (JSON as in the
-- event) and are opened by whoever shows them.
CREATE FUNCTION reporting.create_directory(target text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', target);
    PERFORM set_config('search_path', target, true);

    CREATE TABLE clients (
        lane          smallint    NOT NULL,
        client        text        COLLATE "C" NOT NULL,
        version       integer     NOT NULL,
        name          text        NOT NULL,
        prefix        text        COLLATE "C" NOT NULL,
        zone          text        NOT NULL,
        tier          text        NOT NULL,
        languages     text[]      NOT NULL,
        practice      boolean     NOT NULL,
        registered_at timestamptz NOT NULL,
        PRIMARY KEY (lane, client)
    );

    CREATE TABLE people (
        lane    smallint NOT NULL,
        person  uuid     NOT NULL,
        client  text     COLLATE "C" NOT NULL,
        version integer  NOT NULL,
        name    text     NOT NULL,
        address text,
        PRIMARY KEY (lane, person)
    );

    CREATE TABLE agents (
        lane    smallint NOT NULL,
        agent   uuid     NOT NULL,
        version integer  NOT NULL,
        name    text     NOT NULL,
        address text     NOT NULL,
        role    text     NOT NULL,
        level   text     NOT NULL,
        teams   text[]   NOT NULL,
        clients text[]   COLLATE "C" NOT NULL,  -- empty: all
        active  boolean  NOT NULL,
        PRIMARY KEY (lane, agent)
    );

    EXECUTE format('GRANT USAGE ON SCHEMA %I TO daybook_reporting', target);
    GRANT SELECT, INSERT, UPDATE ON clients, agents TO daybook_reporting;
    GRANT SELECT, INSERT, UPDATE, DELETE ON people TO daybook_reporting;
END
$$;

CREATE FUNCTION reporting.index_directory(target text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM set_config('search_path', target || ', pg_catalog', true);
    CREATE INDEX clients_by_prefix ON clients (prefix);
    CREATE INDEX agents_by_id ON agents (agent);
END
$$;

SELECT reporting.create_directory('reporting_directory');
SELECT reporting.index_directory('reporting_directory');
