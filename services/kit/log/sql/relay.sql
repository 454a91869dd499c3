-- name: window
-- What follows the given positions of some lanes: so many events, and so many bytes, of each.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::bigint[]) AS held (lane, position)
CROSS JOIN LATERAL (
    SELECT n.*, sum(octet_length(n.payload)) OVER (ORDER BY n.position) - octet_length(n.payload) AS bytes_before
    FROM (
        SELECT n.lane, n.position, n.client, n.sequence, n.number, n.stream, n.version, n.id, n.type, n.schema_version,
               n.actor, n.causation, n.origin, n.occurred_at, n.recorded_at, n.trace, n.payload
        FROM log.events n
        WHERE n.lane = held.lane AND n.position > held.position
        ORDER BY n.position
        LIMIT $3
    ) n
) e
WHERE e.bytes_before < $4
ORDER BY e.lane, e.position;

-- name: lowest_cursor
-- Where a lane that the bus knows nothing of is filled again from: no consumer needs what is before it. A consumer
-- that has never moved in this lane has digested nothing of it. Who is further behind than $2 reads the log anyway, and
-- faster: to send all that over the bus too would take a quarter of all CPU.
SELECT greatest(coalesce(min(coalesce(own.position, 0)), 0),
                (SELECT position FROM log.lanes WHERE lane = $1) - $2::bigint)
FROM (SELECT DISTINCT consumer FROM log.cursors) c
LEFT JOIN log.cursors own ON own.consumer = c.consumer AND own.lane = $1;

-- name: event_id
SELECT id FROM log.events WHERE lane = $1 AND position = $2;
