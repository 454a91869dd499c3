-- name: heads
-- Where a replay ends that is asked now. What is appended later is not its business.
SELECT lane, position FROM log.lanes ORDER BY lane;

-- name: latest
-- When the newest event of each lane happened: with a clock that goes by the log, that is now.
SELECT max(e.occurred_at) FROM log.lanes l JOIN log.events e ON e.lane = l.lane AND e.position = l.position;

-- name: tickets_known
-- How many tickets there are to come, for the progress.
SELECT coalesce(sum(c.number), 0)::bigint FROM log.counters c WHERE $1::text[] IS NULL OR c.client = ANY ($1);

-- name: clients
SELECT c.client FROM log.counters c WHERE $1::text[] IS NULL OR c.client = ANY ($1) ORDER BY c.client;

-- name: clients_of_lane
SELECT c.client FROM log.counters c WHERE c.lane = $1 AND ($2::text[] IS NULL OR c.client = ANY ($2)) ORDER BY c.client;

-- name: configurations
-- The terms of some clients of one lane, or the desk's, up to the snapshot.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND stream = ANY ($2) AND position <= $3 AND type = ANY ($4)
ORDER BY client, version;

-- name: tickets
-- Whole streams of tickets in the order of their ids, what clocks and priorities go by: the rest, texts of notes among
-- it, is not even read.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND stream > $2 AND position <= $3 AND type = ANY ($4)
ORDER BY stream, version
LIMIT $5;

-- name: tickets_of
-- The same of some clients.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND stream > $2 AND position <= $3 AND type = ANY ($4) AND client = ANY ($6)
ORDER BY stream, version
LIMIT $5;

-- name: ticket
-- One stream that is longer than a page.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND stream = $2 AND position <= $3 AND type = ANY ($4)
ORDER BY version;

-- name: erased
-- Who of these persons was erased by then.
SELECT stream FROM log.events
WHERE lane = $1 AND stream = ANY ($2) AND type = 'person.erased' AND position <= $3;
