-- name: put_words
-- Of a person who was erased meanwhile this process may still hold the key, so the key's own row decides: where it is
-- seen here, the erasure comes later in the lane and deletes these words.
-- Titles weigh A, bodies C; a reference or an address is found as a whole too, where the parser would take it apart.
INSERT INTO words (lane, position, ticket, client, person, at, words)
SELECT u.lane, u.position, u.ticket, u.client, u.person, u.at,
       setweight(to_tsvector('reporting.words', u.title), 'A') || setweight(array_to_tsvector(u.exact::text[]), 'A')
       || setweight(to_tsvector('reporting.words', u.body), 'C') || array_to_tsvector(u.marks::text[])
FROM unnest($1::smallint[], $2::bigint[], $3::uuid[], $4::text[], $5::uuid[], $6::timestamptz[], $7::text[], $8::text[],
            $9::text[], $10::text[])
     AS u (lane, position, ticket, client, person, at, title, body, exact, marks)
WHERE u.person IS NULL OR EXISTS (
    SELECT FROM personal.people p WHERE p.lane = get_byte(uuid_send(u.person), 15) & 15 AND p.person = u.person)
ON CONFLICT (lane, position) DO NOTHING;

-- name: put_names
-- Each person once: of several names in one batch the newest.
INSERT INTO names AS n (lane, person, client, version, words)
SELECT u.lane, u.person, u.client, u.version,
       setweight(to_tsvector('reporting.words', u.name), 'B') || setweight(array_to_tsvector(u.exact::text[]), 'A')
FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::integer[], $5::text[], $6::text[])
     AS u (lane, person, client, version, name, exact)
WHERE EXISTS (SELECT FROM personal.people p WHERE p.lane = u.lane AND p.person = u.person)
ON CONFLICT (lane, person) DO UPDATE SET version = excluded.version, words = excluded.words WHERE n.version < excluded.version;

-- name: forget_words
DELETE FROM words WHERE person = ANY ($1::uuid[]);

-- name: forget_names
DELETE FROM names WHERE lane = ANY ($1::smallint[]) AND person = ANY ($2::uuid[]);

-- name: checksum
SELECT (SELECT coalesce(sum(reporting.row_sum(ROW(w.lane, w.position, w.ticket, w.client, w.person, w.at, w.words)::text)), 0) FROM words w)
     + (SELECT coalesce(sum(reporting.row_sum(ROW(n.lane, n.person, n.client, n.words)::text)), 0) FROM names n);
