-- A webhook made by a person ends with the person's rights, as a program's ends with its token.
ALTER TABLE notification.webhooks ADD COLUMN agent uuid;

UPDATE notification.webhooks SET agent = substring(author FROM '^agent:(.*)$')::uuid
WHERE token IS NULL AND author ~ '^agent:[0-9a-f-]{36}$';

-- The same columns; letters are counted once a webhook, not once for each of its lanes.
CREATE OR REPLACE VIEW notification.webhooks_read AS
SELECT w.webhook, w.name, w.client, substring(w.url FROM '^[a-z]+://([^/?#]+)') AS host, w.types, w.categories,
       w.personal, w.made_at, w.paused_at, w.pause_reason, w.delivered, w.last_success_at, w.last_failure_at, w.last_code,
       w.failures, p.lane, p.place, greatest(0, coalesce(c.sequence, l.position, 0) - p.place) AS behind,
       coalesce(x.waiting, 0) AS waiting, coalesce(x.dead, 0) AS dead
FROM notification.webhooks w
JOIN notification.webhook_places p ON p.webhook = w.webhook
LEFT JOIN (
    SELECT webhook, count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'dead') AS dead
    FROM notification.webhook_letters GROUP BY webhook) x ON x.webhook = w.webhook
LEFT JOIN log.lanes l ON w.client IS NULL AND l.lane = p.lane
LEFT JOIN log.counters c ON w.client IS NOT NULL AND c.lane = p.lane AND c.client = w.client;
