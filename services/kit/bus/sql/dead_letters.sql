-- name: list
-- Those that were never replayed, newest last; $1 names a consumer or is null for all.
SELECT lane, consumer, position, stream, type, error, attempts, failed_at, replay_requested_at, replayed_at
FROM log.dead_letters
WHERE ($1::text IS NULL OR consumer = $1) AND ($2 OR replayed_at IS NULL)
ORDER BY failed_at, lane, position
LIMIT $3;

-- name: show
SELECT d.lane, d.consumer, d.position, d.stream, d.type, d.error, d.attempts, d.failed_at, d.replay_requested_at,
       d.replayed_at, e.client, e.version, e.actor, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM log.dead_letters d
JOIN log.events e ON e.lane = d.lane AND e.position = d.position
WHERE d.consumer = $1 AND d.lane = $2 AND d.position = $3;

-- name: ask_replay
-- A stream is replayed from its first letter on, whichever of its letters was named. The consumer finds it within a
-- second. Nothing returns where nothing waits.
UPDATE log.dead_letters d SET replay_requested_at = clock_timestamp()
WHERE (d.lane, d.consumer, d.position) IN (
    SELECT w.lane, w.consumer, min(w.position) FROM log.dead_letters w
    WHERE w.replayed_at IS NULL AND ($1::text IS NULL OR w.consumer = $1)
      AND ($2::smallint IS NULL OR (w.consumer, w.lane, w.stream) IN (
              SELECT n.consumer, n.lane, n.stream FROM log.dead_letters n
              WHERE n.lane = $2 AND n.position = $3 AND n.replayed_at IS NULL))
    GROUP BY w.lane, w.consumer, w.stream)
RETURNING d.consumer, d.lane, d.position, d.stream;
