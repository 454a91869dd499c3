-- name: head
SELECT position, hash FROM log.lanes WHERE lane = $1;

-- name: raw
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload, hash
FROM log.events
WHERE lane = $1 AND position > $2 AND position <= $3
ORDER BY position
LIMIT $4;
