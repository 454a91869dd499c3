-- name: note
INSERT INTO reporting.sla_again (lane, client)
SELECT u.lane, u.client FROM unnest($1::smallint[], $2::text[]) AS u (lane, client)
ON CONFLICT (lane, client) DO UPDATE SET after = '00000000-0000-0000-0000-000000000000', kept = false;

-- name: next
-- A rebuild may have read a lane before the correction came: what is done meanwhile is done once more behind it.
SELECT a.lane, a.client FROM reporting.sla_again a
WHERE NOT a.kept OR NOT EXISTS (SELECT FROM reporting.builds b WHERE b.view IN ('sla', 'queue'))
ORDER BY a.kept, a.lane, a.client LIMIT 1;

-- name: lock
-- As whoever writes to the views of a lane takes it.
SELECT view FROM reporting.progress WHERE lane = $1 ORDER BY view FOR UPDATE;

-- name: claim
SELECT after FROM reporting.sla_again WHERE lane = $1 AND client = $2 FOR UPDATE;

-- name: page
SELECT t.ticket, t.client FROM tickets t
WHERE t.lane = $1 AND t.ticket > $3 AND ($2::text = '_desk' OR t.client = $2)
ORDER BY t.ticket LIMIT $4;

-- name: done_up_to
UPDATE reporting.sla_again SET after = $3 WHERE lane = $1 AND client = $2;

-- name: keep
UPDATE reporting.sla_again SET after = '00000000-0000-0000-0000-000000000000', kept = true
WHERE lane = $1 AND client = $2 AND NOT kept
  AND EXISTS (SELECT FROM reporting.builds b WHERE b.view IN ('sla', 'queue'))
RETURNING lane;

-- name: done
DELETE FROM reporting.sla_again WHERE lane = $1 AND client = $2;

-- name: due
-- When running clocks are due now, where the queue is as far as they are.
UPDATE tickets t
SET clock_due = u.clock_due, clock = u.clock, by_deadline = u.by_deadline, by_priority = u.by_priority
FROM unnest($1::smallint[], $2::uuid[], $3::integer[], $4::timestamptz[], $5::text[], $6::bigint[], $7::bigint[])
     AS u (lane, ticket, version, clock_due, clock, by_deadline, by_priority)
WHERE t.lane = u.lane AND t.ticket = u.ticket AND t.version = u.version
  AND (t.clock_due, t.clock, t.by_deadline) IS DISTINCT FROM (u.clock_due, u.clock, u.by_deadline);
