-- name: pass_by
-- Where nobody has routes and nobody sets any, the lanes' events are nothing to routing: its places move on, and nothing
-- is read of them. Answers whether there is more to do than that.
WITH grown AS (
    SELECT g.lane, g.position, g.upto FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS g (lane, position, upto)
),
busy AS (
    SELECT EXISTS (SELECT FROM triage.routes) OR EXISTS (
        SELECT FROM grown g
        JOIN log.events e ON e.lane = g.lane AND e.position > g.position AND e.position <= g.upto
        WHERE e.type = 'client.routes_set'
    ) AS routed
),
passed AS (
    UPDATE log.cursors c SET position = g.upto
    FROM grown g, busy b
    WHERE NOT b.routed AND c.consumer = $1 AND c.lane = g.lane AND c.position = g.position
)
SELECT routed FROM busy;

-- name: routes
SELECT r.client, r.told FROM triage.routes r;

-- name: events
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS w (lane, after, upto)
JOIN log.events e ON e.lane = w.lane AND e.position > w.after AND e.position <= w.upto
WHERE e.type = ANY ($4::text[]) AND e.origin <> 'import'
ORDER BY e.lane, e.position;

-- name: hold
-- Keeps other replicas from moving the places while the assignments are filled.
SELECT c.lane, c.position FROM log.cursors c WHERE c.consumer = $1 ORDER BY c.lane FOR UPDATE;

-- name: set_routes
INSERT INTO triage.routes AS r (lane, client, position, told) VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT one_set_of_routes_per_client DO UPDATE SET position = excluded.position, told = excluded.told
WHERE r.position < excluded.position;

-- name: fill
-- Who has which open ticket, up to the place of each lane: asked once, when the first routes are set.
INSERT INTO triage.assignments (lane, ticket, agent, version)
SELECT h.lane, h.stream, (convert_from(h.payload, 'UTF8')::jsonb ->> 'agent')::uuid, h.version
FROM (
    SELECT DISTINCT ON (e.lane, e.stream) e.lane, e.stream, e.version, e.payload
    FROM unnest($1::smallint[], $2::bigint[]) AS w (lane, upto)
    JOIN log.events e ON e.lane = w.lane AND e.position <= w.upto
    WHERE e.type = 'ticket.assigned' AND e.origin <> 'import'
    ORDER BY e.lane, e.stream, e.version DESC
) h
WHERE convert_from(h.payload, 'UTF8')::jsonb ->> 'agent' IS NOT NULL
  AND coalesce((
        SELECT l.type FROM log.events l
        WHERE l.lane = h.lane AND l.stream = h.stream
          AND l.type IN ('ticket.resolved', 'ticket.closed', 'ticket.merged', 'ticket.reopened', 'ticket.unmerged')
        ORDER BY l.version DESC LIMIT 1
      ), 'ticket.reopened') IN ('ticket.reopened', 'ticket.unmerged')
ON CONFLICT ON CONSTRAINT one_assignment_per_ticket DO NOTHING;

-- name: note
-- What became of some tickets, the newest of each: who has it (null: nobody, or it has ended), by which version.
WITH told AS (
    SELECT t.lane, t.ticket, t.agent, t.version
    FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::integer[]) AS t (lane, ticket, agent, version)
),
gone AS (
    DELETE FROM triage.assignments a USING told t
    WHERE t.agent IS NULL AND a.lane = t.lane AND a.ticket = t.ticket AND a.version <= t.version
)
INSERT INTO triage.assignments AS a (lane, ticket, agent, version)
SELECT t.lane, t.ticket, t.agent, t.version FROM told t WHERE t.agent IS NOT NULL
ON CONFLICT ON CONSTRAINT one_assignment_per_ticket DO UPDATE SET agent = excluded.agent, version = excluded.version
WHERE a.version < excluded.version;

-- name: has_somebody
SELECT EXISTS (SELECT FROM triage.assignments a WHERE a.lane = $1 AND a.ticket = $2);

-- name: loads
SELECT a.agent, count(*) AS open FROM triage.assignments a GROUP BY a.agent;

-- name: step
-- A cursor, only from where we know it.
UPDATE log.cursors SET position = $4 WHERE consumer = $1 AND lane = $2 AND position = $3 RETURNING lane;
