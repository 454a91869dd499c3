-- name: still_due
-- The player moves the clock only when timers have done what was due.
SELECT triage.still_due($1);
