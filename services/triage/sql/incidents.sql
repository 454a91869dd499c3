-- name: place
SELECT position FROM triage.incident_effects WHERE lane = $1;

-- name: head
SELECT position FROM log.lanes WHERE lane = $1;

-- name: move
INSERT INTO triage.incident_effects AS i (lane, position) VALUES ($1, $2)
ON CONFLICT (lane) DO UPDATE SET position = greatest(i.position, excluded.position);

-- name: news
-- What happened to incidents between two positions of the desk's lane, in order.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM log.events e
WHERE e.lane = $1 AND e.position > $2 AND e.position <= $3 AND e.type >= 'incident.' AND e.type < 'incident/'
ORDER BY e.position;
