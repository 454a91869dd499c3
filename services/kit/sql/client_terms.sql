-- name: versions
-- How far a client's and the desk's configuration has come: while neither grows, what was read of them holds.
SELECT e.stream, max(e.version) AS version
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, stream)
JOIN log.events e ON e.lane = w.lane AND e.stream = w.stream
GROUP BY e.stream;

-- name: lately
-- What was asked and answered of late, in the order of the client's events: its load follows from it.
SELECT l.type, l.stream, l.occurred_at
FROM (
    SELECT e.type, e.stream, e.occurred_at, e.sequence, e.origin
    FROM log.events e
    WHERE e.lane = $1 AND e.client = $2
    ORDER BY e.sequence DESC
    LIMIT $4
) l
WHERE l.type = ANY ($3::text[]) AND l.origin <> 'import'
ORDER BY l.sequence;
