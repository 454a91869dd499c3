-- name: prefixes
-- Every client that the desk serves, with what its references begin with; one that took another prefix keeps the old.
SELECT prefix, client FROM access.prefixes ORDER BY client, prefix LIMIT $1;

-- name: told
-- What the clients' streams tell of their names, oldest first; the rest of a stream is calendars and policies.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, stream)
JOIN log.events e ON e.lane = w.lane AND e.stream = w.stream
WHERE e.type IN ('client.registered', 'client.changed')
ORDER BY e.lane, e.stream, e.version;
