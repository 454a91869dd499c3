-- The wake-up index. The consumer's row of a lane in log.cursors is the lock of the lane's wake-ups, too: consumer and
-- timers take it first, so that what one reads of a ticket is never overtaken by what the other has just written.

-- name: note
-- Brings wake-ups forward. A later one, and a pause, write nothing: the ticket is folded again when it wakes.
INSERT INTO triage.wake_ups AS w (lane, ticket, client, due)
SELECT g.lane, g.ticket, g.client, g.due
FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::timestamptz[]) AS g (lane, ticket, client, due)
LEFT JOIN triage.wake_ups known ON known.lane = g.lane AND known.ticket = g.ticket
WHERE known.ticket IS NULL OR g.due < coalesce(known.due, 'infinity')
ON CONFLICT ON CONSTRAINT one_wake_up_per_ticket DO UPDATE SET due = least(w.due, excluded.due)
RETURNING w.lane, w.due;

-- name: streams
-- Whole tickets, without the text of events that clocks do not know.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace,
       CASE WHEN e.type = ANY ($3) THEN e.payload END AS payload
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, stream)
JOIN log.events e ON e.lane = w.lane AND e.stream = w.stream
ORDER BY e.lane, e.stream, e.version;

-- name: read_books
-- Until the end of the transaction: who reads what the desk sets for clients without their own …
SELECT pg_advisory_xact_lock_shared(hashtextextended('daybook.timers.books', 0));

-- name: change_books
-- … and who wakes their tickets when it has changed: it waits for those that have read what was there before.
SELECT pg_advisory_xact_lock(hashtextextended('daybook.timers.books', 0));

-- name: wake_client
UPDATE triage.wake_ups SET due = $3 WHERE lane = $1 AND client = $2 AND coalesce(due, 'infinity') > $3;

-- name: wake_all
UPDATE triage.wake_ups SET due = $1 WHERE coalesce(due, 'infinity') > $1;

-- name: earliest
-- When each of these lanes has something to do next.
SELECT s.lane, w.due
FROM unnest($1::smallint[]) AS s (lane)
JOIN LATERAL (SELECT due FROM triage.wake_ups WHERE lane = s.lane AND due IS NOT NULL ORDER BY due LIMIT 1) w ON true;

-- name: lock
-- In ascending order, as everybody takes them.
SELECT lane FROM log.cursors WHERE lane = ANY ($1::smallint[]) AND consumer = 'triage' ORDER BY lane FOR UPDATE;

-- name: due
-- The next rows of each lane that is ours, whether due or not; one row at least. A frozen process that lost a lease
-- finds out here, under the lock. Nothing wakes before the database's clock says so, too, since that is the time which
-- events bear.
SELECT l.lane, t.now, l.position AS head, c.position AS cursor, w.ticket, w.client, w.due
FROM unnest($1::smallint[], $2::bigint[]) AS h (lane, epoch)
CROSS JOIN (SELECT clock_timestamp() AS now OFFSET 0) t
JOIN log.leases s ON s.lane = h.lane AND s.purpose = 'timers' AND s.holder = $3 AND s.epoch = h.epoch
                 AND s.expires_at > t.now
JOIN log.lanes l ON l.lane = h.lane
JOIN log.cursors c ON c.lane = h.lane AND c.consumer = 'triage'
LEFT JOIN LATERAL (
    SELECT ticket, client, due FROM triage.wake_ups
    WHERE lane = h.lane AND due IS NOT NULL ORDER BY due, ticket LIMIT $4
) w ON true
ORDER BY l.lane, w.due, w.ticket;

-- name: arm
-- Where a row was brought forward meanwhile (the desk changed for all lanes) it stays and wakes again.
UPDATE triage.wake_ups w SET due = g.next_due
FROM unnest($1::smallint[], $2::uuid[], $3::timestamptz[], $4::timestamptz[]) AS g (lane, ticket, due, next_due)
WHERE w.lane = g.lane AND w.ticket = g.ticket AND w.due = g.due;

-- name: forget
DELETE FROM triage.wake_ups w
USING unnest($1::smallint[], $2::uuid[], $3::timestamptz[]) AS g (lane, ticket, due)
WHERE w.lane = g.lane AND w.ticket = g.ticket AND w.due = g.due;

-- name: last_tick
SELECT occurred_at FROM log.events WHERE lane = $1 AND stream = $2 ORDER BY version DESC LIMIT 1;

-- name: to_fill
SELECT lane FROM triage.wake_ups_known WHERE NOT whole AND lane = ANY ($1::smallint[]) ORDER BY lane;

-- name: fill_page
-- The next tickets of a lane in the order of their ids.
SELECT e.stream FROM log.events e
WHERE e.lane = $1 AND e.stream > (SELECT after FROM triage.wake_ups_known WHERE lane = $1)
  AND e.version = 1 AND e.type = 'ticket.submitted'
ORDER BY e.stream LIMIT $2;

-- name: filled
UPDATE triage.wake_ups_known SET after = coalesce($2, after), whole = $3 WHERE lane = $1;
