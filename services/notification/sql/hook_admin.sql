-- What people and programs do with webhooks. A change that a worker must know of grows the version: whoever works on an
-- older one writes nothing any more.

-- name: count
SELECT count(*) AS all, count(*) FILTER (WHERE client = $1) AS of_client FROM notification.webhooks;

-- name: list
-- $1: the caller's clients, null for all. A webhook for all clients is seen by who may see all.
SELECT w.webhook, w.name, w.url, w.client, w.types, w.categories, w.personal, w.made_at, w.paused_at, w.pause_reason,
       w.delivered, w.last_success_at, w.last_failure_at, w.last_code, w.failures, r.behind, r.waiting, r.dead
FROM notification.webhooks w
LEFT JOIN LATERAL (
    SELECT sum(r.behind)::bigint AS behind, coalesce(max(r.waiting), 0) AS waiting, coalesce(max(r.dead), 0) AS dead
    FROM notification.webhooks_read r WHERE r.webhook = w.webhook) r ON true
WHERE ($1::text[] IS NULL OR w.client = ANY ($1)) AND ($2::uuid IS NULL OR w.webhook = $2)
ORDER BY w.name, w.webhook;

-- name: make
INSERT INTO notification.webhooks (webhook, name, url, client, types, categories, personal, token, agent, author)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: place
INSERT INTO notification.webhook_places (lane, webhook, place)
SELECT p.lane, $1, p.place FROM unnest($2::smallint[], $3::bigint[]) AS p (lane, place)
ON CONFLICT (lane, webhook) DO UPDATE SET place = excluded.place, ahead = '{}';

-- name: places
SELECT lane, place FROM notification.webhook_places WHERE webhook = $1 ORDER BY lane;

-- name: change
UPDATE notification.webhooks
SET name = $2, url = $3, types = $4, categories = $5, personal = $6, version = version + 1
WHERE webhook = $1;

-- name: touch
UPDATE notification.webhooks SET version = version + 1 WHERE webhook = $1;

-- name: pause
UPDATE notification.webhooks
SET paused_at = coalesce(paused_at, clock_timestamp()), pause_reason = $2, version = version + 1
WHERE webhook = $1;

-- name: resume
-- $2 and $3: the token or the person who resumes, with whose rights one goes on that was paused for $4.
UPDATE notification.webhooks
SET token = CASE WHEN pause_reason = $4 THEN $2::uuid ELSE token END,
    agent = CASE WHEN pause_reason = $4 THEN $3::uuid ELSE agent END,
    paused_at = NULL, pause_reason = NULL, failures = 0, version = version + 1
WHERE webhook = $1;

-- name: resume_letters
-- The pause does not count as time in which the receiver had its chances.
UPDATE notification.webhook_letters SET due_at = clock_timestamp(), expires_at = clock_timestamp() + $2::interval
WHERE webhook = $1 AND state = 'waiting';

-- name: delete
DELETE FROM notification.webhooks WHERE webhook = $1;

-- name: forget_waiting
-- What is replayed from an earlier place comes again anyway, in order.
DELETE FROM notification.webhook_letters WHERE webhook = $1 AND state = 'waiting';

-- name: end_secrets
UPDATE notification.webhook_secrets SET ends_at = clock_timestamp() + $2::interval
WHERE webhook = $1 AND ends_at IS NULL;

-- name: drop_secrets
-- At most two are valid at a time: who rotates again gives the oldest up.
DELETE FROM notification.webhook_secrets WHERE webhook = $1 AND ends_at IS NOT NULL;

-- name: add_secret
INSERT INTO notification.webhook_secrets (name, webhook, wrapped) VALUES ($1, $2, $3);

-- name: dead
SELECT x.lane, x.position, e.sequence, w.client, x.stream, x.event, x.type, x.attempts, x.code, x.failed_at
FROM notification.webhook_letters x
JOIN notification.webhooks w ON w.webhook = x.webhook
JOIN log.events e ON e.lane = x.lane AND e.position = x.position
WHERE x.webhook = $1 AND x.state = 'dead'
ORDER BY x.lane, x.position
LIMIT $2;

-- name: replay_dead
-- One dead letter, or with $2 null all of them. $3 is the sequence of client $5, or with $5 null a position.
UPDATE notification.webhook_letters
SET state = 'waiting', attempts = 0, due_at = clock_timestamp(), expires_at = clock_timestamp() + $4::interval
WHERE webhook = $1 AND state = 'dead' AND ($2::smallint IS NULL OR lane = $2 AND position = CASE
    WHEN $5::text IS NULL THEN $3::bigint
    ELSE (SELECT e.position FROM log.events e WHERE e.lane = $2 AND e.client = $5 AND e.sequence = $3) END)
RETURNING lane, position;

-- name: claim
-- First word under a key; who comes at the same time waits here until the first has committed, and gets no row.
INSERT INTO notification.webhook_keys (scope, key, fingerprint, webhook, secret, made_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING key;

-- name: claimed
-- What was done under a key, with its secret as long as that signs.
SELECT k.fingerprint, k.webhook, k.secret, k.made_at, s.wrapped
FROM notification.webhook_keys k LEFT JOIN notification.webhook_secrets s ON s.name = k.secret
WHERE k.scope = $1 AND k.key = $2;
