-- The queue's pages. One text serves every filter: the pools of reporting plan each call with its values in place
-- (plan_cache_mode), so a filter that is not used is not there, and the sort key is the column behind an index.
--
-- Current rows are taken from one ordered index for each status (and client, where few are asked for), each up to the
-- page's size, and merged. With an instant, rows that have changed since then are left out, and the versions that
-- were valid then are put in: these are few, because most of what stood open at an instant is what has changed since.

-- name: page
-- Smallest key first: by deadline, by priority, oldest first.
WITH current_rows AS (
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
          AND ($6::text IS NULL OR t.category = $6)
          AND ($7::uuid IS NULL OR t.agent = $7)
          AND ($8::boolean IS NOT TRUE OR t.agent IS NULL)
          AND ($9::text IS NULL OR t.tags @> ARRAY[$9] AND t.tags <> '{}')
          AND ($10::timestamptz IS NULL OR t.valid_from <= $10)
          AND (CASE $14::text WHEN 'deadline' THEN t.by_deadline WHEN 'priority' THEN t.by_priority ELSE t.by_age END, t.ticket)
              > ($11::bigint, $12::uuid)
        ORDER BY CASE $14::text WHEN 'deadline' THEN t.by_deadline WHEN 'priority' THEN t.by_priority ELSE t.by_age END,
                 t.ticket
        LIMIT $13
    ) found
), past_rows AS (
    SELECT h.lane, h.ticket, CASE $14::text
               WHEN 'deadline' THEN d.by_deadline
               WHEN 'priority' THEN
                   coalesce(substr(h.priority, 2)::bigint, 9) * 288230376151711744  -- line.priority_key
                   + greatest(0, d.by_deadline)
               ELSE t.by_age END AS key, h.valid_from AS past
    FROM history h JOIN tickets t ON t.lane = h.lane AND t.ticket = h.ticket
    CROSS JOIN LATERAL (SELECT coalesce(
        ((extract(epoch FROM h.deadline) - 946684800) * 1000000)::bigint, 144115188075855872)) AS d (by_deadline)
    WHERE $10::timestamptz IS NOT NULL AND tstzrange(h.valid_from, h.valid_to) @> $10
      AND h.status = ANY ($1)
      AND ($3::boolean OR h.client = ANY ($2))
      AND ($4::text[] IS NULL OR h.client = ANY ($4))
      AND ($5::text[] IS NULL OR h.priority = ANY ($5))
      AND ($6::text IS NULL OR h.category = $6)
      AND ($7::uuid IS NULL OR h.agent = $7)
      AND ($8::boolean IS NOT TRUE OR h.agent IS NULL)
      AND ($9::text IS NULL OR h.tags @> ARRAY[$9])
)
SELECT lane, ticket, key, past
FROM (
    SELECT lane, ticket, key, past FROM current_rows
    UNION ALL
    SELECT lane, ticket, key, past FROM past_rows WHERE (key, ticket) > ($11, $12)
) found
ORDER BY key, ticket
LIMIT $13;

-- name: page_newest
-- The same, newest first.
WITH current_rows AS (
    SELECT found.lane, found.ticket, found.key, NULL::timestamptz AS past
    FROM unnest($1::text[]) AS wanted (status)
    CROSS JOIN unnest($2::text[]) AS scope (client)
    CROSS JOIN LATERAL (
        SELECT t.lane, t.ticket, t.by_age AS key
        FROM tickets t
        WHERE t.status = wanted.status
          AND ($3::boolean OR t.client = scope.client)
          AND ($4::text[] IS NULL OR t.client = ANY ($4))
          AND ($5::text[] IS NULL OR t.priority = ANY ($5))
          AND ($6::text IS NULL OR t.category = $6)
          AND ($7::uuid IS NULL OR t.agent = $7)
          AND ($8::boolean IS NOT TRUE OR t.agent IS NULL)
          AND ($9::text IS NULL OR t.tags @> ARRAY[$9] AND t.tags <> '{}')
          AND ($10::timestamptz IS NULL OR t.valid_from <= $10)
          AND (t.by_age, t.ticket) < ($11::bigint, $12::uuid)
        ORDER BY t.by_age DESC, t.ticket DESC
        LIMIT $13
    ) found
), past_rows AS (
    SELECT h.lane, h.ticket, t.by_age AS key, h.valid_from AS past
    FROM history h JOIN tickets t ON t.lane = h.lane AND t.ticket = h.ticket
    WHERE $10::timestamptz IS NOT NULL AND tstzrange(h.valid_from, h.valid_to) @> $10
      AND h.status = ANY ($1)
      AND ($3::boolean OR h.client = ANY ($2))
      AND ($4::text[] IS NULL OR h.client = ANY ($4))
      AND ($5::text[] IS NULL OR h.priority = ANY ($5))
      AND ($6::text IS NULL OR h.category = $6)
      AND ($7::uuid IS NULL OR h.agent = $7)
      AND ($8::boolean IS NOT TRUE OR h.agent IS NULL)
      AND ($9::text IS NULL OR h.tags @> ARRAY[$9])
)
SELECT lane, ticket, key, past
FROM (
    SELECT lane, ticket, key, past FROM current_rows
    UNION ALL
    SELECT lane, ticket, key, past FROM past_rows WHERE (key, ticket) < ($11, $12)
) found
ORDER BY key DESC, ticket DESC
LIMIT $13;

-- name: rows
-- What the queue shows of some tickets, in the order given. Names are sealed.
SELECT asked.nth, t.lane, t.ticket, t.client, t.number, t.prefix, t.subject, t.opened_at, t.valid_from, t.position, t.version,
       t.status, t.priority, t.category, t.agent, t.team, t.tags, t.exchanges, t.deadline, t.source_status,
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
       h.status, h.priority, h.category, h.agent, h.team, h.tags, h.exchanges, h.deadline, h.source_status,
       c.name AS client_name, p.name AS requester_name, a.name AS agent_name
FROM unnest($1::smallint[], $2::uuid[], $4::timestamptz[]) WITH ORDINALITY AS asked (lane, ticket, valid_from, nth)
JOIN history h ON h.lane = asked.lane AND h.ticket = asked.ticket AND h.valid_from = asked.valid_from
JOIN tickets t ON t.lane = asked.lane AND t.ticket = asked.ticket
LEFT JOIN clients c ON c.lane = t.lane AND c.client = t.client
LEFT JOIN people p ON p.lane = t.lane AND p.person = t.requester
LEFT JOIN agents a ON a.lane = $3 AND a.agent = h.agent
ORDER BY asked.nth;
