-- What the worker of a webhook reads and writes. Every write is fenced: it does nothing, and says so, where another
-- process holds the webhook or a person has changed it since.

-- name: end_without_rights
-- A webhook speaks with today's rights of whoever made it: a program's living token, or a person who may still do it for
-- that client. Whoever has no such rights any more is deactivated, erased, or has other clients or another role now.
UPDATE notification.webhooks w
SET paused_at = clock_timestamp(), pause_reason = $1, version = version + 1
WHERE w.paused_at IS NULL AND (
    w.token IS NOT NULL AND NOT EXISTS (
        SELECT FROM access.tokens t
        WHERE t.id = w.token AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
          AND (t.clients IS NULL OR w.client = ANY (t.clients)) AND (NOT w.personal OR 'personal' = ANY (t.scopes)))
    OR w.agent IS NOT NULL AND NOT EXISTS (
        SELECT FROM (
            SELECT e.type, convert_from(e.payload, 'UTF8')::jsonb AS agent FROM log.events e
            WHERE e.lane = get_byte(uuid_send(w.agent), 15) & 15 AND e.stream = w.agent
            ORDER BY e.version DESC LIMIT 1) a
        WHERE a.type IN ('agent.registered', 'agent.changed')
          AND a.agent ->> 'role' IN ('administrator', 'manager')
          AND (coalesce(jsonb_array_length(a.agent -> 'clients'), 0) = 0 OR a.agent -> 'clients' ? w.client)))
RETURNING w.webhook;

-- name: look
-- Every webhook that may speak.
SELECT w.webhook, w.name, w.url, w.client, w.types, w.categories, w.personal, w.version, w.failures, w.holder,
       w.held_until
FROM notification.webhooks w
WHERE w.paused_at IS NULL
ORDER BY w.webhook;

-- name: hold
-- Takes what nobody holds and keeps what we hold. $3: how long, $4: how much of it may be left before it is renewed.
UPDATE notification.webhooks
SET holder = $1, held_until = clock_timestamp() + $3::interval
WHERE webhook = ANY ($2::uuid[])
  AND (held_until < clock_timestamp() OR holder = $1 AND held_until < clock_timestamp() + $4::interval);

-- name: release
-- Some that we hold, or with $2 null all of them.
UPDATE notification.webhooks SET held_until = '2000-01-01Z'
WHERE holder = $1 AND ($2::uuid[] IS NULL OR webhook = ANY ($2));

-- name: places
SELECT lane, place, ahead FROM notification.webhook_places WHERE webhook = $1 ORDER BY lane;

-- name: secrets
SELECT name, wrapped, ends_at FROM notification.webhook_secrets
WHERE webhook = $1 AND (ends_at IS NULL OR ends_at > clock_timestamp())
ORDER BY ends_at DESC NULLS FIRST;

-- name: parked
SELECT DISTINCT stream FROM notification.webhook_letters WHERE webhook = $1 AND state = 'waiting';

-- name: fence
-- Locked until the transaction ends, so that a change by people comes before it or after it, and our own writes one after the other.
SELECT true FROM notification.webhooks
WHERE webhook = $1 AND holder = $2 AND version = $3 AND held_until > clock_timestamp()
FOR NO KEY UPDATE;

-- name: move
UPDATE notification.webhook_places SET place = $3, ahead = $4 WHERE lane = $2 AND webhook = $1;

-- name: park
INSERT INTO notification.webhook_letters (lane, webhook, position, stream, event, type, attempts, code, due_at, expires_at)
VALUES ($2, $1, $3, $4, $5, $6, $7, $8, clock_timestamp() + $9::interval, clock_timestamp() + $10::interval)
ON CONFLICT (lane, webhook, position) DO UPDATE
SET state = 'waiting', attempts = excluded.attempts, code = excluded.code, failed_at = clock_timestamp(),
    due_at = excluded.due_at, expires_at = excluded.expires_at;

-- name: heads
-- Of every ticket that waits, its first letter; those that are due soonest.
SELECT h.lane, h.position, h.stream, h.attempts, h.due_at, h.expires_at, h.due_at <= clock_timestamp() AS due,
       extract(epoch FROM h.due_at - clock_timestamp())::float8 AS due_in_seconds
FROM (
    SELECT DISTINCT ON (x.stream) x.lane, x.position, x.stream, x.attempts, x.due_at, x.expires_at
    FROM notification.webhook_letters x
    WHERE x.webhook = $1 AND x.state = 'waiting'
    ORDER BY x.stream, x.position
) h
ORDER BY h.due_at, h.position
LIMIT $2;

-- name: event
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events WHERE lane = $1 AND position = $2;

-- name: taken
DELETE FROM notification.webhook_letters WHERE webhook = $1 AND lane = $2 AND position = $3;

-- name: refused
-- After its time a letter is dead, and its ticket goes on without it.
UPDATE notification.webhook_letters
SET attempts = attempts + 1, code = $4, failed_at = clock_timestamp(), due_at = clock_timestamp() + $5::interval,
    state = CASE WHEN expires_at <= clock_timestamp() THEN 'dead' ELSE 'waiting' END
WHERE webhook = $1 AND lane = $2 AND position = $3
RETURNING state;

-- name: waits_still
SELECT EXISTS (
    SELECT FROM notification.webhook_letters WHERE webhook = $1 AND stream = $2 AND state = 'waiting');

-- name: due_now
-- The receiver is back.
UPDATE notification.webhook_letters SET due_at = clock_timestamp() WHERE webhook = $1 AND state = 'waiting';

-- name: succeeded
UPDATE notification.webhooks
SET delivered = delivered + 1, last_success_at = clock_timestamp(), last_code = $2, failures = 0
WHERE webhook = $1;

-- name: failed
UPDATE notification.webhooks SET last_failure_at = clock_timestamp(), last_code = $2, failures = $3 WHERE webhook = $1;

-- name: gone
-- The receiver says that it wants nothing any more (410).
UPDATE notification.webhooks SET paused_at = clock_timestamp(), pause_reason = 'gone', version = version + 1
WHERE webhook = $1;

-- name: counted
-- For the metrics: every subscriber that is served from the database.
SELECT 'webhook' AS kind, r.name, r.client, sum(r.behind)::bigint AS behind, max(r.waiting) AS waiting, max(r.dead) AS dead
FROM notification.webhooks_read r GROUP BY r.webhook, r.name, r.client
UNION ALL
SELECT o.kind, o.name, o.client, o.behind, o.waiting, o.dead_letters FROM log.outside_read o
UNION ALL
SELECT 'consumer', c.consumer, NULL, sum(l.position - c.position)::bigint, 0,
       (SELECT count(*) FROM log.dead_letters d WHERE d.consumer = c.consumer AND d.replayed_at IS NULL)
FROM log.cursors c JOIN log.lanes l ON l.lane = c.lane GROUP BY c.consumer;
