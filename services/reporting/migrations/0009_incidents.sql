-- Incidents: one row each, and which tickets are theirs. What else is told of one is folded from its stream when it is
-- looked at. All incidents are the desk's own, so they stand in one lane; a member is told by its client, for row-level
-- security, and an incident by all of its clients.
CREATE FUNCTION reporting.create_incidents(target text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', target);
    PERFORM set_config('search_path', target || ', pg_catalog', true);

    CREATE TABLE incidents (
        lane       smallint    NOT NULL,
        incident   uuid        NOT NULL,
        version    integer     NOT NULL,
        status     text        COLLATE "C" NOT NULL,
        opened_at  timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        affected   text[]      COLLATE "C" NOT NULL,
        tickets    integer     NOT NULL,
        next_update_at timestamptz,
        PRIMARY KEY (lane, incident)
    ) WITH (fillfactor = 70);

    CREATE TABLE members (
        lane     smallint NOT NULL,
        incident uuid     NOT NULL,
        ticket   uuid     NOT NULL,
        client   text     COLLATE "C" NOT NULL,
        strength real     NOT NULL,
        PRIMARY KEY (lane, incident, ticket)
    );

    ALTER TABLE incidents ENABLE ROW LEVEL SECURITY;
    CREATE POLICY whole_desk ON incidents USING (true);
    CREATE POLICY clients_named ON incidents AS RESTRICTIVE TO daybook_reader
        USING (affected && log.clients_seen());

    EXECUTE format('GRANT USAGE ON SCHEMA %I TO daybook_reporting', target);
    GRANT SELECT, INSERT, UPDATE ON incidents TO daybook_reporting;
    GRANT SELECT, INSERT, UPDATE, DELETE ON members TO daybook_reporting;
END
$$;

CREATE FUNCTION reporting.index_incidents(target text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM set_config('search_path', target || ', pg_catalog', true);
    CREATE INDEX incidents_by_time ON incidents (opened_at DESC, incident);
    CREATE INDEX members_by_ticket ON members (ticket);
END
$$;

SELECT reporting.create_incidents('reporting_incidents');
SELECT reporting.index_incidents('reporting_incidents');
SELECT reporting.guard_view('reporting_incidents');

-- A desk that has run before has no incident that a screen knew of: whatever it holds is digested from its beginning.
INSERT INTO reporting.progress (lane, view) SELECT lane, 'incidents' FROM generate_series(0, 15) AS lane;
INSERT INTO reporting.views (view) VALUES ('incidents');
