-- name: lock
-- Taken first by whoever writes to the views of a lane: the live consumer, or a rebuild that is about to switch.
SELECT view, position FROM reporting.progress WHERE lane = $1 ORDER BY view FOR UPDATE;

-- name: move
UPDATE reporting.progress SET position = greatest(position, $2), recorded_at = greatest(recorded_at, $3) WHERE lane = $1;

-- name: read
SELECT p.lane, p.position, p.recorded_at, l.position AS head
FROM reporting.progress p JOIN log.lanes l ON l.lane = p.lane
WHERE p.view = $1
ORDER BY p.lane;
