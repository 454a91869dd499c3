-- name: window
-- The newest tickets that were opened in a range, from the end of one index for each status (and client, where only some
-- are asked for): no more rows are read than may be shown. Subjects are sealed.
SELECT t.lane, t.ticket, t.client, t.prefix || '-' || t.number AS reference, t.requester, t.category, t.subject, t.status,
       t.opened_at
FROM unnest($1::text[]) AS wanted (status)
CROSS JOIN unnest(coalesce($2::text[], ARRAY[''])) AS scope (client)
CROSS JOIN LATERAL (
    SELECT n.lane, n.ticket, n.client, n.number, n.prefix, n.requester, n.category, n.subject, n.status, n.opened_at, n.by_age
    FROM tickets n
    WHERE n.status = wanted.status
      AND ($2::text[] IS NULL OR n.client = scope.client)
      AND n.by_age >= $3 AND n.by_age < $4
    ORDER BY n.by_age DESC, n.ticket DESC
    LIMIT $5
) t
ORDER BY t.by_age DESC, t.ticket DESC
LIMIT $5;

-- name: births
-- How tickets began, with what was written, sealed; a text that is a log file stays where it is.
SELECT e.stream, e.type, e.schema_version, e.payload
FROM unnest($1::smallint[], $2::uuid[]) AS asked (lane, stream)
JOIN log.events e ON e.lane = asked.lane AND e.stream = asked.stream AND e.version = 1
WHERE octet_length(e.payload) <= $3;

-- name: judgements
-- What agents said of pairs of tickets, the newest word first, among the newest events of the desk itself.
SELECT e.stream, e.type, e.schema_version, e.payload
FROM (
    SELECT n.stream, n.type, n.schema_version, n.payload, n.sequence FROM log.events n
    WHERE n.lane = $1 AND n.client = $2
    ORDER BY n.sequence DESC
    LIMIT $3
) e
WHERE e.type = $4
ORDER BY e.sequence DESC;

-- name: names
SELECT c.client, c.name FROM clients c WHERE c.client = ANY ($1);
