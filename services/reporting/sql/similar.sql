-- name: terms
-- Each word as a query of its own, of its beginning where that is asked for; words that everybody uses are dropped; and how many
-- texts are expected to hold it.
SELECT g.nth::integer - 1 AS nth,
       CASE WHEN g.beginning AND numnode(t.query) = 1 THEN t.query::text || ':*' ELSE t.query::text END AS query,
       e.texts
FROM unnest($1::text[], $2::boolean[]) WITH ORDINALITY AS g (word, beginning, nth)
CROSS JOIN LATERAL (SELECT plainto_tsquery('reporting.words', g.word) AS query) t
JOIN reporting.texts_expected($1, $2) e ON e.nth = g.nth - 1
WHERE numnode(t.query) > 0
ORDER BY g.nth;

-- name: alike
-- The newest texts that hold each of the rare words ($1), by ticket, those that hold what tells most; of these few alone
-- which of all words ($8) they have, and what they say. Nothing is ranked by PostgreSQL: it would look at every text.
WITH found AS MATERIALIZED (
    SELECT q.nth, w.lane, w.ticket, w.words
    FROM unnest($1::text[]) WITH ORDINALITY AS q (query, nth)
    CROSS JOIN LATERAL (
        SELECT w.lane, w.ticket, w.words FROM words w
        WHERE w.words @@ q.query::tsquery
          AND ($2::text[] IS NULL OR w.client = ANY ($2))
          AND ($3::timestamptz IS NULL OR w.at <= $3)
        ORDER BY w.at DESC
        LIMIT $4
    ) w
), told AS (
    SELECT f.nth, ln(1 + (1 + s.texts) / (1 + greatest(count(DISTINCT f.ticket), ($5::float8[])[f.nth]))) * ($6::float8[])[f.nth] AS weight
    FROM found f CROSS JOIN (SELECT count(*) AS texts FROM found) s
    GROUP BY f.nth, s.texts
), best AS (
    SELECT h.lane, h.ticket
    FROM (SELECT DISTINCT f.nth, f.lane, f.ticket FROM found f) h JOIN told t ON t.nth = h.nth
    GROUP BY h.lane, h.ticket
    ORDER BY sum(t.weight) DESC, h.ticket DESC
    LIMIT $7
)
SELECT f.lane, f.ticket,
       bit_or((SELECT coalesce(bit_or(1 << (q.nth::integer - 1)), 0)
               FROM unnest($8::text[]::tsquery[]) WITH ORDINALITY AS q (query, nth) WHERE f.words @@ q.query)) AS hits,
       string_agg(DISTINCT array_to_string((tsvector_to_array(f.words))[:$9::integer], ' '), ' ') AS said
FROM best b JOIN found f ON f.lane = b.lane AND f.ticket = b.ticket
GROUP BY f.lane, f.ticket;

-- name: alike_of_some
-- The same for a caller who may see some clients: the function knows whom.
WITH found AS MATERIALIZED (
    SELECT q.nth, w.lane, w.ticket, w.words
    FROM unnest($1::text[]) WITH ORDINALITY AS q (query, nth)
    CROSS JOIN LATERAL reporting.words_found(q.query::tsquery, $2, coalesce($3::timestamptz, 'infinity'), $4) w
), told AS (
    SELECT f.nth, ln(1 + (1 + s.texts) / (1 + greatest(count(DISTINCT f.ticket), ($5::float8[])[f.nth]))) * ($6::float8[])[f.nth] AS weight
    FROM found f CROSS JOIN (SELECT count(*) AS texts FROM found) s
    GROUP BY f.nth, s.texts
), best AS (
    SELECT h.lane, h.ticket
    FROM (SELECT DISTINCT f.nth, f.lane, f.ticket FROM found f) h JOIN told t ON t.nth = h.nth
    GROUP BY h.lane, h.ticket
    ORDER BY sum(t.weight) DESC, h.ticket DESC
    LIMIT $7
)
SELECT f.lane, f.ticket,
       bit_or((SELECT coalesce(bit_or(1 << (q.nth::integer - 1)), 0)
               FROM unnest($8::text[]::tsquery[]) WITH ORDINALITY AS q (query, nth) WHERE f.words @@ q.query)) AS hits,
       string_agg(DISTINCT array_to_string((tsvector_to_array(f.words))[:$9::integer], ' '), ' ') AS said
FROM best b JOIN found f ON f.lane = b.lane AND f.ticket = b.ticket
GROUP BY f.lane, f.ticket;

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
