-- name: terms
-- Each word as a query of its own; words that everybody uses are dropped. What is `exact` is a reference or an address.
-- The last word may be unfinished.
SELECT DISTINCT CASE WHEN t.unfinished AND numnode(t.query) = 1 THEN t.query::text || ':*' ELSE t.query::text END AS query
FROM (
    SELECT plainto_tsquery('reporting.words', word) AS query, nth = cardinality($1::text[]) AND length(word) >= $3 AS unfinished
    FROM unnest($1::text[]) WITH ORDINALITY AS given (word, nth)
    UNION ALL
    SELECT quote_literal(exact)::tsquery, false FROM unnest($2::text[]) AS given (exact)
) t
WHERE numnode(t.query) > 0;

-- name: heads
SELECT p.lane, p.position FROM reporting.progress p WHERE p.view = 'search' AND p.lane = ANY ($1::smallint[]);

-- name: candidates
-- The newest texts that hold any of the words, and the newest tickets of the people who are called so, by ticket: how
-- many of the words it has, then how much they weigh in it. `texts` tells whether there may be older ones. Clients ($7)
-- and age ($8) are marks among the words, so that the index alone intersects them with the words. $10 asks for what was
-- said: all words of the texts found.
WITH found AS MATERIALIZED (
    SELECT w.lane, w.ticket, w.words
    FROM words w
    WHERE w.words @@ $1::text::tsquery
      AND ($2::text[] IS NULL OR w.client = ANY ($2))
      AND ($7::text IS NULL OR w.words @@ $7::text::tsquery)
      AND ($8::text IS NULL OR w.words @@ $8::text::tsquery)
      AND ($9::timestamptz IS NULL OR w.at <= $9)
    ORDER BY w.at DESC
    LIMIT $4
), called AS (
    SELECT n.lane, n.person, n.words
    FROM names n
    WHERE n.words @@ $1::text::tsquery AND ($2::text[] IS NULL OR n.client = ANY ($2))
    LIMIT $5
), named AS (
    SELECT t.lane, t.ticket, c.words
    FROM called c
    CROSS JOIN LATERAL (
        SELECT t.lane, t.ticket FROM tickets t
        WHERE t.lane = c.lane AND t.requester = c.person ORDER BY t.by_age DESC LIMIT $6
    ) t
), scored AS (
    SELECT f.lane, f.ticket, f.words AS kept, ts_rank(f.words, $1::text::tsquery) AS rank,
           (SELECT bit_or(1 << (q.nth::integer - 1)) FROM unnest($3::text[]::tsquery[]) WITH ORDINALITY AS q (query, nth)
            WHERE f.words @@ q.query) AS hits
    FROM (SELECT lane, ticket, words FROM found UNION ALL SELECT lane, ticket, words FROM named) f
)
SELECT s.lane, s.ticket, bit_or(s.hits) AS hits, bit_count(bit_or(s.hits)::bit(32)) AS words, sum(s.rank)::float8 AS rank,
       (SELECT count(*) FROM found) AS texts,
       string_agg(CASE WHEN $10::boolean THEN array_to_string(tsvector_to_array(s.kept), ' ') END, ' ') AS said
FROM scored s
GROUP BY s.lane, s.ticket;

-- name: candidates_of_some
-- The same for a caller who may see some clients: $1 has everything that a text must hold, their marks and the age too,
-- $7 is what the words alone are. The functions know whom the caller may see; $8 is of whom the answer is wanted.
WITH found AS MATERIALIZED (
    SELECT w.lane, w.ticket, w.words
    FROM reporting.words_found($1::text::tsquery, $8, coalesce($6::timestamptz, 'infinity'), $3) w
), called AS (
    SELECT n.lane, n.person, n.words FROM reporting.names_found($7::text::tsquery, $8, $4) n
), named AS (
    SELECT t.lane, t.ticket, c.words
    FROM called c
    CROSS JOIN LATERAL (
        SELECT t.lane, t.ticket FROM tickets t
        WHERE t.lane = c.lane AND t.requester = c.person ORDER BY t.by_age DESC LIMIT $5
    ) t
), scored AS (
    SELECT f.lane, f.ticket, f.words AS kept, ts_rank(f.words, $7::text::tsquery) AS rank,
           (SELECT bit_or(1 << (q.nth::integer - 1)) FROM unnest($2::text[]::tsquery[]) WITH ORDINALITY AS q (query, nth)
            WHERE f.words @@ q.query) AS hits
    FROM (SELECT lane, ticket, words FROM found UNION ALL SELECT lane, ticket, words FROM named) f
)
SELECT s.lane, s.ticket, bit_or(s.hits) AS hits, bit_count(bit_or(s.hits)::bit(32)) AS words, sum(s.rank)::float8 AS rank,
       (SELECT count(*) FROM found) AS texts,
       string_agg(CASE WHEN $9::boolean THEN array_to_string(tsvector_to_array(s.kept), ' ') END, ' ') AS said
FROM scored s
GROUP BY s.lane, s.ticket;

-- name: matched
-- Which of these tickets the filters leave, at an instant or now, and where they stand in each order.
SELECT t.lane, t.ticket, NULL::timestamptz AS past, t.status, coalesce(t.priority, '') AS priority,
       t.by_age, t.by_deadline, t.by_priority
FROM unnest($1::smallint[], $2::uuid[]) AS asked (lane, ticket)
JOIN tickets t ON t.lane = asked.lane AND t.ticket = asked.ticket
WHERE ($3::text IS NULL OR t.category = $3)
  AND ($4::uuid IS NULL OR t.agent = $4)
  AND ($5::boolean IS NOT TRUE OR t.agent IS NULL)
  AND ($6::text IS NULL OR t.tags @> ARRAY[$6])
  AND ($7::timestamptz IS NULL OR t.valid_from <= $7)
  AND ($8::bigint IS NULL OR t.by_deadline < $8)
  AND ($9::bigint IS NULL OR t.by_age >= $9 AND t.by_age < $10::bigint)
UNION ALL
SELECT h.lane, h.ticket, h.valid_from, h.status, coalesce(h.priority, ''), h.by_age, d.by_deadline,
       coalesce(substr(h.priority, 2)::bigint, 9) * 288230376151711744 + greatest(0, d.by_deadline)
FROM unnest($1::smallint[], $2::uuid[]) AS asked (lane, ticket)
JOIN history h ON h.lane = asked.lane AND h.ticket = asked.ticket
CROSS JOIN LATERAL (SELECT coalesce(
    ((extract(epoch FROM h.deadline) - 946684800) * 1000000)::bigint, 144115188075855872)) AS d (by_deadline)
WHERE $7::timestamptz IS NOT NULL AND h.valid_from <= $7 AND h.valid_to > $7
  AND ($3::text IS NULL OR h.category = $3)
  AND ($4::uuid IS NULL OR h.agent = $4)
  AND ($5::boolean IS NOT TRUE OR h.agent IS NULL)
  AND ($6::text IS NULL OR h.tags @> ARRAY[$6])
  AND ($8::bigint IS NULL OR d.by_deadline < $8)
  AND ($9::bigint IS NULL OR h.by_age >= $9 AND h.by_age < $10::bigint);
