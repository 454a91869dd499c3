-- Commands that must not be done twice: a webhook made, a secret rotated. The same key with the same body is answered
-- with the first result, for ever; `secret` names the row of the secret that this command has made, so none is kept here.
-- Whoever asks is few, and the scope is a token's or person's, so this table does not start with the lane. Exports leave
-- it out: a command that comes again after a move finds its webhook's name taken.
CREATE TABLE notification.webhook_keys (
    scope       text        COLLATE "C" NOT NULL,
    key         text        COLLATE "C" NOT NULL,
    fingerprint bytea       NOT NULL,
    webhook     uuid        NOT NULL,
    secret      text        COLLATE "C" NOT NULL,
    made_at     timestamptz NOT NULL,
    CONSTRAINT one_webhook_command_per_key PRIMARY KEY (scope, key)
);

GRANT SELECT, INSERT ON notification.webhook_keys TO daybook_notification;
