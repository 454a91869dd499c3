-- The queue: one row a ticket, the versions that its row had, and counts that need no counting.
--
-- Primary keys start with the lane, so that lanes can be spread over machines. The indexes behind the queue's pages do
-- not: a page over all clients takes its rows from one index in order, and a distributed PostgreSQL has such an index on
-- every machine and merges their beginnings. An index for each lane would have to be merged here, sixteen for each page.
CREATE FUNCTION reporting.create_queue(target text) RETURNS void
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
        by_deadline   bigint      NOT NULL,
        by_priority   bigint      NOT NULL,
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
        by_age        bigint      NOT NULL,  -- the other sort keys follow from priority and deadline
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

-- Made after a rebuilt queue was loaded: entries put in one by one would cost more than the load.
CREATE FUNCTION reporting.index_queue(target text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM set_config('search_path', target || ', pg_catalog', true);
    CREATE INDEX tickets_by_deadline ON tickets (status, by_deadline, ticket);
    CREATE INDEX tickets_by_age ON tickets (status, by_age, ticket);
    CREATE INDEX tickets_by_priority ON tickets (status, by_priority, ticket);
    CREATE INDEX tickets_of_client_by_deadline ON tickets (client, status, by_deadline, ticket);
    CREATE INDEX tickets_of_client_by_age ON tickets (client, status, by_age, ticket);
    CREATE INDEX tickets_of_agent ON tickets (agent, status, by_deadline, ticket);
    CREATE INDEX tickets_of_category ON tickets (category, status, by_age) WHERE category IS NOT NULL;
    CREATE INDEX tickets_of_requester ON tickets (requester, by_age);
    CREATE INDEX tickets_by_number ON tickets (client, number);
    CREATE INDEX tickets_by_tag ON tickets USING gin (tags) WHERE tags <> '{}';
    -- A summarising index: unlike any other one on valid_from it leaves an event that changes nothing else cheap (HOT).
    CREATE INDEX tickets_by_change ON tickets USING brin (valid_from) WITH (pages_per_range = 32);
    CREATE INDEX history_by_instant ON history USING gist (tstzrange(valid_from, valid_to));
    CREATE INDEX history_by_change ON history (valid_from) WHERE ended;
END
$$;

SELECT reporting.create_queue('reporting_queue');
SELECT reporting.index_queue('reporting_queue');
