-- name: recorded
-- Tickets as the live radar met them, in the order of all lanes.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE type = 'ticket.submitted' AND origin = ANY ($1) AND client <> '_desk' AND recorded_at >= $2 AND recorded_at < $3
ORDER BY recorded_at, lane, position;

-- name: occurred
-- Imported tickets, which were recorded all at once: in the order in which they happened.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE type = 'ticket.submitted' AND origin = ANY ($1) AND client <> '_desk' AND occurred_at >= $2 AND occurred_at < $3
ORDER BY occurred_at, lane, position;
