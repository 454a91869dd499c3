-- A consumer's row of a lane is its lock: effects, cursor, letters and what waits change under it, together.

-- name: open_cursors
INSERT INTO log.cursors (lane, consumer, position)
SELECT lane, $1, 0 FROM log.lanes ON CONFLICT (lane, consumer) DO NOTHING;

-- name: begin
-- Counts the starts at one position; a process that ends in order takes its start back (end). Where nothing is to be
-- done nothing can have killed anybody. It never counts far: a desk that cannot start may try for days.
UPDATE log.cursors c
SET begun = CASE WHEN c.begun_at = c.position AND c.position < l.position THEN least(c.begun + 1, 100) ELSE 1 END,
    begun_at = c.position
FROM log.lanes l
WHERE c.consumer = $1 AND l.lane = c.lane
RETURNING c.lane, c.position, c.begun - 1 AS deaths, CASE WHEN c.tried_at = c.position THEN c.tried ELSE 0 END AS killed;

-- name: end
UPDATE log.cursors SET begun = 0, tried = 0 WHERE consumer = $1;

-- name: try_alone
-- Committed before the event after $3 is tried; gone from there when the cursor moves, taken back when it only failed.
UPDATE log.cursors SET tried = CASE WHEN tried_at = position THEN tried + 1 ELSE 1 END, tried_at = position
WHERE lane = $1 AND consumer = $2 AND position = $3;

-- name: survived
UPDATE log.cursors SET tried = greatest(0, tried - 1) WHERE lane = $1 AND consumer = $2 AND tried_at = $3;

-- name: look
-- Where the lanes and a consumer's cursors are. A bus that was wiped shows no hole at its end; this does.
SELECT l.lane, l.position AS head, c.position AS cursor
FROM log.lanes l JOIN log.cursors c ON c.lane = l.lane AND c.consumer = $1
ORDER BY l.lane;

-- name: move
-- Moves cursors from where we know them, and says which streams wait. A lane that is missing from the answer has been
-- moved by another process of the same consumer. All rows are locked first, in ascending order, as triage's timers lock
-- them too: an update alone locks them in whatever order its plan meets them.
WITH locked AS MATERIALIZED (
    SELECT FROM log.cursors WHERE consumer = $1 AND lane = ANY ($2::smallint[]) ORDER BY lane FOR UPDATE
)
UPDATE log.cursors c SET position = m.upto
FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS m (lane, after, upto)
WHERE c.consumer = $1 AND c.lane = m.lane AND c.position = m.after AND (SELECT count(*) FROM locked) > 0
RETURNING c.lane, c.waiting;

-- name: bury
-- An event that could not be digested. Its stream waits for it from now on.
WITH waits AS (
    UPDATE log.cursors SET waiting = array_append(waiting, $4)
    WHERE lane = $1 AND consumer = $2 AND NOT $4 = ANY (waiting)
)
INSERT INTO log.dead_letters (lane, consumer, position, stream, type, error, attempts, failed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp());

-- name: hold_back
-- A later event of a stream that waits.
INSERT INTO log.dead_letters (lane, consumer, position, stream, type, error, attempts, failed_at)
SELECT $1::smallint, $2, $3::bigint, $4::uuid, $5, format('waits for %s:%s', $1::smallint, min(d.position)), 0,
       clock_timestamp()
FROM log.dead_letters d
WHERE d.lane = $1 AND d.consumer = $2 AND d.stream = $4 AND d.replayed_at IS NULL;

-- name: asked
-- The streams whose replay a person has asked for.
SELECT DISTINCT lane, stream FROM log.dead_letters
WHERE consumer = $1 AND replayed_at IS NULL AND replay_requested_at IS NOT NULL;

-- name: lock
SELECT position FROM log.cursors WHERE lane = $1 AND consumer = $2 FOR UPDATE;

-- name: first_letter
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM log.dead_letters d
JOIN log.events e ON e.lane = d.lane AND e.position = d.position
WHERE d.consumer = $2 AND d.lane = $1 AND d.stream = $3 AND d.replayed_at IS NULL
ORDER BY d.position
LIMIT 1;

-- name: replay_begins
-- Committed before a stream's first letter is tried, so that the next process learns which letter killed this one.
UPDATE log.dead_letters d SET replay_began_at = clock_timestamp()
WHERE d.lane = $1 AND d.consumer = $2
  AND d.position = (SELECT min(w.position) FROM log.dead_letters w
                    WHERE w.lane = $1 AND w.consumer = $2 AND w.stream = $3 AND w.replayed_at IS NULL);

-- name: replays_that_killed
-- A replay that a dead process had under way is not asked for any more: it would kill every next process, too.
UPDATE log.dead_letters
SET error = $2, attempts = attempts + 1, failed_at = clock_timestamp(), replay_requested_at = NULL, replay_began_at = NULL
WHERE consumer = $1 AND replayed_at IS NULL AND replay_began_at IS NOT NULL;

-- name: end_replays
UPDATE log.dead_letters SET replay_began_at = NULL
WHERE consumer = $1 AND replayed_at IS NULL AND replay_began_at IS NOT NULL;

-- name: replayed
UPDATE log.dead_letters SET replayed_at = clock_timestamp(), replay_requested_at = NULL, replay_began_at = NULL
WHERE lane = $1 AND consumer = $2 AND position = $3;

-- name: failed_again
UPDATE log.dead_letters
SET error = $4, attempts = attempts + 1, failed_at = clock_timestamp(), replay_requested_at = NULL, replay_began_at = NULL
WHERE lane = $1 AND consumer = $2 AND position = $3;

-- name: wait_no_more
UPDATE log.cursors SET waiting = array_remove(waiting, $3) WHERE lane = $1 AND consumer = $2;
