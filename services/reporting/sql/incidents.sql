-- name: page
-- The newest first, behind a place. Who may see some clients sees the incidents that concern them (row-level security).
SELECT incident, opened_at FROM incidents
WHERE ($1::text[] IS NULL OR status = ANY ($1)) AND (opened_at, incident) < ($2, $3)
ORDER BY opened_at DESC, incident DESC
LIMIT $4;

-- name: counts
SELECT status, count(*)::int AS incidents FROM incidents GROUP BY status;

-- name: streams
-- All events of some incidents.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($2::uuid[]) AS w (stream)
JOIN log.events e ON e.lane = $1 AND e.stream = w.stream
ORDER BY e.stream, e.version;

-- name: public
-- What somebody put on the status page: what goes on, and what ended lately. Which of it was taken off again, the fold
-- says; practice stays inside.
SELECT i.incident FROM incidents i
WHERE (i.status = 'confirmed' OR (i.status = 'resolved' AND i.updated_at > $1))
  AND EXISTS (
      SELECT 1 FROM log.events e
      WHERE e.lane = i.lane AND e.stream = i.incident AND e.type = 'incident.published' AND e.origin <> 'practice'
  )
ORDER BY i.status, i.opened_at DESC, i.incident DESC
LIMIT $2;

-- name: tickets
-- What the queue knows of some tickets.
SELECT ticket, client, prefix, number, subject, status, priority, opened_at
FROM tickets WHERE lane = ANY ($1::smallint[]) AND ticket = ANY ($2::uuid[]);

-- name: of_tickets
-- The open incidents that some tickets belong to: the surest first.
SELECT m.ticket, m.incident, i.status
FROM members m JOIN incidents i ON i.lane = m.lane AND i.incident = m.incident
WHERE m.ticket = ANY ($1::uuid[]) AND i.status = ANY ($2::text[])
ORDER BY i.status, m.strength DESC, m.incident;

-- name: names
SELECT client, name FROM clients WHERE client = ANY ($1::text[]);
