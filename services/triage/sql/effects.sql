-- name: open
INSERT INTO log.cursors (lane, consumer, position)
SELECT lane, $1, 0 FROM log.lanes ON CONFLICT (lane, consumer) DO NOTHING;

-- name: grown
-- Lanes that have grown beyond the cursor, and up to where they are looked at now.
SELECT c.lane, c.position, least(l.position, c.position + $2) AS upto
FROM log.cursors c JOIN log.lanes l ON l.lane = c.lane
WHERE c.consumer = $1 AND l.position > c.position
ORDER BY c.lane;

-- name: causes
-- Events that have intake do something; of judgements those that may bring a promise forward. Imports cause nothing.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS w (lane, after, upto)
JOIN log.events e ON e.lane = w.lane AND e.position > w.after AND e.position <= w.upto
WHERE e.type = ANY ($4::text[]) AND e.origin <> 'import'
  AND (e.type <> 'ticket.prioritised'
       OR e.payload LIKE '%"priority":"P1"%'::bytea OR e.payload LIKE '%"priority":"P2"%'::bytea)
ORDER BY e.lane, e.position;

-- name: move
-- Only from where we know them: another replica may have been here. Rows are locked in ascending order, as everybody
-- locks them.
WITH locked AS MATERIALIZED (
    SELECT FROM log.cursors WHERE consumer = $1 AND lane = ANY ($2::smallint[]) ORDER BY lane FOR UPDATE
)
UPDATE log.cursors c SET position = m.upto
FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS m (lane, position, upto)
WHERE c.consumer = $1 AND c.lane = m.lane AND c.position = m.position AND (SELECT count(*) FROM locked) > 0;

-- name: put_aside
-- A command that intake refuses for good, for people to see and to have tried again. Nothing waits for it.
INSERT INTO log.dead_letters (lane, consumer, position, stream, type, error, attempts, failed_at)
VALUES ($1, $2, $3, $4, $5, $6, 1, clock_timestamp())
ON CONFLICT ON CONSTRAINT one_dead_letter_per_event DO NOTHING;

-- name: has_policy
SELECT EXISTS (
    SELECT FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, stream)
    JOIN log.events e ON e.lane = w.lane AND e.stream = w.stream
    WHERE e.type = 'client.policy_set'
);
