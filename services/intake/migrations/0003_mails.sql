-- Every mail that the door has said 250 to, and what became of it: written before the answer, so that `daybook verify` can
-- hold what was accepted against what is there. It holds nothing of a person.
CREATE TABLE intake.mails (
    lane     smallint    NOT NULL,
    key      bytea       NOT NULL,  -- hash of Message-ID, recipient and content
    outcome  text        NOT NULL CHECK (outcome IN ('ticket', 'quarantine')),
    client   text        COLLATE "C",
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT one_row_per_mail_and_outcome PRIMARY KEY (lane, key, outcome)
);

GRANT SELECT, INSERT ON intake.mails TO daybook_intake;

-- Whose key sealed a file, so that it goes when that person is erased. Files of before are unreadable without their key.
ALTER TABLE intake.attachments ADD COLUMN person uuid;
CREATE INDEX files_of_person ON intake.attachments (person);

-- What is left of an erased sender's mail is that it came, and why it became no ticket.
GRANT UPDATE (envelope, sealed) ON intake.quarantine TO daybook_intake;
CREATE INDEX quarantine_of_person ON intake.quarantine (person);
GRANT DELETE ON intake.logins TO daybook_intake;
