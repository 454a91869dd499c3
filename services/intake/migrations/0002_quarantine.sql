-- Mails that could not become a ticket or message, whole and sealed, with the reason. None is thrown away: together with
-- the tickets they account for every mail that was accepted.
CREATE TABLE intake.quarantine (
    lane        smallint    NOT NULL,
    id          uuid        NOT NULL,
    key         bytea       NOT NULL,  -- hash of Message-ID, recipient and content: a mail that is sent again is one mail
    reason      text        NOT NULL,
    client      text,                  -- null where the address names no client of the desk
    person      uuid        NOT NULL,  -- whose key sealed it: the sender's
    bytes       integer     NOT NULL,  -- of the mail before sealing
    envelope    bytea       NOT NULL,  -- sealed: who sent it to whom, as SMTP said
    sealed      bytea       NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT one_quarantined_mail_per_id PRIMARY KEY (lane, id),
    CONSTRAINT one_quarantined_mail_per_key UNIQUE (lane, key)
);
ALTER TABLE intake.quarantine ALTER COLUMN sealed SET STORAGE EXTERNAL;  -- sealed bytes do not compress
CREATE INDEX quarantine_by_time ON intake.quarantine (received_at, id);

GRANT SELECT, INSERT, DELETE ON intake.quarantine TO daybook_intake;
GRANT SELECT (lane, id, reason, client, person, bytes, received_at) ON intake.quarantine TO daybook_reporting;
