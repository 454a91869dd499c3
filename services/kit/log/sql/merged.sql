-- name: beat
SELECT log.beat($1::smallint[]);

-- name: merged
-- What follows a place in all lanes, in one order, up to the lowest watermark: nothing comes in before it any more.
WITH watermark AS (SELECT min(l.recorded_at) AS upto FROM log.lanes l)
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::bigint[]) AS place (lane, position)
CROSS JOIN LATERAL (
    SELECT n.lane, n.position, n.client, n.sequence, n.number, n.stream, n.version, n.id, n.type, n.schema_version,
           n.actor, n.causation, n.origin, n.occurred_at, n.recorded_at, n.trace, n.payload
    FROM log.events n
    WHERE n.lane = place.lane AND n.position > place.position AND n.recorded_at < (SELECT w.upto FROM watermark w)
    ORDER BY n.position
    LIMIT $3
) e
ORDER BY e.recorded_at, e.lane, e.position
LIMIT $3;

-- name: merged_of
-- The same, of which only some types ($4) are handed out whole; of every lane's last event the position is told, so that
-- its reader's place moves on over what it does not want.
WITH watermark AS (SELECT min(l.recorded_at) AS upto FROM log.lanes l),
found AS (
    SELECT e.lane, e.position, e.type, e.recorded_at
    FROM unnest($1::smallint[], $2::bigint[]) AS place (lane, position)
    CROSS JOIN LATERAL (
        SELECT n.lane, n.position, n.type, n.recorded_at
        FROM log.events n
        WHERE n.lane = place.lane AND n.position > place.position AND n.recorded_at < (SELECT w.upto FROM watermark w)
        ORDER BY n.position
        LIMIT $3
    ) e
    ORDER BY e.recorded_at, e.lane, e.position
    LIMIT $3
),
told AS (
    SELECT f.lane, f.position, f.type = ANY ($4::text[]) AS wanted,
           f.position = max(f.position) OVER (PARTITION BY f.lane) AS last
    FROM found f
)
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload, t.wanted, t.last
FROM told t JOIN log.events e ON e.lane = t.lane AND e.position = t.position
WHERE t.wanted OR t.last
ORDER BY e.recorded_at, e.lane, e.position;
