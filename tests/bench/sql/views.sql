-- The views of a desk of two years, filled in sets: so many tickets that folding their events would take hours.

-- name: clients
INSERT INTO clients (lane, client, version, name, prefix, zone, tier, languages, practice, registered_at)
SELECT get_byte(sha256(convert_to(s.slug, 'UTF8')), 0) & 15, s.slug, 1, 'Bench ' || s.n, 'B' || s.n, 'Europe/Paris', 'standard',
       ARRAY['en'], false, now() - interval '800 days'
FROM (SELECT n, 'bench-' || n AS slug FROM generate_series(0, $1::integer - 1) AS n) s;

-- name: people
-- Fifty requesters a client. Nobody has their key: they read as erased.
INSERT INTO people (lane, person, client, version, name, address)
SELECT c.lane, pg_temp.id_of(c.client || '/' || n, c.lane), c.client, 1,
       format('{"sealed":"%s","person":"%s"}', encode(sha256(convert_to(c.client || n, 'UTF8')), 'base64'),
              pg_temp.id_of(c.client || '/' || n, c.lane)), NULL
FROM clients c CROSS JOIN generate_series(0, 49) AS n;

-- name: agents
INSERT INTO agents (lane, agent, version, name, address, role, level, teams, clients, active)
SELECT $2::smallint, pg_temp.id_of('agent/' || n, $2), 1, format('"Agent %s"', n), format('"a%s@desk.example"', n), 'agent',
       'first', '{}', '{}', true
FROM generate_series(0, $1::integer - 1) AS n;

-- name: functions
-- An id out of a name, with the lane in its last four bits; a number out of a name, from 0 to 1.
CREATE FUNCTION pg_temp.id_of(name text, lane smallint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN (substr(md5(name), 1, 31) || to_hex(lane::integer))::uuid;
CREATE FUNCTION pg_temp.chance(n bigint, seed bigint) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN (hashint8extended(n, seed) & 1048575) / 1048576.0;

-- name: tickets
-- Of the newest three percent most are worked on, of the others two in a thousand; some two percent have an answer that may
-- still be refused.
INSERT INTO tickets (lane, ticket, client, number, prefix, requester, subject, opened_at, valid_from, position, version, status,
    priority, category, agent, team, tags, exchanges, deadline, source_status, was_active, by_age, by_deadline, by_priority,
    clock_due, clock)
SELECT k.lane, k.ticket, k.client, k.n, k.prefix, k.requester,
       format('{"sealed":"%s","person":"%s"}', repeat(encode(sha256(k.client::bytea), 'base64'), 2), k.requester),
       k.opened_at, k.changed_at, 5 * row_number() OVER (PARTITION BY k.lane ORDER BY k.n), 5, k.status, k.priority, k.category, k.agent, 'team-' || k.n % 8, k.tags, 3,
       k.deadline, NULL, true, k.age, k.due, k.rank * 288230376151711744 + k.due, NULL, NULL
FROM (
    SELECT t.*, coalesce(((extract(epoch FROM t.deadline) - 946684800) * 1000000)::bigint, 144115188075855872) AS due,
           ((extract(epoch FROM t.opened_at) - 946684800) * 1000000)::bigint AS age,
           CASE WHEN t.priority IS NULL THEN 9 ELSE substr(t.priority, 2)::integer END AS rank
    FROM (
        SELECT s.*, CASE WHEN s.status IN ('resolved', 'closed') THEN least($2, s.opened_at + interval '3 days') ELSE
                   least($2, s.opened_at + interval '2 hours') END AS changed_at,
               CASE WHEN s.status NOT IN ('resolved', 'closed')
                    THEN $2 + (pg_temp.chance(s.n, 5) * 10 - 1) * interval '1 day' END AS deadline
        FROM (
            SELECT n, c.lane, c.client, c.prefix, pg_temp.id_of('ticket/' || n, c.lane) AS ticket,
                   pg_temp.id_of(c.client || '/' || n % 50, c.lane) AS requester,
                   $2::timestamptz - (1 - n / $1::float8) * interval '730 days' AS opened_at,
                   CASE WHEN pg_temp.chance(n, 1) < CASE WHEN n > 0.97 * $1 THEN 0.7 ELSE 0.002 END
                        THEN (ARRAY['new', 'open', 'open', 'waiting_for_customer', 'waiting_for_supplier'])[1 + n % 5]
                        WHEN pg_temp.chance(n, 2) < 0.02 THEN 'resolved' ELSE 'closed' END AS status,
                   (ARRAY['P1', 'P2', 'P3', 'P3', 'P3', 'P4', 'P4', NULL])[1 + floor(pg_temp.chance(n, 3) * 8)::integer] AS priority,
                   'category-' || floor(pg_temp.chance(n, 4) * 30)::integer AS category,
                   CASE WHEN pg_temp.chance(n, 6) < 0.9
                        THEN pg_temp.id_of('agent/' || floor(pg_temp.chance(n, 7) * $3::integer)::integer, $4::smallint) END AS agent,
                   CASE WHEN n % 10 = 0 THEN ARRAY['tag-' || n % 70] ELSE '{}' END AS tags
            FROM generate_series(1, $1::integer) AS n
            JOIN clients c ON c.client = 'bench-' || floor(pg_temp.chance(n, 0) ^ 2 * $5::integer)
        ) s
    ) t
) k;

-- name: history
-- Two superseded versions a ticket: as it came, and as it was worked on.
INSERT INTO history (lane, ticket, client, valid_from, valid_to, position, version, status, priority, category, agent, team,
    tags, exchanges, deadline, source_status, ended, by_age, clock_due, clock)
SELECT t.lane, t.ticket, t.client, t.opened_at + v.n * (t.valid_from - t.opened_at) / 2,
       t.opened_at + (v.n + 1) * (t.valid_from - t.opened_at) / 2, t.position - 2 + v.n, 3 + v.n, v.status, t.priority, t.category,
       CASE WHEN v.n = 1 THEN t.agent END, t.team, t.tags, 1 + v.n, t.opened_at + interval '1 day', NULL, false, t.by_age, NULL, NULL
FROM tickets t CROSS JOIN (VALUES (0, 'new'), (1, 'open')) AS v (n, status)
WHERE t.valid_from > t.opened_at;

-- name: counts
INSERT INTO counts (lane, facet, value, client, status, priority, tickets)
SELECT t.lane, f.facet, f.value, t.client, t.status, coalesce(t.priority, ''), count(*)
FROM tickets t
CROSS JOIN LATERAL (
    VALUES ('', ''), ('category', t.category), ('assignee', coalesce(t.agent::text, ''))
) AS f (facet, value)
GROUP BY t.lane, f.facet, f.value, t.client, t.status, coalesce(t.priority, '')
UNION ALL
SELECT t.lane, 'tag', tag, t.client, t.status, coalesce(t.priority, ''), count(*)
FROM tickets t CROSS JOIN unnest(t.tags) AS tag
GROUP BY t.lane, tag, t.client, t.status, coalesce(t.priority, '');

-- name: days
INSERT INTO days (lane, day, client, created, ended)
SELECT d.lane, d.day, d.client, sum(d.created), sum(d.ended)
FROM (SELECT t.lane, (t.opened_at AT TIME ZONE 'UTC')::date AS day, t.client, 1 AS created, 0 AS ended FROM tickets t
      UNION ALL
      SELECT t.lane, (t.valid_from AT TIME ZONE 'UTC')::date, t.client, 0, 1 FROM tickets t
      WHERE t.status IN ('resolved', 'closed')) d
GROUP BY d.lane, d.day, d.client;

-- name: cycles
-- A first answer, a solution and a promise for each ticket, kept by nine in ten.
INSERT INTO cycles (lane, ticket, cycle, client, metric, outcome, judged_at, started_at, due_at, ended_at, final_at, breached_at,
    breach, changed_by, waived_at, excluded_at, agent, team, category, priority, cause, policy, calendar, target_seconds,
    consumed_seconds, paused_seconds, overdue_seconds, running_from)
SELECT t.lane, t.ticket, m.metric || '.1', t.client, m.metric, CASE WHEN k.kept THEN 'met' ELSE 'breached' END, t.valid_from,
       t.opened_at, t.valid_from, t.valid_from, t.valid_from, CASE WHEN NOT k.kept THEN t.valid_from END,
       CASE WHEN NOT k.kept THEN 'ran_out' END, NULL, NULL, NULL, t.agent, t.team, t.category, t.priority, NULL, 'bench-1',
       'wall', 14400, 7200, 0, 0, NULL
FROM tickets t
CROSS JOIN (VALUES ('first_reply', 11), ('resolution', 12), ('promise', 13)) AS m (metric, seed)
CROSS JOIN LATERAL (SELECT pg_temp.chance(t.number, m.seed) < 0.9 AS kept) k;

-- name: tallies
-- In the order in which a desk would have written them.
INSERT INTO tallies (lane, facet, value, client, day, metric, outcome, cycles)
SELECT d.lane, f.facet, f.value, f.client, d.day, d.metric, d.outcome, sum(d.cycles)
FROM (SELECT c.lane, c.client, coalesce(c.agent::text, '') AS agent, (c.judged_at AT TIME ZONE 'UTC')::date AS day, c.metric,
             c.outcome, count(*) AS cycles
      FROM cycles c GROUP BY c.lane, c.client, c.agent, (c.judged_at AT TIME ZONE 'UTC')::date, c.metric, c.outcome) d
CROSS JOIN LATERAL (
    VALUES ('', '', d.client), ('desk', '', ''), ('agent', d.agent, d.client), ('desk_agent', d.agent, '')
) AS f (facet, value, client)
WHERE f.facet IN ('', 'desk') OR d.metric = 'promise'
GROUP BY d.lane, f.facet, f.value, f.client, d.day, d.metric, d.outcome
ORDER BY d.day, d.lane;

-- name: words
-- Three messages a ticket of some twelve words; the commonest of them stand in every third message.
INSERT INTO words (lane, position, ticket, client, person, at, words)
SELECT t.lane, p.position, t.ticket, t.client, t.requester, t.opened_at + p.nth * interval '1 hour',
       to_tsvector('reporting.words', s.text)
       || array_to_tsvector(ARRAY['~' || t.client, '~' || t.lane || '.12.' || (p.position >> 12),
              '~' || t.lane || '.15.' || (p.position >> 15), '~' || t.lane || '.18.' || (p.position >> 18)])
FROM tickets t
CROSS JOIN LATERAL (SELECT nth, t.position - 4 + nth AS position FROM generate_series(1, 3) AS nth) p
CROSS JOIN LATERAL (
    SELECT string_agg('word' || floor(pg_temp.chance(t.number * 8 + p.nth, 100 + w) ^ 3 * 20000), ' ')
           || CASE WHEN (t.number + p.nth) % 3 = 0 THEN ' printer outage' ELSE '' END AS text
    FROM generate_series(1, 10) AS w
) s
ORDER BY t.opened_at;

-- name: heads
UPDATE reporting.progress p SET position = (SELECT coalesce(max(t.position), 0) FROM tickets t WHERE t.lane = p.lane)
WHERE p.view = 'search';
