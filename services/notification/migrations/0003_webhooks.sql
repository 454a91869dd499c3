-- Webhooks: who is told of events by HTTP, how far each receiver is, and what it did not take.
-- They are few, belong to the desk and are looked up by their own id, so their table does not start with the lane.
CREATE TABLE notification.webhooks (
    webhook         uuid        NOT NULL,
    name            text        NOT NULL,
    url             text        NOT NULL,
    client          text COLLATE "C",              -- null: all clients
    types           text[]      NOT NULL DEFAULT '{}',  -- types or families; empty: all
    categories      text[]      NOT NULL DEFAULT '{}',
    personal        boolean     NOT NULL DEFAULT false,
    token           uuid,                          -- the program's token that made it, and without which it says nothing
    author          text        NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    paused_at       timestamptz,
    pause_reason    text,
    version         bigint      NOT NULL DEFAULT 1,     -- grows with every change by people; who works on an older one stops
    holder          uuid,                          -- the process that works on it, while held_until has not come
    held_until      timestamptz NOT NULL DEFAULT '2000-01-01Z',
    delivered       bigint      NOT NULL DEFAULT 0,
    last_success_at timestamptz,
    last_failure_at timestamptz,
    last_code       text,                          -- the receiver's last word, such as 503; never its text
    failures        integer     NOT NULL DEFAULT 0,     -- since the last success
    CONSTRAINT one_webhook_per_id PRIMARY KEY (webhook),
    CONSTRAINT one_webhook_per_client_and_name UNIQUE NULLS NOT DISTINCT (client, name)
) WITH (fillfactor = 50);

-- What signs. One without an end is current; after a rotation the one before it is valid for a day. `name` binds the
-- wrapping by the master key, as in personal.secrets.
CREATE TABLE notification.webhook_secrets (
    name    text        COLLATE "C" NOT NULL,
    webhook uuid        NOT NULL REFERENCES notification.webhooks ON DELETE CASCADE,
    wrapped bytea       NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at timestamptz,
    CONSTRAINT one_webhook_secret_per_name PRIMARY KEY (name)
);
CREATE INDEX secrets_of_webhook ON notification.webhook_secrets (webhook);

-- How far a receiver is in each lane: everything up to `place`, and some events ahead of it. A place is the client's
-- sequence where the webhook is for one client, else a position of the lane.
CREATE TABLE notification.webhook_places (
    lane    smallint NOT NULL,
    webhook uuid     NOT NULL REFERENCES notification.webhooks ON DELETE CASCADE,
    place   bigint   NOT NULL,
    ahead   bigint[] NOT NULL DEFAULT '{}',
    CONSTRAINT one_place_per_webhook PRIMARY KEY (lane, webhook)
) WITH (fillfactor = 50);
CREATE INDEX places_of_webhook ON notification.webhook_places (webhook);

-- Events that a receiver did not take. While one waits, the later ones of its ticket wait behind it. `dead`: it was tried
-- for three days; people may replay it. No text is kept here: what is sent is read from the log.
CREATE TABLE notification.webhook_letters (
    lane       smallint    NOT NULL,
    webhook    uuid        NOT NULL REFERENCES notification.webhooks ON DELETE CASCADE,
    position   bigint      NOT NULL,
    stream     uuid        NOT NULL,
    event      uuid        NOT NULL,
    type       text        COLLATE "C" NOT NULL,
    state      text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'dead')),
    attempts   integer     NOT NULL,
    code       text        NOT NULL,
    failed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at     timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT one_webhook_letter_per_event PRIMARY KEY (lane, webhook, position)
);
CREATE INDEX webhook_letters_waiting ON notification.webhook_letters (webhook, stream, position) WHERE state = 'waiting';
CREATE INDEX webhook_letters_dead ON notification.webhook_letters (webhook, lane, position) WHERE state = 'dead';

-- For GET /subscribers: one row for each lane of each webhook, with what it is behind. The address's path may hold a
-- secret, so only its host is shown.
CREATE VIEW notification.webhooks_read AS
SELECT w.webhook, w.name, w.client, substring(w.url FROM '^[a-z]+://([^/?#]+)') AS host, w.types, w.categories,
       w.personal, w.made_at, w.paused_at, w.pause_reason, w.delivered, w.last_success_at, w.last_failure_at, w.last_code,
       w.failures, p.lane, p.place, greatest(0, coalesce(c.sequence, l.position, 0) - p.place) AS behind,
       (SELECT count(*) FROM notification.webhook_letters x WHERE x.webhook = w.webhook AND x.state = 'waiting') AS waiting,
       (SELECT count(*) FROM notification.webhook_letters x WHERE x.webhook = w.webhook AND x.state = 'dead') AS dead
FROM notification.webhooks w
JOIN notification.webhook_places p ON p.webhook = w.webhook
LEFT JOIN log.lanes l ON w.client IS NULL AND l.lane = p.lane
LEFT JOIN log.counters c ON w.client IS NOT NULL AND c.lane = p.lane AND c.client = w.client;

GRANT SELECT, INSERT, UPDATE, DELETE ON notification.webhooks, notification.webhook_secrets, notification.webhook_places,
      notification.webhook_letters TO daybook_notification;
GRANT SELECT ON notification.webhooks_read TO daybook_notification, daybook_reporting;
-- The webhooks' own routes ask who calls; and a webhook says nothing any more once its program's token is revoked.
GRANT USAGE ON SCHEMA access TO daybook_notification;
GRANT SELECT ON access.tokens TO daybook_notification;
