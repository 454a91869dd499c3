-- name: stream
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND stream = $2 AND version > $3
ORDER BY version
LIMIT $4;

-- name: stream_as_of
-- By when it happened. Inside a stream occurred time never decreases, so this is a prefix of the stream.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND stream = $2 AND occurred_at <= $3
ORDER BY version
LIMIT $4;

-- name: stream_up_to
-- By when it was recorded: everything of the stream at or below a position of its lane.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND stream = $2 AND position <= $3
ORDER BY version
LIMIT $4;

-- name: stream_up_to_sequence
-- The same by the client's sequence, which is what a caller of some clients is told.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND stream = $2 AND sequence <= $3
ORDER BY version
LIMIT $4;

-- name: lane
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND position > $2
ORDER BY position
LIMIT $3;

-- name: client
-- What an outsider reads: one client's events by their contiguous sequence.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND client = $2 AND sequence > $3
ORDER BY sequence
LIMIT $4;

-- name: ticket_by_number
SELECT stream FROM log.events WHERE lane = $1 AND client = $2 AND number = $3;

-- name: head
SELECT position, recorded_at FROM log.lanes WHERE lane = $1;

-- name: heads
SELECT lane, position FROM log.lanes ORDER BY lane;
