-- name: still_due
-- The player moves the clock only when timers have done what was due.
SELECT triage.still_due($1);

-- name: suspicions
-- What the radar raised between two instants, the earliest first: a handful, of one lane, three times a month.
SELECT stream FROM log.events
WHERE lane = $1 AND type = 'incident.suspected' AND occurred_at BETWEEN $2 AND $3 ORDER BY position LIMIT 20;
