-- name: figures
-- Kept counts, added up twice: by status and priority, and the active ones by client. `unassigned` rows are of the
-- tickets that nobody has taken.
SELECT c.client, c.status, c.priority, c.facet = 'assignee' AS unassigned,
       sum(c.tickets)::bigint AS tickets, sum(c.tickets) FILTER (WHERE c.status = ANY ($3::text[]))::bigint AS active
FROM counts c
WHERE c.lane = ANY ($1::smallint[]) AND c.facet IN ('', 'assignee') AND c.value = ''
  AND ($2::text[] IS NULL OR c.client = ANY ($2))
GROUP BY GROUPING SETS ((c.facet, c.status, c.priority), (c.facet, c.client))
HAVING sum(c.tickets) <> 0;

-- name: overdue
-- Active tickets whose promised instant has passed; with an instant, of rows that look as they do since before it.
SELECT t.client, count(*) AS tickets
FROM tickets t
WHERE t.status = ANY ($1::text[]) AND t.by_deadline < $2::bigint AND ($3::text[] IS NULL OR t.client = ANY ($3))
  AND ($4::timestamptz IS NULL OR t.valid_from <= $4)
GROUP BY t.client;

-- name: next_due
SELECT min(first.by_deadline) AS by_deadline
FROM unnest($1::text[]) AS wanted (status)
CROSS JOIN LATERAL (
    SELECT t.by_deadline FROM tickets t
    WHERE t.status = wanted.status AND t.by_deadline >= $2::bigint AND ($3::text[] IS NULL OR t.client = ANY ($3))
      AND ($4::timestamptz IS NULL OR t.valid_from <= $4)
    ORDER BY t.by_deadline, t.ticket
    LIMIT 1
) first;

-- name: changed
-- Current rows that look as they do since before an instant, or ($3) that have changed since.
SELECT t.client, t.status, coalesce(t.priority, '') AS priority, count(*) AS tickets,
       count(*) FILTER (WHERE t.agent IS NULL) AS unassigned
FROM tickets t
WHERE CASE WHEN $3::boolean THEN t.valid_from > $1::timestamptz ELSE t.valid_from <= $1 END
  AND ($2::text[] IS NULL OR t.client = ANY ($2))
GROUP BY t.client, t.status, coalesce(t.priority, '');

-- name: past
-- Versions that were valid at an instant and have been superseded since.
SELECT h.client, h.status, coalesce(h.priority, '') AS priority, count(*) AS tickets,
       count(*) FILTER (WHERE h.agent IS NULL) AS unassigned, count(*) FILTER (WHERE least(h.deadline, h.clock_due) < $1) AS overdue,
       min(least(h.deadline, h.clock_due)) FILTER (WHERE least(h.deadline, h.clock_due) >= $1) AS next_due
FROM history h
WHERE tstzrange(h.valid_from, h.valid_to) @> $1::timestamptz AND ($2::text[] IS NULL OR h.client = ANY ($2))
GROUP BY h.client, h.status, coalesce(h.priority, '');

-- name: days
SELECT d.day, sum(d.created)::bigint AS created, sum(d.ended)::bigint AS ended
FROM days d
WHERE d.lane = ANY ($1::smallint[]) AND d.day BETWEEN $2 AND $3 AND ($4::text[] IS NULL OR d.client = ANY ($4))
GROUP BY d.day;

-- name: part_of_day
-- What happened on a day up to an instant of it: tickets created, and versions with which one left the active ones.
SELECT (SELECT count(*) FROM tickets t
        WHERE t.valid_from >= $1::timestamptz AND t.by_age BETWEEN $4::bigint AND $5::bigint
          AND ($3::text[] IS NULL OR t.client = ANY ($3))) AS created,
       (SELECT count(*) FROM tickets t
        WHERE t.valid_from BETWEEN $1 AND $2::timestamptz AND t.was_active AND t.status IN ('resolved', 'closed')
          AND ($3 IS NULL OR t.client = ANY ($3)))
       + (SELECT count(*) FROM history h
          WHERE h.ended AND h.valid_from BETWEEN $1 AND $2 AND ($3 IS NULL OR h.client = ANY ($3))) AS ended;

-- name: client_names
SELECT c.client, c.name FROM clients c WHERE c.lane = ANY ($1::smallint[]) AND c.client = ANY ($2::text[]);

-- name: fresh
-- How far the view is: where it lacks something, when the last event was recorded that it has.
SELECT min(p.recorded_at) FILTER (WHERE p.position < l.position) AS behind_at
FROM reporting.progress p JOIN log.lanes l ON l.lane = p.lane
WHERE p.view = 'queue';
