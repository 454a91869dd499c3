-- name: histories
-- The whole streams of the tickets that have new facts, each in order.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND stream = ANY ($2::uuid[])
ORDER BY stream, version;

-- name: terms
-- What clients have bought, and from which position of their lane on. A client has few such events.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND stream = ANY ($2::uuid[]) AND type IN ('client.registered', 'client.changed')
ORDER BY position;
