-- Row-level security where one reads what follows a client (0013_client_rows.sql): how far each client is, and the
-- subscribers outside. The view reads as its owner, for whom no policy holds, so it says itself what the reader's role
-- may see. `label` is the name that people know: where the name is a token's id, that token's.
SELECT log.guard_rows('log.counters');
GRANT SELECT ON log.counters TO daybook_reader;

CREATE OR REPLACE VIEW log.outside_read WITH (security_barrier) AS
SELECT o.kind, o.name, o.client, o.place, greatest(0, coalesce(c.sequence, 0) - o.place) AS behind, o.waiting,
       o.dead_letters, o.made_at, o.seen_at, coalesce(nullif(t.name, ''), o.name) AS label
FROM log.outside_subscribers o
LEFT JOIN log.counters c ON c.lane = o.lane AND c.client = o.client
LEFT JOIN access.tokens t ON t.id::text = o.name
WHERE o.revoked_at IS NULL AND (current_user <> 'daybook_reader' OR o.client = ANY (log.clients_seen()));

GRANT SELECT ON log.outside_read TO daybook_reader;
