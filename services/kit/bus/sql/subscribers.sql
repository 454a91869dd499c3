-- name: add
-- And where all subscribers are shown.
WITH shown AS (
    INSERT INTO log.outside_subscribers (lane, kind, name, client, place) VALUES ($2, 'nats', $1::uuid::text, $3, $5)
)
INSERT INTO access.bus_subscribers (token, lane, client, key, begins, filled, position) VALUES ($1, $2, $3, $4, $5, $5, $5);

-- name: one_at_a_time
-- Until the end of the transaction: who counts them and adds one does it alone.
SELECT pg_advisory_xact_lock(hashtextextended('daybook.bus_subscribers', 0));

-- name: forget
-- A subscriber that never could read, and its token.
WITH gone AS (
    DELETE FROM access.bus_subscribers WHERE token = $1 RETURNING token, lane
), hidden AS (
    DELETE FROM log.outside_subscribers o USING gone
    WHERE o.lane = gone.lane AND o.kind = 'nats' AND o.name = gone.token::text
)
DELETE FROM access.tokens t USING gone WHERE t.id = gone.token;

-- name: living
SELECT token, lane, client, key, begins, filled, position, told_at FROM access.bus_subscribers_living ORDER BY token;

-- name: living_in
SELECT token, lane, client, key, begins, filled, position, told_at FROM access.bus_subscribers_living
WHERE lane = ANY ($1::smallint[]) ORDER BY token;

-- name: dead_in
-- Revoked or ended, and their stream may still be there.
SELECT s.token FROM access.bus_subscribers s
WHERE s.lane = ANY ($1::smallint[]) AND s.closed_at IS NULL
  AND NOT EXISTS (SELECT FROM access.bus_subscribers_living l WHERE l.token = s.token);

-- name: close
WITH closed AS (
    UPDATE access.bus_subscribers SET closed_at = clock_timestamp() WHERE token = $1 RETURNING token, lane
)
UPDATE log.outside_subscribers o SET revoked_at = clock_timestamp() FROM closed c
WHERE o.lane = c.lane AND o.kind = 'nats' AND o.name = c.token::text;

-- name: tell
-- $2 filled, $3 acknowledged, $4 sent and not acknowledged, $5 whether the program is there and asks for more. What has
-- not changed is not written: this is asked every few seconds, also on a silent desk.
WITH told AS (
    UPDATE access.bus_subscribers SET filled = $2, position = greatest(position, $3), told_at = clock_timestamp()
    WHERE token = $1 AND (filled <> $2 OR position < $3)
)
UPDATE log.outside_subscribers o
SET place = greatest(o.place, $3), waiting = $4, seen_at = CASE WHEN $5 THEN clock_timestamp() ELSE o.seen_at END
FROM access.bus_subscribers s
WHERE s.token = $1 AND o.lane = s.lane AND o.kind = 'nats' AND o.name = s.token::text
  AND (o.place < $3 OR o.waiting <> $4 OR ($5 AND coalesce(o.seen_at < clock_timestamp() - interval '1 minute', true)));

-- name: sequence
-- How far a client's own numbering is; no row where it has no event yet.
SELECT sequence FROM log.counters WHERE lane = $1 AND client = $2;

-- name: window
-- What follows a sequence of one client: so many events, and so many bytes and the event that goes beyond.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM (
    SELECT n.lane, n.position, n.client, n.sequence, n.number, n.stream, n.version, n.id, n.type, n.schema_version,
           n.actor, n.causation, n.origin, n.occurred_at, n.recorded_at, n.trace, n.payload,
           sum(octet_length(n.payload)) OVER (ORDER BY n.sequence) - octet_length(n.payload) AS bytes_before
    FROM (
        SELECT w.lane, w.position, w.client, w.sequence, w.number, w.stream, w.version, w.id, w.type, w.schema_version,
               w.actor, w.causation, w.origin, w.occurred_at, w.recorded_at, w.trace, w.payload
        FROM log.events w
        WHERE w.lane = $1 AND w.client = $2 AND w.sequence > $3
        ORDER BY w.sequence
        LIMIT $4
    ) n
) e
WHERE e.bytes_before < $5
ORDER BY e.sequence;

-- name: has_stream
SELECT EXISTS (SELECT FROM access.bus_subscribers WHERE token = $1 AND closed_at IS NULL);
