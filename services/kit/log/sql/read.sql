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

-- name: window
-- What follows a position of each of some lanes: so many events, and so many bytes and the event that goes beyond. The
-- data leaves as it is stored: the relay sends it on, and a consumer judges each event alone.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::bigint[]) AS held (lane, position)
CROSS JOIN LATERAL (
    SELECT n.*, sum(octet_length(n.payload)) OVER (ORDER BY n.position) - octet_length(n.payload) AS bytes_before
    FROM (
        SELECT n.lane, n.position, n.client, n.sequence, n.number, n.stream, n.version, n.id, n.type, n.schema_version,
               n.actor, n.causation, n.origin, n.occurred_at, n.recorded_at, n.trace, n.payload
        FROM log.events n
        WHERE n.lane = held.lane AND n.position > held.position
        ORDER BY n.position
        LIMIT $3
    ) n
) e
WHERE e.bytes_before < $4
ORDER BY e.lane, e.position;
