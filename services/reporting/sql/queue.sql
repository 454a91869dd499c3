-- The places of a page: which tickets, in which order. The pools of reporting plan each call with its values in place
-- (plan_cache_mode), so a filter that is not used is not there, and the sort key is the column behind an index.

-- name: walk
-- Where many rows fit the filters: rows are taken in order from one index for each status (and client, where few are asked
-- for), each up to the page's size, and merged. IS NOT DISTINCT FROM keeps the planner from any other index: it knows less
-- of how many rows fit than the counts, by which this query was chosen.
SELECT found.lane, found.ticket, found.key, NULL::timestamptz AS past
FROM unnest($1::text[]) AS wanted (status)
CROSS JOIN unnest($2::text[]) AS scope (client)
CROSS JOIN LATERAL (
    SELECT t.lane, t.ticket,
           CASE $14::text WHEN 'deadline' THEN t.by_deadline WHEN 'priority' THEN t.by_priority ELSE t.by_age END AS key
    FROM tickets t
    WHERE t.status = wanted.status
      AND ($3::boolean OR t.client = scope.client)
      AND ($4::text[] IS NULL OR t.client = ANY ($4))
      AND ($5::text[] IS NULL OR t.priority = ANY ($5))
      AND ($6::text IS NULL OR t.category IS NOT DISTINCT FROM $6)
      AND ($7::uuid IS NULL OR t.agent IS NOT DISTINCT FROM $7)
      AND ($8::boolean IS NOT TRUE OR t.agent IS NOT DISTINCT FROM NULL)
      AND ($9::text IS NULL OR $9 = ANY (t.tags))
      AND ($10::timestamptz IS NULL OR t.valid_from <= $10)
      AND (CASE $14::text WHEN 'deadline' THEN t.by_deadline WHEN 'priority' THEN t.by_priority ELSE t.by_age END, t.ticket)
          > ($11::bigint, $12::uuid)
    ORDER BY CASE $14::text WHEN 'deadline' THEN t.by_deadline WHEN 'priority' THEN t.by_priority ELSE t.by_age END,
             t.ticket
    LIMIT $13
) found
ORDER BY found.key, found.ticket
LIMIT $13;

-- name: walk_newest
-- The same, newest first.
SELECT found.lane, found.ticket, found.key, NULL::timestamptz AS past
FROM unnest($1::text[]) AS wanted (status)
CROSS JOIN unnest($2::text[]) AS scope (client)
CROSS JOIN LATERAL (
    SELECT t.lane, t.ticket,
           t.by_age AS key
    FROM tickets t
    WHERE t.status = wanted.status
      AND ($3::boolean OR t.client = scope.client)
      AND ($4::text[] IS NULL OR t.client = ANY ($4))
      AND ($5::text[] IS NULL OR t.priority = ANY ($5))
      AND ($6::text IS NULL OR t.category IS NOT DISTINCT FROM $6)
      AND ($7::uuid IS NULL OR t.agent IS NOT DISTINCT FROM $7)
      AND ($8::boolean IS NOT TRUE OR t.agent IS NOT DISTINCT FROM NULL)
      AND ($9::text IS NULL OR $9 = ANY (t.tags))
      AND ($10::timestamptz IS NULL OR t.valid_from <= $10)
      AND (t.by_age, t.ticket)
          < ($11::bigint, $12::uuid)
    ORDER BY t.by_age DESC,
             t.ticket DESC
    LIMIT $13
) found
ORDER BY found.key DESC, found.ticket DESC
LIMIT $13;

-- name: gather
-- Where few rows fit: all of them are fetched by the filters' own indexes, and sorted. A priority is a range of sort keys.
-- The cut is no condition of the index by deadline (+ 0): everything that is closed has one key, the planner takes what lies
-- behind a cursor there for next to nothing, and walked through a million closed tickets for a page.
SELECT found.lane, found.ticket, found.key, NULL::timestamptz AS past
FROM (
    SELECT t.lane, t.ticket,
           CASE $12 WHEN 'deadline' THEN t.by_deadline WHEN 'priority' THEN t.by_priority ELSE t.by_age END AS key
    FROM tickets t
    WHERE t.status = ANY ($1)
      AND ($2::timestamptz IS NULL OR t.valid_from <= $2)
      AND ($13::bigint IS NULL OR t.by_priority BETWEEN $13 AND $14::bigint)
      AND ($3::text[] IS NULL OR t.client = ANY ($3))
      AND ($4::text[] IS NULL OR t.priority = ANY ($4))
      AND ($5::text IS NULL OR t.category = $5)
      AND ($6::uuid IS NULL OR t.agent = $6)
      AND ($7::boolean IS NOT TRUE OR t.agent IS NULL)
      AND ($8::text IS NULL OR t.tags @> ARRAY[$8] AND t.tags <> '{}')
      AND ($15::bigint IS NULL OR t.by_deadline < $15)
      AND ($16::bigint IS NULL OR t.by_age >= $16 AND t.by_age < $17::bigint)
) found
WHERE CASE $12::text
          WHEN 'newest' THEN (found.key, found.ticket) < ($9::bigint, $10::uuid)
          WHEN 'oldest' THEN (found.key, found.ticket) > ($9, $10)
          ELSE (found.key + 0, found.ticket) > ($9, $10) END
ORDER BY CASE WHEN $12 = 'newest' THEN -found.key ELSE found.key END,
         CASE WHEN $12 = 'newest' THEN found.ticket END DESC, found.ticket
LIMIT $11;

-- name: past
-- Versions that were valid at an instant and have been superseded since. They are few: most of what was open then is
-- what has changed since.
SELECT found.lane, found.ticket, found.key, found.past
FROM (
    SELECT h.lane, h.ticket, h.valid_from AS past,
           CASE $12
               WHEN 'deadline' THEN d.by_deadline
               WHEN 'priority' THEN
                   coalesce(substr(h.priority, 2)::bigint, 9) * 288230376151711744  -- line.priority_key
                   + greatest(0, d.by_deadline)
               ELSE h.by_age END AS key
    FROM history h
    CROSS JOIN LATERAL (SELECT coalesce(
        ((extract(epoch FROM least(h.deadline, h.clock_due)) - 946684800) * 1000000)::bigint, 144115188075855872)) AS d (by_deadline)
    WHERE h.status = ANY ($1) AND tstzrange(h.valid_from, h.valid_to) @> $2::timestamptz
      AND ($3::text[] IS NULL OR h.client = ANY ($3))
      AND ($4::text[] IS NULL OR h.priority = ANY ($4))
      AND ($5::text IS NULL OR h.category = $5)
      AND ($6::uuid IS NULL OR h.agent = $6)
      AND ($7::boolean IS NOT TRUE OR h.agent IS NULL)
      AND ($8::text IS NULL OR h.tags @> ARRAY[$8])
      AND ($13::bigint IS NULL OR d.by_deadline < $13)
      AND ($14::bigint IS NULL OR h.by_age >= $14 AND h.by_age < $15::bigint)
) found
WHERE CASE WHEN $12::text = 'newest' THEN (found.key, found.ticket) < ($9::bigint, $10::uuid)
           ELSE (found.key, found.ticket) > ($9, $10) END
ORDER BY CASE WHEN $12 = 'newest' THEN -found.key ELSE found.key END,
         CASE WHEN $12 = 'newest' THEN found.ticket END DESC, found.ticket
LIMIT $11;

-- name: rows
-- What the queue shows of some tickets, in the order given. Names are sealed.
SELECT asked.nth, t.lane, t.ticket, t.client, t.number, t.prefix, t.subject, t.opened_at, t.valid_from, t.position, t.version,
       t.status, t.priority, t.category, t.agent, t.team, t.tags, t.exchanges, t.deadline, t.source_status, t.clock_due, t.clock,
       c.name AS client_name, p.name AS requester_name, a.name AS agent_name
FROM unnest($1::smallint[], $2::uuid[]) WITH ORDINALITY AS asked (lane, ticket, nth)
JOIN tickets t ON t.lane = asked.lane AND t.ticket = asked.ticket
LEFT JOIN clients c ON c.lane = t.lane AND c.client = t.client
LEFT JOIN people p ON p.lane = t.lane AND p.person = t.requester
LEFT JOIN agents a ON a.lane = $3 AND a.agent = t.agent
ORDER BY asked.nth;

-- name: past_rows
-- The same of versions that were superseded, each named by the instant from which it was valid.
SELECT asked.nth, t.lane, t.ticket, t.client, t.number, t.prefix, t.subject, t.opened_at, h.valid_from, h.position, h.version,
       h.status, h.priority, h.category, h.agent, h.team, h.tags, h.exchanges, h.deadline, h.source_status, h.clock_due, h.clock,
       c.name AS client_name, p.name AS requester_name, a.name AS agent_name
FROM unnest($1::smallint[], $2::uuid[], $4::timestamptz[]) WITH ORDINALITY AS asked (lane, ticket, valid_from, nth)
JOIN history h ON h.lane = asked.lane AND h.ticket = asked.ticket AND h.valid_from = asked.valid_from
JOIN tickets t ON t.lane = asked.lane AND t.ticket = asked.ticket
LEFT JOIN clients c ON c.lane = t.lane AND c.client = t.client
LEFT JOIN people p ON p.lane = t.lane AND p.person = t.requester
LEFT JOIN agents a ON a.lane = $3 AND a.agent = h.agent
ORDER BY asked.nth;
