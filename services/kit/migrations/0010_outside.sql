-- Subscribers outside the desk that somebody else than a consumer, a webhook or the HTTP feed serves: NATS accounts. Whoever
-- serves one keeps its row; GET /subscribers, the metrics and the Subscribers page show it. `place` is the client's
-- sequence that it has acknowledged.
CREATE TABLE log.outside_subscribers (
    lane         smallint    NOT NULL,
    kind         text        COLLATE "C" NOT NULL,
    name         text        COLLATE "C" NOT NULL,
    client       text        COLLATE "C" NOT NULL,
    place        bigint      NOT NULL DEFAULT 0,
    waiting      bigint      NOT NULL DEFAULT 0,  -- delivered and not acknowledged, or delivered again
    dead_letters bigint      NOT NULL DEFAULT 0,
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at      timestamptz,
    revoked_at   timestamptz,
    CONSTRAINT one_outside_subscriber_per_name PRIMARY KEY (lane, kind, name)
);

CREATE VIEW log.outside_read AS
SELECT o.kind, o.name, o.client, o.place, greatest(0, coalesce(c.sequence, 0) - o.place) AS behind, o.waiting,
       o.dead_letters, o.made_at, o.seen_at
FROM log.outside_subscribers o
LEFT JOIN log.counters c ON c.lane = o.lane AND c.client = o.client
WHERE o.revoked_at IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON log.outside_subscribers TO daybook_intake, daybook_relay;
GRANT SELECT ON log.outside_read TO daybook_reporting, daybook_notification;
