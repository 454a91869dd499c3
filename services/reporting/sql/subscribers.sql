-- name: consumers
-- The desk's own consumers, lane by lane: those with cursors, and triage's followers of incidents.
SELECT c.consumer, l.lane, coalesce(own.position, 0) AS position, greatest(0, l.position - coalesce(own.position, 0)) AS behind,
       (SELECT count(*) FROM log.dead_letters d WHERE d.consumer = c.consumer AND d.replayed_at IS NULL AND d.attempts > 0)
           AS dead_letters,
       (SELECT count(*) FROM log.dead_letters d WHERE d.consumer = c.consumer AND d.replayed_at IS NULL AND d.attempts = 0)
           AS waiting
FROM (SELECT DISTINCT consumer FROM log.cursors) c
CROSS JOIN log.lanes l
LEFT JOIN log.cursors own ON own.consumer = c.consumer AND own.lane = l.lane
UNION ALL
SELECT f.consumer, f.lane, f.position, f.behind, 0, 0 FROM triage.followers_read f
ORDER BY 1, 2;

-- name: still_due
-- Wake-ups of clocks that are still to be looked at, at this instant.
SELECT triage.still_due($1);

-- name: webhooks
-- $1: the caller's clients, null for all.
SELECT w.webhook, w.name, w.client, w.host, w.paused_at, w.pause_reason, w.failures, w.delivered, w.last_success_at,
       w.last_failure_at, w.last_code, sum(w.place)::bigint AS position, sum(w.behind)::bigint AS behind,
       max(w.waiting) AS waiting, max(w.dead) AS dead_letters
FROM notification.webhooks_read w
WHERE $1::text[] IS NULL OR w.client = ANY ($1)
GROUP BY w.webhook, w.name, w.client, w.host, w.paused_at, w.pause_reason, w.failures, w.delivered, w.last_success_at,
         w.last_failure_at, w.last_code
ORDER BY w.name, w.webhook;

-- name: outside
SELECT o.kind, o.name AS id, o.label AS name, o.client, o.place AS position, o.behind, o.waiting, o.dead_letters, o.seen_at
FROM log.outside_read o
WHERE $1::text[] IS NULL OR o.client = ANY ($1)
ORDER BY o.kind, 3, 2;
