-- name: ends
-- What the log says of itself, in one statement and so of one instant: heads, counters and cursors.
SELECT 'head' AS kind, l.lane, '' AS name, l.position AS first, 0::bigint AS second, l.hash FROM log.lanes l
UNION ALL
SELECT 'counter', c.lane, c.client, c.sequence, c.number, NULL FROM log.counters c
UNION ALL
SELECT 'cursor', u.lane, u.consumer, u.position, 0, NULL FROM log.cursors u;

-- name: raw
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       timestamptz_send(occurred_at), timestamptz_send(recorded_at), trace, payload, hash
FROM log.events
WHERE lane = $1 AND position > $2 AND position <= $3
ORDER BY position
LIMIT $4;

-- name: strays
-- Events where no lane reaches: behind its head, before its first position, or in no lane. Heads move with their events
-- in one transaction, so a statement never sees one without the other.
SELECT s.lane, s.position
FROM (
    SELECT e.lane, e.position
    FROM log.lanes l
    CROSS JOIN LATERAL (
        SELECT n.lane, n.position FROM log.events n WHERE n.lane = l.lane AND n.position > l.position
        UNION ALL
        SELECT n.lane, n.position FROM log.events n WHERE n.lane = l.lane AND n.position < 1
    ) e
    UNION ALL
    SELECT e.lane, e.position FROM log.events e WHERE e.lane < 0
    UNION ALL
    SELECT e.lane, e.position FROM log.events e WHERE e.lane > 15
) s
ORDER BY s.lane, s.position
LIMIT 1000;
