-- name: tickets
-- Tickets of four events each, as if they had been written long ago: rows as the append makes them, but for the hash
-- chain, which nobody checks here. Row n of the arrays is a ticket; its client's payloads are those of every ticket.
WITH given AS (
    SELECT g.n, g.ticket, g.client, g.due, get_byte(uuid_send(g.ticket), 15) & 15 AS lane
    FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS g (ticket, client, due, n)
), told AS (
    SELECT g.lane, g.client, g.ticket, p.version, p.type, p.schema_version, p.actor, g.n,
           CASE WHEN p.type = 'ticket.checkpoint_promised'
                THEN convert_to(format('{"due_at":"%s","by":"policy"}',
                                       to_char(g.due AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'UTF8')
                ELSE p.payload END AS payload
    FROM given g
    JOIN unnest($4::text[], $5::integer[], $6::text[], $7::integer[], $8::text[], $9::bytea[])
         AS p (client, version, type, schema_version, actor, payload) ON p.client = g.client
), placed AS (
    SELECT t.*, row_number() OVER (PARTITION BY t.lane ORDER BY t.n, t.version) AS in_lane,
           row_number() OVER (PARTITION BY t.client ORDER BY t.n, t.version) AS in_client,
           count(*) FILTER (WHERE t.version = 1) OVER (PARTITION BY t.client ORDER BY t.n, t.version) AS numbered
    FROM told t
), written AS (
    INSERT INTO log.events (lane, position, client, sequence, number, stream, version, id, type, schema_version, actor,
                            origin, occurred_at, recorded_at, payload, hash)
    SELECT p.lane, l.position + p.in_lane, p.client, coalesce(k.sequence, 0) + p.in_client,
           CASE WHEN p.version = 1 THEN coalesce(k.number, 0) + p.numbered END, p.ticket, p.version, gen_random_uuid(),
           p.type, p.schema_version, p.actor, 'live', $10::timestamptz, $10, p.payload, l.hash
    FROM placed p
    JOIN log.lanes l ON l.lane = p.lane
    LEFT JOIN log.counters k ON k.lane = p.lane AND k.client = p.client
    RETURNING lane, position, client, sequence, number
), lanes AS (
    UPDATE log.lanes l SET position = w.position
    FROM (SELECT lane, max(position) AS position FROM written GROUP BY lane) w WHERE l.lane = w.lane
), counters AS (
    INSERT INTO log.counters AS k (lane, client, sequence, number)
    SELECT lane, client, max(sequence), max(number) FROM written GROUP BY lane, client
    ON CONFLICT (lane, client) DO UPDATE SET sequence = excluded.sequence, number = excluded.number
)
INSERT INTO triage.wake_ups (lane, ticket, client, due) SELECT lane, ticket, client, due FROM given;

-- name: pending
INSERT INTO triage.wake_ups (lane, ticket, client, due)
SELECT n % 16, (lpad(to_hex(n / 16), 31, '0') || to_hex(n % 16))::uuid, 'nobody',
       now() + interval '9 days' + n * interval '1 second'
FROM generate_series(1, $1::bigint) AS n;

-- name: skip
-- Triage has digested everything so far.
INSERT INTO log.cursors (lane, consumer, position) SELECT l.lane, c.name, l.position
FROM log.lanes l CROSS JOIN unnest(ARRAY['triage', 'escalations']) AS c (name)
ON CONFLICT (lane, consumer) DO UPDATE SET position = excluded.position;

-- name: lateness
SELECT count(*) AS fired, count(*) - count(DISTINCT e.stream) AS twice,
       count(*) FILTER (WHERE e.recorded_at < d.due) AS early,
       1000 * percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM e.recorded_at - d.due)) AS p50,
       1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM e.recorded_at - d.due)) AS p99,
       extract(epoch FROM max(e.recorded_at) - min(d.due)) AS drained
FROM log.events e, LATERAL (SELECT (convert_from(e.payload, 'UTF8')::jsonb ->> 'due_at')::timestamptz AS due) d
WHERE e.type = 'ticket.checkpoint_missed' AND d.due >= $1 AND d.due < $2;

-- name: left
-- How many of the tickets that are due before an instant have not fired.
SELECT count(*) FROM triage.wake_ups WHERE due < $1;

-- name: versions
SELECT stream, max(version) AS version FROM log.events WHERE stream = ANY ($1) GROUP BY stream;

-- name: writes
SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE schemaname = 'triage' AND relname = 'wake_ups';
