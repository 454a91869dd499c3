-- name: histories
-- The whole streams of the tickets that have new facts, each in order.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, stream)
JOIN log.events e ON e.lane = w.lane AND e.stream = w.stream
ORDER BY e.lane, e.stream, e.version;

-- name: terms
-- What clients have bought, and from which position of their lane on. A client has few such events.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, stream)
JOIN log.events e ON e.lane = w.lane AND e.stream = w.stream
WHERE e.type IN ('client.registered', 'client.changed')
ORDER BY e.lane, e.position;

-- name: newest
-- The newest event of one stream.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM log.events e
WHERE e.lane = $1 AND e.stream = $2
ORDER BY e.version DESC
LIMIT 1;

-- name: versions
-- How often each of some streams was told of: what is large is read anew only where that grew.
SELECT e.stream, max(e.version) AS version
FROM log.events e
WHERE e.lane = $1 AND e.stream = ANY ($2::uuid[])
GROUP BY e.stream;

-- name: births
-- The first event of some streams.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, stream)
JOIN log.events e ON e.lane = w.lane AND e.stream = w.stream AND e.version = 1;

-- name: of_types
-- What a lane holds of some types behind a position, in order: for who learns from history, which nobody waits for.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM log.events e
WHERE e.lane = $1 AND e.position > $2 AND e.type = ANY ($3::text[])
ORDER BY e.position
LIMIT $4;
