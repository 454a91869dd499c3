-- name: counts
-- How many tickets there are of each status and priority, where at most one facet narrows them: kept, not counted.
SELECT c.status, c.priority, sum(c.tickets)::bigint AS tickets
FROM counts c
WHERE c.lane = ANY ($1::smallint[]) AND c.facet = $2 AND c.value = $3 AND ($4::text[] IS NULL OR c.client = ANY ($4))
GROUP BY c.status, c.priority;

-- name: counted
-- The same for any combination of filters, counted, up to a number of rows.
SELECT t.status, t.priority, count(*) AS tickets
FROM (
    SELECT t.status, coalesce(t.priority, '') AS priority
    FROM tickets t
    WHERE ($2::text[] IS NULL OR t.client = ANY ($2))
      AND ($3::text IS NULL OR t.category = $3)
      AND ($4::uuid IS NULL OR t.agent = $4)
      AND ($5::boolean IS NOT TRUE OR t.agent IS NULL)
      AND ($6::text IS NULL OR t.tags @> ARRAY[$6] AND t.tags <> '{}')
    LIMIT $1
) t
GROUP BY t.status, t.priority;

-- name: counted_as_of
-- The same at an instant.
SELECT f.status, f.priority, count(*) AS tickets
FROM (
    SELECT t.status, coalesce(t.priority, '') AS priority
    FROM tickets t
    WHERE t.valid_from <= $1::timestamptz
      AND ($2::text[] IS NULL OR t.client = ANY ($2))
      AND ($3::text IS NULL OR t.category = $3)
      AND ($4::uuid IS NULL OR t.agent = $4)
      AND ($5::boolean IS NOT TRUE OR t.agent IS NULL)
      AND ($6::text IS NULL OR t.tags @> ARRAY[$6] AND t.tags <> '{}')
    UNION ALL
    SELECT h.status, coalesce(h.priority, '')
    FROM history h
    WHERE tstzrange(h.valid_from, h.valid_to) @> $1::timestamptz
      AND ($2::text[] IS NULL OR h.client = ANY ($2))
      AND ($3::text IS NULL OR h.category = $3)
      AND ($4::uuid IS NULL OR h.agent = $4)
      AND ($5::boolean IS NOT TRUE OR h.agent IS NULL)
      AND ($6::text IS NULL OR h.tags @> ARRAY[$6])
) f
GROUP BY f.status, f.priority;
