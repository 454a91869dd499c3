-- name: last_sequence
SELECT sequence FROM log.events WHERE lane = $1 AND client = $2 ORDER BY sequence DESC LIMIT 1;
