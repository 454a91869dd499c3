-- name: lengths
-- The last version of some streams: whether what is kept of them still holds.
SELECT w.stream, e.version
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, stream)
JOIN LATERAL (SELECT version FROM log.events
              WHERE lane = w.lane AND stream = w.stream ORDER BY version DESC LIMIT 1) e ON true;
