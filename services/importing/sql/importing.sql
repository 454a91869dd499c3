-- name: present
-- What the log already has of these tickets. Each is asked for in all lanes: an earlier, shorter file may have known no
-- client of a ticket, and a ticket never moves. LATERAL with a limit keeps the planner on one index probe a stream.
-- The birth's payload names the requester, who is then not looked for again: they may have been erased since.
SELECT e.stream, e.client, e.version, e.id, e.occurred_at, e.adopted, e.birth
FROM unnest($1::smallint[], $2::uuid[]) AS asked (lane, stream)
CROSS JOIN LATERAL (
    SELECT o.stream, o.client, o.version, o.id, o.occurred_at, o.type = 'ticket.adopted' AS adopted,
           CASE WHEN o.type = 'ticket.submitted' THEN o.payload END AS birth
    FROM log.events o
    WHERE o.lane = asked.lane AND o.stream = asked.stream
    ORDER BY o.version
    LIMIT $3
) e;

-- name: begun
-- Which of these people have been registered.
SELECT asked.stream
FROM unnest($1::smallint[], $2::uuid[]) AS asked (lane, stream)
WHERE EXISTS (SELECT 1 FROM log.events e WHERE e.lane = asked.lane AND e.stream = asked.stream AND e.version = 1);
