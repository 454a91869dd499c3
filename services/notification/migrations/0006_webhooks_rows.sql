-- Row-level security on what is told of webhooks (services/kit/migrations/0013_client_rows.sql). The view reads as its
-- owner, since its readers must not see addresses and secrets, so it says itself what the reader's role may see. The
-- same columns.
CREATE OR REPLACE VIEW notification.webhooks_read WITH (security_barrier) AS
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
LEFT JOIN log.counters c ON w.client IS NOT NULL AND c.lane = p.lane AND c.client = w.client
WHERE current_user <> 'daybook_reader' OR w.client = ANY (log.clients_seen());

GRANT SELECT ON notification.webhooks_read TO daybook_reader;
