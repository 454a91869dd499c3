-- What became of clocks and promises. Rows hold ids and times, no text of anybody: erasing a person changes none of them.
--
-- A desk that has a past fills the view with `daybook rebuild sla`.
CREATE FUNCTION reporting.create_sla(target text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', target);
    PERFORM set_config('search_path', target, true);

    -- A judged cycle of a clock: it ended, its breach is in the log, or its ticket is left out of the count.
    CREATE TABLE cycles (
        lane             smallint    NOT NULL,
        ticket           uuid        NOT NULL,
        cycle            text        COLLATE "C" NOT NULL,
        client           text        COLLATE "C" NOT NULL,
        metric           text        COLLATE "C" NOT NULL,
        outcome          text        COLLATE "C" NOT NULL,  -- met, breached, waived, moved, spam, duplicate, merged
        judged_at        timestamptz NOT NULL,              -- the breach, or else the end
        started_at       timestamptz NOT NULL,
        due_at           timestamptz,
        ended_at         timestamptz,
        final_at         timestamptz,                       -- until then it may go on, if the ticket is opened again
        breached_at      timestamptz,
        breach           text        COLLATE "C",           -- ran_out, by_change, promise, pinned
        changed_by       uuid,
        waived_at        timestamptz,
        excluded_at      timestamptz,
        agent            uuid,                              -- whose it was when it was judged; so the next three
        team             text        COLLATE "C",
        category         text        COLLATE "C",
        priority         text        COLLATE "C",
        cause            text        COLLATE "C",           -- what was found, of the ticket
        policy           text        COLLATE "C" NOT NULL,
        calendar         text        COLLATE "C" NOT NULL,
        target_seconds   integer,                           -- of open time, as all that follow
        consumed_seconds integer     NOT NULL,
        paused_seconds   integer     NOT NULL,
        overdue_seconds  integer     NOT NULL,
        running_from     timestamptz,                       -- still running: its overdue time grows from here
        PRIMARY KEY (lane, ticket, cycle)
    );

    CREATE TABLE pauses (
        lane           smallint    NOT NULL,
        ticket         uuid        NOT NULL,
        started_at     timestamptz NOT NULL,
        client         text        COLLATE "C" NOT NULL,
        waits_for      text        COLLATE "C" NOT NULL,    -- customer, supplier
        asked          boolean     NOT NULL,                -- the desk had spoken since the customer's last word
        ended_at       timestamptz,
        ended_by       text        COLLATE "C",             -- customer, desk, solved
        messages       integer     NOT NULL,                -- of the customer, meanwhile
        answered_at    timestamptz,                         -- the first of them
        open_seconds   integer,
        unread_seconds integer,                             -- open time that it went on after the answer
        agent          uuid,
        team           text        COLLATE "C",
        category       text        COLLATE "C",
        priority       text        COLLATE "C",
        origin         text        COLLATE "C" NOT NULL,
        PRIMARY KEY (lane, ticket, started_at)
    );

    -- Tickets that have ended: how long until the solution, and how long without a word on the way.
    CREATE TABLE stories (
        lane             smallint    NOT NULL,
        ticket           uuid        NOT NULL,
        client           text        COLLATE "C" NOT NULL,
        solved_at        timestamptz NOT NULL,
        opened_at        timestamptz NOT NULL,
        solution_seconds integer     NOT NULL,
        open_seconds     integer     NOT NULL,              -- of it the desk's working time, without pauses
        silence_seconds  integer     NOT NULL,              -- the longest time without news
        news             integer     NOT NULL,
        excluded         text        COLLATE "C",
        agent            uuid,
        team             text        COLLATE "C",
        category         text        COLLATE "C",
        priority         text        COLLATE "C",
        PRIMARY KEY (lane, ticket)
    );

    -- How many cycles were judged how, by UTC day. Facet and value are empty, or `agent` and whose they were.
    CREATE TABLE tallies (
        lane    smallint NOT NULL,
        facet   text     COLLATE "C" NOT NULL,
        value   text     COLLATE "C" NOT NULL,
        client  text     COLLATE "C" NOT NULL,
        day     date     NOT NULL,
        metric  text     COLLATE "C" NOT NULL,
        outcome text     COLLATE "C" NOT NULL,
        cycles  bigint   NOT NULL,
        PRIMARY KEY (lane, facet, day, client, value, metric, outcome)
    ) WITH (fillfactor = 50);

    EXECUTE format('GRANT USAGE ON SCHEMA %I TO daybook_reporting', target);
    GRANT SELECT, INSERT, UPDATE, DELETE ON cycles, pauses, stories TO daybook_reporting;
    GRANT SELECT, INSERT, UPDATE ON tallies TO daybook_reporting;
END
$$;

CREATE FUNCTION reporting.index_sla(target text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM set_config('search_path', target || ', pg_catalog', true);
    CREATE INDEX cycles_of_client ON cycles (client, judged_at);
    CREATE INDEX cycles_by_time ON cycles (judged_at);
    CREATE INDEX pauses_of_client ON pauses (client, started_at);
    CREATE INDEX pauses_by_time ON pauses (started_at);
    CREATE INDEX stories_of_client ON stories (client, solved_at);
    CREATE INDEX stories_by_time ON stories (solved_at);
END
$$;

SELECT reporting.create_sla('reporting_sla');
SELECT reporting.index_sla('reporting_sla');
SELECT reporting.guard_view('reporting_sla');

INSERT INTO reporting.progress (lane, view) SELECT lane, 'sla' FROM generate_series(0, 15) AS lane;
INSERT INTO reporting.views (view) VALUES ('sla');
