-- name: lock
-- Taken first by whoever writes to the views of some lanes, in ascending order: the live consumer (move), or a rebuild
-- that is about to switch.
SELECT view, position FROM reporting.progress WHERE lane = ANY ($1::smallint[]) ORDER BY lane, view FOR UPDATE;

-- name: move
-- The same locks; what is said here is true once the transaction ends.
WITH locked AS MATERIALIZED (
    SELECT lane, view FROM reporting.progress WHERE lane = ANY ($1::smallint[]) ORDER BY lane, view FOR UPDATE
)
UPDATE reporting.progress p
SET position = greatest(p.position, m.position), recorded_at = greatest(p.recorded_at, m.recorded_at)
FROM locked l
JOIN unnest($1::smallint[], $2::bigint[], $3::timestamptz[]) AS m (lane, position, recorded_at) ON m.lane = l.lane
WHERE p.lane = l.lane AND p.view = l.view;

-- name: read
SELECT p.lane, p.position, p.recorded_at, l.position AS head
FROM reporting.progress p JOIN log.lanes l ON l.lane = p.lane
WHERE p.view = $1
ORDER BY p.lane;
