-- Letters that are due, and those that the desk keeps instead of sending them.
CREATE SCHEMA notification;

-- One row a letter, written in the transaction that moves the consumer's cursor, and kept for ever: an event that is
-- handled again finds its row and writes no second letter. It holds no text; the sender reads the log.
--   waiting  due at due_at
--   sending  claimed; `attempted` once the mail server was asked. A row whose claim ran out after that is a doubt:
--            the server may have the letter. It goes again, under the same Message-ID, and is counted in `doubts`.
--   sent, failed, muted  ended; the log has delivery.sent or delivery.failed, or the client is a sandbox
CREATE TABLE notification.outbox (
    lane          smallint    NOT NULL,
    event         uuid        NOT NULL,
    effect        text        NOT NULL CHECK (effect IN ('receipt', 'reply', 'resolution')),
    ticket        uuid        NOT NULL,
    client        text        NOT NULL,
    origin        text        NOT NULL,
    trace         text,
    occurred_at   timestamptz NOT NULL,
    state         text        NOT NULL DEFAULT 'waiting'
                              CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'muted')),
    due_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts      integer     NOT NULL DEFAULT 0,
    attempted     boolean     NOT NULL DEFAULT false,
    doubts        integer     NOT NULL DEFAULT 0,
    holder        uuid,
    claimed_until timestamptz,
    code          text,  -- the mail server's last word, such as 451; never its text, which may quote an address
    CONSTRAINT one_letter_per_event_and_effect PRIMARY KEY (lane, event, effect)
) WITH (fillfactor = 70);  -- a row is rewritten once or twice, and not in the index of its key

CREATE INDEX letters_due ON notification.outbox (due_at) WHERE state IN ('waiting', 'sending');

-- What the embedded desk shows at /mailbox. `content` is {"to", "name", "subject", "text", "html"}, each sealed with
-- the recipient's key: whoever is erased leaves no letter behind. `headers` holds nothing of a person.
CREATE TABLE notification.mailbox (
    lane       smallint    NOT NULL,
    id         uuid        NOT NULL,  -- the delivery's stream, so one effect has one letter
    kept_at    timestamptz NOT NULL,
    client     text        NOT NULL,
    ticket     uuid        NOT NULL,
    reference  text        NOT NULL,
    person     uuid        NOT NULL,
    letter     text        NOT NULL,
    language   text        NOT NULL,
    message_id text        NOT NULL,
    headers    json        NOT NULL,
    content    json        NOT NULL,
    CONSTRAINT one_kept_letter_per_effect PRIMARY KEY (lane, id)
) WITH (toast_tuple_target = 8000);  -- a letter of usual size lies in one row, not in three pieces elsewhere
ALTER TABLE notification.mailbox ALTER COLUMN content SET STORAGE EXTERNAL;  -- sealed text does not compress
CREATE INDEX letters_by_time ON notification.mailbox (kept_at, id);

-- For reporting, which opens the sealed parts at the edge (services.kit.personal.Vault.open_json).
CREATE VIEW notification.mailbox_read AS
SELECT lane, id, kept_at, client, ticket, reference, person, letter, language, message_id, headers, content
FROM notification.mailbox;

GRANT USAGE ON SCHEMA notification TO daybook_notification, daybook_reporting;
GRANT SELECT, INSERT, UPDATE ON notification.outbox TO daybook_notification;
GRANT SELECT, INSERT ON notification.mailbox TO daybook_notification;
GRANT SELECT ON notification.mailbox_read TO daybook_reporting;
