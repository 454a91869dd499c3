-- name: staff
-- The newest that is told of each of the desk's people. Who was erased has no row any more.
SELECT p.person AS stream, e.type, e.schema_version, e.payload
FROM personal.people p
CROSS JOIN LATERAL (
    SELECT a.type, a.schema_version, a.payload
    FROM log.events a
    WHERE a.lane = p.lane AND a.stream = p.person AND a.type IN ('agent.registered', 'agent.changed', 'agent.deactivated')
    ORDER BY a.version DESC
    LIMIT 1
) e
WHERE p.lane = $1 AND p.client = $2
ORDER BY p.person
LIMIT $3;
