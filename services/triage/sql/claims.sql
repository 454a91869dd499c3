-- name: known
-- Which of these tickets have had their claim answered before.
SELECT c.ticket
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, ticket)
JOIN triage.claims c ON c.lane = w.lane AND c.ticket = w.ticket;

-- name: totals
-- How many claims of each client were confirmed and denied up to a position of its lane. None where there is no row.
SELECT w.client, w.position, c.confirmed, c.denied
FROM unnest($1::smallint[], $2::text[], $3::bigint[]) AS w (lane, client, position)
CROSS JOIN LATERAL (
    SELECT t.confirmed, t.denied
    FROM triage.claims t
    WHERE t.lane = w.lane AND t.client = w.client AND t.position <= w.position
    ORDER BY t.position DESC
    LIMIT 1
) c;

-- name: add
-- New answers, each with its client's totals.
INSERT INTO triage.claims (lane, client, position, ticket, confirmed, denied)
SELECT w.lane, w.client, w.position, w.ticket, w.confirmed, w.denied
FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::uuid[], $5::integer[], $6::integer[])
     AS w (lane, client, position, ticket, confirmed, denied)
ON CONFLICT DO NOTHING;
