-- name: lead
-- Takes the radar where nobody holds it, or renews; one row where it is ours.
INSERT INTO triage.radar_lead AS l (lane, holder, epoch, expires_at)
VALUES ($1, $2, 1, clock_timestamp() + $3::interval)
ON CONFLICT (lane) DO UPDATE
SET holder = excluded.holder, epoch = l.epoch + (l.holder <> excluded.holder)::int, expires_at = excluded.expires_at
WHERE l.holder = excluded.holder OR l.expires_at < clock_timestamp()
RETURNING epoch;

-- name: still_lead
-- Held until the transaction ends: nobody takes over in the middle of what it writes.
SELECT count(*) FROM (SELECT FROM triage.radar_lead WHERE lane = $1 AND holder = $2 AND epoch = $3 FOR SHARE) l;

-- name: resign
UPDATE triage.radar_lead SET expires_at = '-infinity' WHERE lane = $1 AND holder = $2;

-- name: rest
-- How far a leader at rest has read, for who wants to know whether anything is still to come.
UPDATE triage.radar_lead SET positions = $4 WHERE lane = $1 AND holder = $2 AND epoch = $3;

-- name: load
SELECT positions, state FROM triage.radar_state WHERE lane = $1;

-- name: save
INSERT INTO triage.radar_state (lane, positions, state, tickets) VALUES ($1, $2, $3, $4)
ON CONFLICT (lane) DO UPDATE
SET positions = excluded.positions, state = excluded.state, tickets = excluded.tickets, saved_at = clock_timestamp();

-- name: begin
-- Where a radar without a state begins to learn: older tickets would hardly count any more.
SELECT l.lane, coalesce((SELECT max(e.position) FROM log.events e
                         WHERE e.lane = l.lane AND e.recorded_at < clock_timestamp() - $1::interval), 0) AS position
FROM log.lanes l ORDER BY l.lane;

-- name: fresh_since
-- What was recorded before is learned from, and told of no more.
SELECT clock_timestamp() - $1::interval;

-- name: births
-- The first events of some tickets.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, stream)
JOIN log.events e ON e.lane = w.lane AND e.stream = w.stream AND e.version = 1;

-- name: tickets_of
-- Those of some tickets that a person submitted.
SELECT e.stream
FROM unnest($1::uuid[]) AS w (stream)
JOIN log.events e ON e.lane = $2 AND e.stream = w.stream AND e.version = 1
WHERE convert_from(e.payload, 'UTF8')::jsonb ->> 'requester' = $3;
