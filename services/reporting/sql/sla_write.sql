-- name: streams
-- Whole streams up to a position, or up to where the view is, if a replayed event lies before that.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload
FROM unnest($1::smallint[], $2::uuid[], $3::bigint[]) AS w (lane, stream, upto)
JOIN reporting.progress p ON p.lane = w.lane AND p.view = 'sla'
JOIN log.events e ON e.lane = w.lane AND e.stream = w.stream AND e.position <= greatest(w.upto, p.position)
ORDER BY e.stream, e.version;

-- name: standing
-- Of some tickets those that have rows: of new ones none has.
SELECT w.ticket FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, ticket)
WHERE EXISTS (SELECT FROM cycles c WHERE c.lane = w.lane AND c.ticket = w.ticket)
   OR EXISTS (SELECT FROM pauses p WHERE p.lane = w.lane AND p.ticket = w.ticket)
   OR EXISTS (SELECT FROM stories s WHERE s.lane = w.lane AND s.ticket = w.ticket);

-- name: standing_cycles
SELECT c.lane, c.ticket, c.cycle, c.client, c.metric, c.outcome, c.judged_at, c.started_at, c.due_at, c.ended_at, c.final_at,
       c.breached_at, c.breach, c.changed_by, c.waived_at, c.excluded_at, c.agent, c.team, c.category, c.priority, c.cause,
       c.policy, c.calendar, c.target_seconds, c.consumed_seconds, c.paused_seconds, c.overdue_seconds, c.running_from
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, ticket)
JOIN cycles c ON c.lane = w.lane AND c.ticket = w.ticket;

-- name: standing_pauses
SELECT p.lane, p.ticket, p.started_at, p.client, p.waits_for, p.asked, p.ended_at, p.ended_by, p.messages, p.answered_at,
       p.open_seconds, p.unread_seconds, p.agent, p.team, p.category, p.priority, p.origin
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, ticket)
JOIN pauses p ON p.lane = w.lane AND p.ticket = w.ticket;

-- name: standing_stories
SELECT s.lane, s.ticket, s.client, s.solved_at, s.opened_at, s.solution_seconds, s.open_seconds, s.silence_seconds, s.news,
       s.excluded, s.agent, s.team, s.category, s.priority
FROM unnest($1::smallint[], $2::uuid[]) AS w (lane, ticket)
JOIN stories s ON s.lane = w.lane AND s.ticket = w.ticket;

-- name: forget_cycles
DELETE FROM cycles c USING unnest($1::smallint[], $2::uuid[], $3::text[]) AS gone (lane, ticket, cycle)
WHERE c.lane = gone.lane AND c.ticket = gone.ticket AND c.cycle = gone.cycle;

-- name: forget_pauses
DELETE FROM pauses p USING unnest($1::smallint[], $2::uuid[], $3::timestamptz[]) AS gone (lane, ticket, started_at)
WHERE p.lane = gone.lane AND p.ticket = gone.ticket AND p.started_at = gone.started_at;

-- name: forget_stories
DELETE FROM stories s USING unnest($1::smallint[], $2::uuid[]) AS gone (lane, ticket)
WHERE s.lane = gone.lane AND s.ticket = gone.ticket;

-- name: put_cycles
INSERT INTO cycles (lane, ticket, cycle, client, metric, outcome, judged_at, started_at, due_at, ended_at, final_at,
    breached_at, breach, changed_by, waived_at, excluded_at, agent, team, category, priority, cause, policy, calendar,
    target_seconds, consumed_seconds, paused_seconds, overdue_seconds, running_from)
SELECT u.lane, u.ticket, u.cycle, u.client, u.metric, u.outcome, u.judged_at, u.started_at, u.due_at, u.ended_at, u.final_at,
       u.breached_at, u.breach, u.changed_by, u.waived_at, u.excluded_at, u.agent, u.team, u.category, u.priority, u.cause,
       u.policy, u.calendar, u.target_seconds, u.consumed_seconds, u.paused_seconds, u.overdue_seconds, u.running_from
FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[],
            $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::uuid[],
            $15::timestamptz[], $16::timestamptz[], $17::uuid[], $18::text[], $19::text[], $20::text[], $21::text[],
            $22::text[], $23::text[], $24::integer[], $25::integer[], $26::integer[], $27::integer[], $28::timestamptz[])
     AS u (lane, ticket, cycle, client, metric, outcome, judged_at, started_at, due_at, ended_at, final_at, breached_at,
           breach, changed_by, waived_at, excluded_at, agent, team, category, priority, cause, policy, calendar,
           target_seconds, consumed_seconds, paused_seconds, overdue_seconds, running_from)
ON CONFLICT (lane, ticket, cycle) DO UPDATE SET
    outcome = excluded.outcome, judged_at = excluded.judged_at, started_at = excluded.started_at, due_at = excluded.due_at,
    ended_at = excluded.ended_at, final_at = excluded.final_at, breached_at = excluded.breached_at,
    breach = excluded.breach, changed_by = excluded.changed_by, waived_at = excluded.waived_at,
    excluded_at = excluded.excluded_at, agent = excluded.agent, team = excluded.team, category = excluded.category,
    priority = excluded.priority, cause = excluded.cause, policy = excluded.policy, calendar = excluded.calendar,
    target_seconds = excluded.target_seconds, consumed_seconds = excluded.consumed_seconds,
    paused_seconds = excluded.paused_seconds, overdue_seconds = excluded.overdue_seconds,
    running_from = excluded.running_from;

-- name: put_pauses
INSERT INTO pauses (lane, ticket, started_at, client, waits_for, asked, ended_at, ended_by, messages, answered_at,
    open_seconds, unread_seconds, agent, team, category, priority, origin)
SELECT u.lane, u.ticket, u.started_at, u.client, u.waits_for, u.asked, u.ended_at, u.ended_by, u.messages, u.answered_at,
       u.open_seconds, u.unread_seconds, u.agent, u.team, u.category, u.priority, u.origin
FROM unnest($1::smallint[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::boolean[], $7::timestamptz[],
            $8::text[], $9::integer[], $10::timestamptz[], $11::integer[], $12::integer[], $13::uuid[], $14::text[],
            $15::text[], $16::text[], $17::text[])
     AS u (lane, ticket, started_at, client, waits_for, asked, ended_at, ended_by, messages, answered_at, open_seconds,
           unread_seconds, agent, team, category, priority, origin)
ON CONFLICT (lane, ticket, started_at) DO UPDATE SET
    waits_for = excluded.waits_for, asked = excluded.asked, ended_at = excluded.ended_at, ended_by = excluded.ended_by,
    messages = excluded.messages, answered_at = excluded.answered_at, open_seconds = excluded.open_seconds,
    unread_seconds = excluded.unread_seconds, agent = excluded.agent, team = excluded.team, category = excluded.category,
    priority = excluded.priority;

-- name: put_stories
INSERT INTO stories (lane, ticket, client, solved_at, opened_at, solution_seconds, open_seconds, silence_seconds, news,
    excluded, agent, team, category, priority)
SELECT u.lane, u.ticket, u.client, u.solved_at, u.opened_at, u.solution_seconds, u.open_seconds, u.silence_seconds, u.news,
       u.excluded, u.agent, u.team, u.category, u.priority
FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::integer[], $7::integer[],
            $8::integer[], $9::integer[], $10::text[], $11::uuid[], $12::text[], $13::text[], $14::text[])
     AS u (lane, ticket, client, solved_at, opened_at, solution_seconds, open_seconds, silence_seconds, news, excluded,
           agent, team, category, priority)
ON CONFLICT (lane, ticket) DO UPDATE SET
    solved_at = excluded.solved_at, opened_at = excluded.opened_at, solution_seconds = excluded.solution_seconds,
    open_seconds = excluded.open_seconds, silence_seconds = excluded.silence_seconds, news = excluded.news,
    excluded = excluded.excluded, agent = excluded.agent, team = excluded.team, category = excluded.category,
    priority = excluded.priority;

-- name: tally
INSERT INTO tallies AS t (lane, facet, value, client, day, metric, outcome, cycles)
SELECT u.lane, u.facet, u.value, u.client, u.day, u.metric, u.outcome, u.change
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::text[], $8::bigint[])
     AS u (lane, facet, value, client, day, metric, outcome, change)
ON CONFLICT (lane, facet, day, client, value, metric, outcome) DO UPDATE SET cycles = t.cycles + excluded.cycles;

-- name: checksum
-- Of what reports are made of, whatever the order in which its rows were written.
SELECT (SELECT coalesce(sum(reporting.row_sum(ROW(c.lane, c.ticket, c.cycle, c.client, c.metric, c.outcome, c.judged_at,
            c.started_at, c.due_at, c.ended_at, c.final_at, c.breached_at, c.breach, c.changed_by, c.waived_at,
            c.excluded_at, c.agent, c.team, c.category, c.priority, c.cause, c.policy, c.calendar, c.target_seconds,
            c.consumed_seconds, c.paused_seconds, c.overdue_seconds, c.running_from)::text)), 0)
        FROM cycles c)
     + (SELECT coalesce(sum(reporting.row_sum(ROW(p.lane, p.ticket, p.started_at, p.client, p.waits_for, p.asked, p.ended_at,
            p.ended_by, p.messages, p.answered_at, p.open_seconds, p.unread_seconds, p.agent, p.team, p.category,
            p.priority, p.origin)::text)), 0)
        FROM pauses p)
     + (SELECT coalesce(sum(reporting.row_sum(ROW(s.lane, s.ticket, s.client, s.solved_at, s.opened_at, s.solution_seconds,
            s.open_seconds, s.silence_seconds, s.news, s.excluded, s.agent, s.team, s.category, s.priority)::text)), 0)
        FROM stories s)
     + (SELECT coalesce(sum(reporting.row_sum(ROW(t.lane, t.facet, t.value, t.client, t.day, t.metric, t.outcome,
            t.cycles)::text)), 0)
        FROM tallies t WHERE t.cycles <> 0);
