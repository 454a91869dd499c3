-- name: counts
-- How many tickets there are of each status and priority: of all, and of those that each facet asked for leaves.
SELECT asked.facet, c.status, c.priority, sum(c.tickets)::bigint AS tickets
FROM unnest($2::text[], $3::text[]) AS asked (facet, value)
JOIN counts c ON c.facet = asked.facet AND c.value = asked.value
WHERE c.lane = ANY ($1::smallint[]) AND ($4::text[] IS NULL OR c.client = ANY ($4))
GROUP BY asked.facet, c.status, c.priority
HAVING sum(c.tickets) <> 0;

-- name: counted
-- The same for a combination of facets, or for a range of deadlines or ages, which nobody keeps: counted, up to a number
-- of rows. A range is read by an index that begins with the status ($7).
SELECT t.status, t.priority, count(*) AS tickets
FROM (
    SELECT t.status, coalesce(t.priority, '') AS priority
    FROM tickets t
    WHERE ($2::text[] IS NULL OR t.client = ANY ($2))
      AND ($3::text IS NULL OR t.category = $3)
      AND ($4::uuid IS NULL OR t.agent = $4)
      AND ($5::boolean IS NOT TRUE OR t.agent IS NULL)
      AND ($6::text IS NULL OR t.tags @> ARRAY[$6] AND t.tags <> '{}')
      AND ($7::text[] IS NULL OR t.status = ANY ($7))
      AND ($8::bigint IS NULL OR t.by_deadline < $8)
      AND ($9::bigint IS NULL OR t.by_age >= $9 AND t.by_age < $10::bigint)
    LIMIT $1
) t
GROUP BY t.status, t.priority;

-- name: changed
-- Current rows that look as they do since before an instant, or ($7) that have changed since: the fewer of them are
-- counted, and the kept counts know the rest.
SELECT t.status, coalesce(t.priority, '') AS priority, count(*) AS tickets
FROM tickets t
WHERE CASE WHEN $7::boolean THEN t.valid_from > $1::timestamptz ELSE t.valid_from <= $1 END
  AND ($2::text[] IS NULL OR t.client = ANY ($2))
  AND ($3::text IS NULL OR t.category = $3)
  AND ($4::uuid IS NULL OR t.agent = $4)
  AND ($5::boolean IS NOT TRUE OR t.agent IS NULL)
  AND ($6::text IS NULL OR t.tags @> ARRAY[$6] AND t.tags <> '{}')
  AND ($8::text[] IS NULL OR t.status = ANY ($8))
  AND ($9::bigint IS NULL OR t.by_deadline < $9)
  AND ($10::bigint IS NULL OR t.by_age >= $10 AND t.by_age < $11::bigint)
GROUP BY t.status, coalesce(t.priority, '');

-- name: past
-- Versions that were valid at an instant and have been superseded since.
SELECT h.status, coalesce(h.priority, '') AS priority, count(*) AS tickets
FROM history h
WHERE tstzrange(h.valid_from, h.valid_to) @> $1::timestamptz
  AND ($2::text[] IS NULL OR h.client = ANY ($2))
  AND ($3::text IS NULL OR h.category = $3)
  AND ($4::uuid IS NULL OR h.agent = $4)
  AND ($5::boolean IS NOT TRUE OR h.agent IS NULL)
  AND ($6::text IS NULL OR h.tags @> ARRAY[$6])
  AND ($7::text[] IS NULL OR h.status = ANY ($7))
  AND ($8::bigint IS NULL OR ((extract(epoch FROM least(h.deadline, h.clock_due)) - 946684800) * 1000000)::bigint < $8)
  AND ($9::bigint IS NULL OR h.by_age >= $9 AND h.by_age < $10::bigint)
GROUP BY h.status, coalesce(h.priority, '');

-- name: oldest
-- When the first ticket was opened: the ends of the index by age.
SELECT min(first.opened_at) AS opened_at
FROM unnest($1::text[]) AS wanted (status)
CROSS JOIN LATERAL (
    SELECT t.opened_at FROM tickets t WHERE t.status = wanted.status ORDER BY t.by_age, t.ticket LIMIT 1
) first;
