-- A lane's recorded_at is its watermark, too: whatever it takes in later bears this instant or a later one. Events before
-- the lowest watermark of all lanes can be put into one order that nothing comes to change.

-- Moves the watermarks of lanes beyond the newest event, so that a silent lane holds nobody up; of a silent desk once.
-- A lane that is being written to is left alone: its writer moves it.
CREATE FUNCTION log.beat(p_lanes smallint[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp
AS $$
DECLARE
    newest timestamptz;
    moved  integer;
BEGIN
    SELECT max(e.recorded_at) INTO newest
    FROM log.lanes l JOIN log.events e ON e.lane = l.lane AND e.position = l.position;

    WITH silent AS (
        SELECT l.lane FROM log.lanes l
        WHERE l.lane = ANY (p_lanes) AND l.recorded_at <= newest
        ORDER BY l.lane
        FOR UPDATE SKIP LOCKED
    )
    UPDATE log.lanes l SET recorded_at = greatest(clock_timestamp(), newest + interval '1 microsecond')
    FROM silent s WHERE l.lane = s.lane;
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END
$$;

REVOKE ALL ON FUNCTION log.beat FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.beat TO daybook_relay;
