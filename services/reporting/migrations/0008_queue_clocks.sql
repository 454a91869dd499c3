-- The queue sorts by what is due first, the promise or a clock, so its rows know the clock. A desk whose clients have
-- policies already brings its rows up to date with `daybook rebuild queue`.
CREATE OR REPLACE FUNCTION reporting.create_queue(target text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', target);
    PERFORM set_config('search_path', target, true);

    CREATE TABLE tickets (
        lane          smallint    NOT NULL,
        ticket        uuid        NOT NULL,
        client        text        COLLATE "C" NOT NULL,
        number        bigint      NOT NULL,
        prefix        text        COLLATE "C" NOT NULL,
        requester     uuid        NOT NULL,
        subject       text        NOT NULL,  -- JSON as in the event, sealed
        opened_at     timestamptz NOT NULL,
        valid_from    timestamptz NOT NULL,  -- when the last event happened; the row looks like this since then
        position      bigint      NOT NULL,
        version       integer     NOT NULL,
        status        text        COLLATE "C" NOT NULL,
        priority      text        COLLATE "C",
        category      text        COLLATE "C",
        agent         uuid,
        team          text        COLLATE "C",
        tags          text[]      COLLATE "C" NOT NULL,
        exchanges     integer     NOT NULL,
        deadline      timestamptz,           -- the next update promised, while the ticket is active
        source_status text,
        was_active    boolean     NOT NULL,  -- the version before this one was
        by_age        bigint      NOT NULL,  -- the sort keys: microseconds since 2000, and the priority's rank before them
        by_deadline   bigint      NOT NULL,  -- of the promise or the clock, whichever is due first
        by_priority   bigint      NOT NULL,
        clock_due     timestamptz,           -- when the first of the running clocks runs out, or ran out, and its metric
        clock         text        COLLATE "C",
        PRIMARY KEY (lane, ticket)
    ) WITH (fillfactor = 70);

    -- Superseded versions; each was valid in [valid_from, valid_to).
    CREATE TABLE history (
        lane          smallint    NOT NULL,
        ticket        uuid        NOT NULL,
        client        text        COLLATE "C" NOT NULL,
        valid_from    timestamptz NOT NULL,
        valid_to      timestamptz NOT NULL,
        position      bigint      NOT NULL,
        version       integer     NOT NULL,
        status        text        COLLATE "C" NOT NULL,
        priority      text        COLLATE "C",
        category      text        COLLATE "C",
        agent         uuid,
        team          text        COLLATE "C",
        tags          text[]      COLLATE "C" NOT NULL,
        exchanges     integer     NOT NULL,
        deadline      timestamptz,
        source_status text,
        ended         boolean     NOT NULL,  -- with this version the ticket left the active ones
        by_age        bigint      NOT NULL,  -- the other sort keys follow from priority, deadline and clock_due
        clock_due     timestamptz,
        clock         text        COLLATE "C",
        CONSTRAINT one_version_per_instant PRIMARY KEY (lane, ticket, valid_from)
    );

    -- How many tickets there are of each kind. Facet and value are empty, or name what the queue is filtered by.
    CREATE TABLE counts (
        lane     smallint NOT NULL,
        facet    text     COLLATE "C" NOT NULL,
        value    text     COLLATE "C" NOT NULL,
        client   text     COLLATE "C" NOT NULL,
        status   text     COLLATE "C" NOT NULL,
        priority text     COLLATE "C" NOT NULL,  -- empty: not judged yet
        tickets  bigint   NOT NULL,
        PRIMARY KEY (lane, facet, value, client, status, priority)
    ) WITH (fillfactor = 50);

    -- Tickets created, and ended (they left the active ones), by the UTC day on which it happened.
    CREATE TABLE days (
        lane    smallint NOT NULL,
        day     date     NOT NULL,
        client  text     COLLATE "C" NOT NULL,
        created bigint   NOT NULL,
        ended   bigint   NOT NULL,
        PRIMARY KEY (lane, day, client)
    ) WITH (fillfactor = 50);

    EXECUTE format('GRANT USAGE ON SCHEMA %I TO daybook_reporting', target);
    GRANT SELECT, INSERT, UPDATE ON tickets, counts, days TO daybook_reporting;
    GRANT SELECT, INSERT ON history TO daybook_reporting;
END
$$;

ALTER TABLE reporting_queue.tickets ADD clock_due timestamptz, ADD clock text COLLATE "C";
ALTER TABLE reporting_queue.history ADD clock_due timestamptz, ADD clock text COLLATE "C";
