-- What triage keeps for itself.
CREATE SCHEMA triage;

-- When to look at a ticket next: only an index, the clocks are folded from the log each time. A ticket wakes at its
-- earliest coming threshold, or earlier for nothing: a pause or a later deadline writes no row. `due` is null while
-- nothing can come true (parked); the row goes with the ticket's end.
CREATE TABLE triage.wake_ups (
    lane   smallint NOT NULL,
    ticket uuid     NOT NULL,
    client text COLLATE "C" NOT NULL,
    due    timestamptz,
    CONSTRAINT one_wake_up_per_ticket PRIMARY KEY (lane, ticket)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02);  -- the index of due times is hot at its lower end

CREATE INDEX wake_ups_by_time ON triage.wake_ups (lane, due) WHERE due IS NOT NULL;

GRANT USAGE ON SCHEMA triage TO daybook_triage;
GRANT SELECT, INSERT, UPDATE, DELETE ON triage.wake_ups TO daybook_triage;

-- How many tickets are still to be woken up to an instant. Who moves the desk's clock asks this before moving it again.
CREATE FUNCTION triage.still_due(p_until timestamptz) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = triage, pg_temp
AS $$
    SELECT count(*) FROM generate_series(0, 15) AS s (lane)
    JOIN triage.wake_ups w ON w.lane = s.lane AND w.due <= p_until
$$;

REVOKE ALL ON FUNCTION triage.still_due FROM PUBLIC;
GRANT USAGE ON SCHEMA triage TO daybook_intake, daybook_reporting;
GRANT EXECUTE ON FUNCTION triage.still_due TO daybook_intake, daybook_reporting;
