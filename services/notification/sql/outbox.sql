-- name: add
-- Letters that follow from a batch. An event that is handled again finds its row and adds nothing.
INSERT INTO notification.outbox (lane, event, effect, ticket, client, origin, trace, occurred_at)
SELECT a.lane, a.event, a.effect, a.ticket, a.client, a.origin, a.trace, a.occurred_at
FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[],
            $8::timestamptz[])
     AS a (lane, event, effect, ticket, client, origin, trace, occurred_at)
ON CONFLICT ON CONSTRAINT one_letter_per_event_and_effect DO NOTHING;

-- name: take
-- Letters that the desk keeps, oldest first, locked until the transaction that keeps them ends. Another process takes
-- others.
SELECT lane, event, effect, ticket, client, origin, trace, occurred_at, attempts, doubts, false AS doubtful
FROM notification.outbox
WHERE origin = ANY ($1::text[]) AND due_at <= clock_timestamp()
  AND (state = 'waiting' OR state = 'sending' AND claimed_until < clock_timestamp())
ORDER BY due_at
LIMIT $2
FOR UPDATE SKIP LOCKED;

-- name: claim
-- Letters that go to the mail server, held by a claim that runs out, so that they outlive a process that dies. A claim
-- that ran out after the server was asked is a doubt.
UPDATE notification.outbox o
SET state = 'sending', holder = $3, claimed_until = clock_timestamp() + $4::interval,
    doubts = o.doubts + o.attempted::int, attempted = false
FROM (
    SELECT lane, event, effect, attempted FROM notification.outbox
    WHERE origin = ANY ($1::text[]) AND due_at <= clock_timestamp()
      AND (state = 'waiting' OR state = 'sending' AND claimed_until < clock_timestamp())
    ORDER BY due_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
) due
WHERE o.lane = due.lane AND o.event = due.event AND o.effect = due.effect
RETURNING o.lane, o.event, o.effect, o.ticket, o.client, o.origin, o.trace, o.occurred_at, o.attempts, o.doubts,
          due.attempted AS doubtful;

-- name: attempt
-- Written and committed before the server is asked. No row comes back where the claim has run out: then another process
-- has the letter.
UPDATE notification.outbox
SET attempted = true, attempts = attempts + 1, claimed_until = clock_timestamp() + $5::interval
WHERE lane = $1 AND event = $2 AND effect = $3 AND holder = $4 AND state = 'sending' AND claimed_until > clock_timestamp()
RETURNING attempts;

-- name: later
-- The letter waits for another attempt. $6: whether the server may have it all the same.
UPDATE notification.outbox
SET state = 'waiting', due_at = clock_timestamp() + $4::interval, code = $5, doubts = doubts + $6::boolean::int,
    attempted = false, holder = NULL, claimed_until = NULL
WHERE lane = $1 AND event = $2 AND effect = $3 AND state = 'sending';

-- name: put_off
-- A letter at fault waits for another attempt and lets the others pass.
UPDATE notification.outbox
SET state = 'waiting', due_at = clock_timestamp() + $4::interval, code = 'fault', attempts = attempts + 1,
    attempted = false, holder = NULL, claimed_until = NULL
WHERE lane = $1 AND event = $2 AND effect = $3;

-- name: end
-- What becomes of letters for good, in the transaction that tells the log.
UPDATE notification.outbox o
SET state = e.state, code = e.code, attempted = false, holder = NULL, claimed_until = NULL
FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::text[]) AS e (lane, event, effect, state, code)
WHERE o.lane = e.lane AND o.event = e.event AND o.effect = e.effect;

-- name: keep
-- Of a person who was erased a moment ago this process may still hold the key: nothing of theirs is kept.
INSERT INTO notification.mailbox (lane, id, kept_at, client, ticket, reference, person, letter, language, message_id,
                                  headers, content)
SELECT k.lane, k.id, k.kept_at, k.client, k.ticket, k.reference, k.person, k.letter, k.language, k.message_id,
       k.headers, k.content
FROM unnest($1::smallint[], $2::uuid[], $3::timestamptz[], $4::text[], $5::uuid[], $6::text[], $7::uuid[], $8::text[],
            $9::text[], $10::text[], $11::json[], $12::json[])
     AS k (lane, id, kept_at, client, ticket, reference, person, letter, language, message_id, headers, content)
WHERE EXISTS (SELECT FROM personal.people p WHERE p.lane = get_byte(uuid_send(k.person), 15) & 15 AND p.person = k.person)
ON CONFLICT ON CONSTRAINT one_kept_letter_per_effect DO NOTHING;

-- name: forget
DELETE FROM notification.mailbox WHERE person = ANY ($1::uuid[]);

-- name: tickets
-- What letters say of their tickets: the birth, the event that is written about, and what tells the promise in force.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM (SELECT DISTINCT lane, ticket FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, ticket)) w
JOIN log.events e ON e.lane = w.lane AND e.stream = w.ticket
WHERE e.version = 1 OR e.id = ANY ($3::uuid[])
   OR e.type IN ('ticket.checkpoint_promised', 'ticket.resolved', 'ticket.closed')
ORDER BY e.stream, e.version;

-- name: around
-- Recipients' sealed names and addresses, clients' terms, and letters whose end the log knows; of each the newest last.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, stream)
JOIN log.events e ON e.lane = w.lane AND e.stream = w.stream
WHERE e.type IN ('person.registered', 'agent.registered', 'agent.changed', 'agent.deactivated', 'client.registered',
                 'client.changed', 'delivery.sent', 'delivery.failed')
ORDER BY e.stream, e.version;

-- name: configured
-- How far the streams of clients have come: while they do not grow, what was read of their calendars holds.
SELECT e.stream, max(e.version) AS version
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, stream)
JOIN log.events e ON e.lane = w.lane AND e.stream = w.stream
GROUP BY e.stream;
