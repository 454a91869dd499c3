-- name: sequences
-- The numbers within their clients of events at given positions, in the order asked for.
SELECT e.sequence
FROM unnest($1::smallint[], $2::bigint[]) WITH ORDINALITY AS asked (lane, position, nth)
LEFT JOIN log.events e ON e.lane = asked.lane AND e.position = asked.position
ORDER BY asked.nth;
