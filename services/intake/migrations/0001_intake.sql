-- What intake keeps beside the log: passwords, and the bytes of files.
CREATE SCHEMA intake;

-- How the desk's people prove who they are. Who they are, their role and clients stand in the log.
CREATE TABLE intake.logins (
    agent    uuid        PRIMARY KEY,
    password text        NOT NULL,  -- argon2id, with its parameters
    set_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Files that came with a ticket, sealed with the key of who sent them: erasing the person makes them unreadable too.
CREATE TABLE intake.attachments (
    lane    smallint    NOT NULL,
    ticket  uuid        NOT NULL,
    sha256  bytea       NOT NULL,  -- of the bytes before sealing, as the ticket's events name them
    bytes   integer     NOT NULL,
    sealed  bytea       NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT one_file_per_ticket_and_hash PRIMARY KEY (lane, ticket, sha256)
);

ALTER TABLE intake.attachments ALTER COLUMN sealed SET STORAGE EXTERNAL;  -- sealed bytes do not compress

GRANT USAGE ON SCHEMA intake TO daybook_intake, daybook_reporting, daybook_notification;
GRANT SELECT, INSERT, UPDATE ON intake.logins TO daybook_intake;
GRANT SELECT, INSERT, DELETE ON intake.attachments TO daybook_intake;
GRANT SELECT ON intake.attachments TO daybook_reporting, daybook_notification;
