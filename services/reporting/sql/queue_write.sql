-- name: versions
-- What the queue has digested of some tickets already. Whatever brings an event twice (a rebuild that is ahead, a dead
-- letter that is replayed) finds it here.
SELECT t.ticket, t.version
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, ticket)
JOIN tickets t ON t.lane = w.lane AND t.ticket = w.ticket;

-- name: streams
-- Some streams up to a version of each, to be folded where this process does not remember them.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::uuid[], $3::integer[]) AS asked (lane, stream, upto)
JOIN log.events e ON e.lane = asked.lane AND e.stream = asked.stream AND e.version <= asked.upto
ORDER BY e.stream, e.version;

-- name: put_tickets
INSERT INTO tickets AS t (lane, ticket, client, number, prefix, requester, subject, opened_at, valid_from, position, version,
    status, priority, category, agent, team, tags, exchanges, deadline, source_status, was_active,
    by_age, by_deadline, by_priority, clock_due, clock)
SELECT u.lane, u.ticket, u.client, u.number, u.prefix, u.requester, u.subject, u.opened_at, u.valid_from, u.position,
       u.version, u.status, u.priority, u.category, u.agent, u.team, u.tags::text[], u.exchanges, u.deadline,
       u.source_status, u.was_active, u.by_age, u.by_deadline, u.by_priority, u.clock_due, u.clock
FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::uuid[], $7::text[], $8::timestamptz[],
            $9::timestamptz[], $10::bigint[], $11::integer[], $12::text[], $13::text[], $14::text[], $15::uuid[], $16::text[],
            $17::text[], $18::integer[], $19::timestamptz[], $20::text[], $21::boolean[], $22::bigint[], $23::bigint[],
            $24::bigint[], $25::timestamptz[], $26::text[])
     AS u (lane, ticket, client, number, prefix, requester, subject, opened_at, valid_from, position, version, status,
           priority, category, agent, team, tags, exchanges, deadline, source_status, was_active,
           by_age, by_deadline, by_priority, clock_due, clock)
ON CONFLICT (lane, ticket) DO UPDATE SET
    valid_from = excluded.valid_from, position = excluded.position, version = excluded.version, status = excluded.status,
    priority = excluded.priority, category = excluded.category, agent = excluded.agent, team = excluded.team,
    tags = excluded.tags, exchanges = excluded.exchanges, deadline = excluded.deadline,
    source_status = excluded.source_status, was_active = excluded.was_active, by_deadline = excluded.by_deadline,
    by_priority = excluded.by_priority, clock_due = excluded.clock_due, clock = excluded.clock;

-- name: put_history
INSERT INTO history (lane, ticket, client, valid_from, valid_to, position, version, status, priority, category, agent, team,
    tags, exchanges, deadline, source_status, ended, by_age, clock_due, clock)
SELECT u.lane, u.ticket, u.client, u.valid_from, u.valid_to, u.position, u.version, u.status, u.priority, u.category,
       u.agent, u.team, u.tags::text[], u.exchanges, u.deadline, u.source_status, u.ended, u.by_age, u.clock_due, u.clock
FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bigint[], $7::integer[],
            $8::text[], $9::text[], $10::text[], $11::uuid[], $12::text[], $13::text[], $14::integer[], $15::timestamptz[],
            $16::text[], $17::boolean[], $18::bigint[], $19::timestamptz[], $20::text[])
     AS u (lane, ticket, client, valid_from, valid_to, position, version, status, priority, category, agent, team, tags,
           exchanges, deadline, source_status, ended, by_age, clock_due, clock);

-- name: count
-- Rows are given in the order of their keys, so that two writers never wait for each other.
INSERT INTO counts AS c (lane, client, facet, value, status, priority, tickets)
SELECT u.lane, u.client, u.facet, u.value, u.status, u.priority, u.change
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
     AS u (lane, client, facet, value, status, priority, change)
ON CONFLICT (lane, facet, value, client, status, priority) DO UPDATE SET tickets = c.tickets + excluded.tickets;

-- name: count_days
INSERT INTO days AS d (lane, client, day, created, ended)
SELECT u.lane, u.client, u.day, u.created, u.ended
FROM unnest($1::smallint[], $2::text[], $3::date[], $4::bigint[], $5::bigint[]) AS u (lane, client, day, created, ended)
ON CONFLICT (lane, day, client) DO UPDATE SET created = d.created + excluded.created, ended = d.ended + excluded.ended;

-- name: checksum
-- Of what the queue shows, whatever the order in which its rows were written. When clocks were due stays as it was known
-- then in rows of the past, which a calendar that is corrected does not touch: these two columns are left out there.
SELECT (SELECT coalesce(sum(reporting.row_sum(ROW(t.lane, t.ticket, t.client, t.number, t.prefix, t.requester, t.subject,
            t.opened_at, t.valid_from, t.position, t.version, t.status, t.priority, t.category, t.agent, t.team, t.tags,
            t.exchanges, t.deadline, t.source_status, t.was_active, t.by_age, t.by_deadline, t.by_priority, t.clock_due,
            t.clock)::text)), 0)
        FROM tickets t)
     + (SELECT coalesce(sum(reporting.row_sum(ROW(h.lane, h.ticket, h.client, h.valid_from, h.valid_to, h.position, h.version,
            h.status, h.priority, h.category, h.agent, h.team, h.tags, h.exchanges, h.deadline, h.source_status,
            h.ended, h.by_age)::text)), 0)
        FROM history h)
     + (SELECT coalesce(sum(reporting.row_sum(ROW(c.lane, c.facet, c.value, c.client, c.status, c.priority,
            c.tickets)::text)), 0)
        FROM counts c WHERE c.tickets <> 0)
     + (SELECT coalesce(sum(reporting.row_sum(ROW(d.lane, d.day, d.client, d.created, d.ended)::text)), 0)
        FROM days d WHERE d.created <> 0 OR d.ended <> 0);
