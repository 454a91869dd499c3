-- name: judged
-- Cycles that were judged in a range, counted by metric, outcome and why; as of an instant ($4) by what was true then. A
-- result that may still go on, because its ticket may be opened again, is provisional.
SELECT found.metric, found.outcome, found.breach, found.cause, count(*) AS cycles,
       sum(found.overdue_seconds)::bigint AS overdue_seconds
FROM (
    SELECT c.metric, c.overdue_seconds, CASE WHEN c.breached_at <= $4 THEN c.breach END AS breach,
           CASE WHEN c.breached_at <= $4 THEN c.cause END AS cause,
           CASE WHEN c.excluded_at <= $4 THEN c.outcome
                WHEN c.breached_at <= $4 THEN CASE WHEN c.waived_at <= $4 THEN 'waived' ELSE 'breached' END
                WHEN c.outcome = 'moved' THEN 'moved'
                WHEN c.final_at > $4 THEN 'provisional'
                ELSE 'met' END AS outcome
    FROM cycles c
    WHERE c.judged_at >= $2::timestamptz AND c.judged_at < $3::timestamptz AND c.judged_at <= $4::timestamptz
      AND ($1::text[] IS NULL OR c.client = ANY ($1))
) found
GROUP BY found.metric, found.outcome, found.breach, found.cause;

-- name: grouped
-- The same for each client, agent, team, category, priority or day ($5), those with the most breaches first.
SELECT found.key, found.metric,
       count(*) FILTER (WHERE found.outcome = 'met') AS met, count(*) FILTER (WHERE found.outcome = 'breached') AS breached,
       count(*) FILTER (WHERE found.outcome = 'waived') AS waived,
       count(*) FILTER (WHERE found.outcome = 'provisional') AS provisional,
       count(*) FILTER (WHERE found.outcome = 'moved') AS moved,
       count(*) FILTER (WHERE found.outcome IN ('spam', 'duplicate', 'merged')) AS excluded,
       sum(count(*) FILTER (WHERE found.outcome = 'breached')) OVER (PARTITION BY found.key) AS worst
FROM (
    SELECT c.metric,
           CASE $5::text WHEN 'client' THEN c.client WHEN 'agent' THEN c.agent::text WHEN 'team' THEN c.team
               WHEN 'category' THEN c.category WHEN 'priority' THEN c.priority
               ELSE to_char(c.judged_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') END AS key,
           CASE WHEN c.excluded_at <= $4 THEN c.outcome
                WHEN c.breached_at <= $4 THEN CASE WHEN c.waived_at <= $4 THEN 'waived' ELSE 'breached' END
                WHEN c.outcome = 'moved' THEN 'moved'
                WHEN c.final_at > $4 THEN 'provisional'
                ELSE 'met' END AS outcome
    FROM cycles c
    WHERE c.judged_at >= $2::timestamptz AND c.judged_at < $3::timestamptz AND c.judged_at <= $4::timestamptz
      AND ($1::text[] IS NULL OR c.client = ANY ($1))
) found
GROUP BY found.key, found.metric
ORDER BY CASE WHEN $5 = 'day' THEN found.key END, worst DESC, found.key, found.metric
LIMIT $6;

-- name: late
-- Breached clocks that still run: what they are late by grows until they end.
SELECT c.client, c.metric, c.calendar, c.running_from, c.due_at
FROM cycles c
WHERE c.running_from IS NOT NULL AND c.breached_at <= $4::timestamptz AND c.excluded_at IS NULL
  AND c.judged_at >= $2::timestamptz AND c.judged_at < $3::timestamptz
  AND ($1::text[] IS NULL OR c.client = ANY ($1))
LIMIT $5;

-- name: told
-- Time to solution beside the longest time without news, of tickets that ended in a range.
SELECT count(*) AS tickets, sum(s.news)::bigint AS news,
       percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY s.solution_seconds) AS solution_seconds,
       percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY s.open_seconds) AS open_seconds,
       percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY s.silence_seconds) AS silence_seconds
FROM stories s
WHERE s.solved_at >= $2::timestamptz AND s.solved_at < $3::timestamptz AND s.solved_at <= $4::timestamptz
  AND s.excluded IS NULL AND ($1::text[] IS NULL OR s.client = ANY ($1));

-- name: paused
-- Pauses that began in a range, and what the customer did meanwhile.
SELECT p.waits_for, count(*) AS pauses, sum(p.open_seconds) FILTER (WHERE p.ended_at <= $4)::bigint AS open_seconds,
       count(*) FILTER (WHERE p.ended_at IS NULL OR p.ended_at > $4) AS lasting,
       count(*) FILTER (WHERE NOT p.asked AND p.origin <> 'import') AS unasked,
       count(*) FILTER (WHERE p.answered_at <= $4) AS answered,
       sum(p.unread_seconds) FILTER (WHERE p.ended_at <= $4)::bigint AS unread_seconds,
       count(*) FILTER (WHERE p.ended_by = 'customer') AS by_customer, count(*) FILTER (WHERE p.ended_by = 'desk') AS by_desk,
       count(*) FILTER (WHERE p.ended_by = 'solved') AS by_solution
FROM pauses p
WHERE p.started_at >= $2::timestamptz AND p.started_at < $3::timestamptz AND p.started_at <= $4::timestamptz
  AND ($1::text[] IS NULL OR p.client = ANY ($1))
GROUP BY p.waits_for;

-- name: cycles
-- The clocks behind a figure, newest first.
SELECT found.lane, found.ticket, found.cycle, found.client, found.metric, found.outcome, found.judged_at, found.started_at,
       found.due_at, found.ended_at, found.breached_at, found.breach, found.changed_by, found.waived_at, found.agent,
       found.team, found.category, found.priority, found.cause, found.policy, found.calendar, found.target_seconds,
       found.consumed_seconds, found.paused_seconds, found.overdue_seconds, t.prefix, t.number, t.subject,
       a.name AS agent_name
FROM (
    SELECT c.lane, c.ticket, c.cycle, c.client, c.metric, c.judged_at, c.started_at, c.due_at, c.ended_at, c.breached_at,
           c.breach, c.changed_by, c.waived_at, c.agent, c.team, c.category, c.priority, c.cause, c.policy, c.calendar,
           c.target_seconds, c.consumed_seconds, c.paused_seconds, c.overdue_seconds,
           CASE WHEN c.excluded_at <= $4 THEN c.outcome
                WHEN c.breached_at <= $4 THEN CASE WHEN c.waived_at <= $4 THEN 'waived' ELSE 'breached' END
                WHEN c.outcome = 'moved' THEN 'moved'
                WHEN c.final_at > $4 THEN 'provisional'
                ELSE 'met' END AS outcome
    FROM cycles c
    WHERE c.judged_at >= $2::timestamptz AND c.judged_at < $3::timestamptz AND c.judged_at <= $4::timestamptz
      AND ($1::text[] IS NULL OR c.client = ANY ($1))
      AND ($5::text IS NULL OR c.metric = $5)
      AND ($7::text IS NULL OR c.breach = $7)
      AND ($8::uuid IS NULL OR c.agent = $8)
      AND ($9::text IS NULL OR c.team = $9)
      AND ($10::text IS NULL OR c.category = $10)
      AND ($11::text IS NULL OR c.priority = $11)
      AND (c.judged_at, c.ticket, c.cycle) < ($12::timestamptz, $13::uuid, $14::text)
) found
LEFT JOIN tickets t ON t.lane = found.lane AND t.ticket = found.ticket
LEFT JOIN agents a ON a.lane = $15 AND a.agent = found.agent
WHERE $6::text IS NULL OR found.outcome = $6
ORDER BY found.judged_at DESC, found.ticket DESC, found.cycle DESC
LIMIT $16;

-- name: pauses
SELECT p.lane, p.ticket, p.client, p.waits_for, p.started_at, p.asked, p.ended_at, p.ended_by, p.messages, p.answered_at,
       p.open_seconds, p.unread_seconds, p.agent, p.category, p.priority, t.prefix, t.number, t.subject, a.name AS agent_name
FROM pauses p
LEFT JOIN tickets t ON t.lane = p.lane AND t.ticket = p.ticket
LEFT JOIN agents a ON a.lane = $7 AND a.agent = p.agent
WHERE p.started_at >= $2::timestamptz AND p.started_at < $3::timestamptz AND p.started_at <= $4::timestamptz
  AND ($1::text[] IS NULL OR p.client = ANY ($1))
  AND (p.started_at, p.ticket) < ($5::timestamptz, $6::uuid)
  AND ($9::boolean IS NOT TRUE OR NOT p.asked AND p.origin <> 'import' OR p.unread_seconds > 0)
ORDER BY p.started_at DESC, p.ticket DESC
LIMIT $8;

-- name: stories
-- Tickets that ended in a range, the longest silence first.
SELECT s.lane, s.ticket, s.client, s.solved_at, s.opened_at, s.solution_seconds, s.open_seconds, s.silence_seconds, s.news,
       s.agent, s.category, s.priority, t.prefix, t.number, t.subject, a.name AS agent_name
FROM stories s
LEFT JOIN tickets t ON t.lane = s.lane AND t.ticket = s.ticket
LEFT JOIN agents a ON a.lane = $7 AND a.agent = s.agent
WHERE s.solved_at >= $2::timestamptz AND s.solved_at < $3::timestamptz AND s.solved_at <= $4::timestamptz
  AND s.excluded IS NULL AND ($1::text[] IS NULL OR s.client = ANY ($1))
  AND (s.silence_seconds, s.ticket) < ($5::integer, $6::uuid)
ORDER BY s.silence_seconds DESC, s.ticket DESC
LIMIT $8;

-- name: tallied
-- Kept counts by day, and for a day that is not over yet at an instant ($5, $6) the rows themselves: all metrics of the
-- desk, and promises by client and by agent. Of some clients: the sums of theirs; of all: what is kept of the whole desk.
SELECT found.facet, found.key, found.metric, found.outcome, sum(found.cycles)::bigint AS cycles
FROM (
    SELECT t.facet, CASE WHEN t.metric <> 'promise' THEN '' WHEN t.facet = '' THEN t.client ELSE t.value END AS key,
           t.metric, t.outcome, t.cycles
    FROM tallies t
    WHERE $2::text[] IS NOT NULL AND t.client = ANY ($2)
      AND t.lane = ANY ($1::smallint[]) AND t.facet IN ('', 'agent') AND t.day BETWEEN $3::date AND $4::date
    UNION ALL
    SELECT '', '', t.metric, t.outcome, t.cycles
    FROM tallies t
    WHERE $2 IS NULL AND t.lane = ANY ($1) AND t.facet = 'desk' AND t.day BETWEEN $3 AND $4 AND t.metric <> 'promise'
    UNION ALL
    SELECT '', t.client, t.metric, t.outcome, t.cycles
    FROM tallies t
    WHERE $2 IS NULL AND t.lane = ANY ($1) AND t.facet = '' AND t.day BETWEEN $3 AND $4 AND t.metric = 'promise'
    UNION ALL
    SELECT 'agent', t.value, t.metric, t.outcome, t.cycles
    FROM tallies t
    WHERE $2 IS NULL AND t.lane = ANY ($1) AND t.facet = 'desk_agent' AND t.day BETWEEN $3 AND $4
    UNION ALL
    SELECT facet.name, CASE WHEN c.metric <> 'promise' THEN '' WHEN facet.name = '' THEN c.client
                            ELSE coalesce(c.agent::text, '') END, c.metric, c.outcome, 1
    FROM cycles c CROSS JOIN (VALUES (''), ('agent')) AS facet (name)
    WHERE c.judged_at >= $5::timestamptz AND c.judged_at <= $6::timestamptz
      AND ($2 IS NULL OR c.client = ANY ($2)) AND (facet.name = '' OR c.metric = 'promise')
) found
GROUP BY found.facet, found.key, found.metric, found.outcome;

-- name: names
SELECT 'client' AS kind, c.client AS key, c.name FROM clients c
WHERE c.lane = ANY ($1::smallint[]) AND c.client = ANY ($2::text[])
UNION ALL
SELECT 'agent', a.agent::text, a.name FROM agents a WHERE a.lane = $3 AND a.agent::text = ANY ($2);
