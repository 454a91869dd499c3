-- name: terms
-- Each word as a query of its own, of its beginning where that is asked for; words that everybody uses are dropped.
SELECT g.nth::integer - 1 AS nth,
       CASE WHEN g.beginning AND numnode(t.query) = 1 THEN t.query::text || ':*' ELSE t.query::text END AS query
FROM unnest($1::text[], $2::boolean[]) WITH ORDINALITY AS g (word, beginning, nth)
CROSS JOIN LATERAL (SELECT plainto_tsquery('reporting.words', g.word) AS query) t
WHERE numnode(t.query) > 0
ORDER BY g.nth;

-- name: lexemes
-- A text's words as the words of others are kept. Spaces part them; a word holds none.
SELECT array_to_string(tsvector_to_array(to_tsvector('reporting.words', $1)), ' ') AS said;

-- name: facts
-- What else is compared of the tickets whose words fit best.
SELECT t.ticket, t.category, t.opened_at
FROM unnest($1::smallint[], $2::uuid[]) AS asked (lane, ticket)
JOIN tickets t ON t.lane = asked.lane AND t.ticket = asked.ticket;

-- name: judged
-- The newest word of an agent on each of these pairs, by the pairs' streams.
SELECT DISTINCT ON (e.stream) e.stream, e.type, e.schema_version, e.payload
FROM log.events e
WHERE e.lane = $1 AND e.stream = ANY ($2::uuid[])
ORDER BY e.stream, e.version DESC;

-- name: rows
-- What the page shows of the tickets that were chosen, in their order. Subjects are sealed.
SELECT t.ticket, t.client, t.prefix || '-' || t.number AS reference, t.subject, t.status, t.priority, t.category,
       t.opened_at, c.name AS client_name
FROM unnest($1::smallint[], $2::uuid[]) WITH ORDINALITY AS asked (lane, ticket, nth)
JOIN tickets t ON t.lane = asked.lane AND t.ticket = asked.ticket
LEFT JOIN clients c ON c.lane = t.lane AND c.client = t.client
ORDER BY asked.nth;
