-- Secrets of the whole desk, wrapped by the master key as persons' keys are. `handles` is the key that turns an address
-- into a handle: it stays when the master key changes, or nobody would be found again.
CREATE TABLE personal.secrets (
    name    text  COLLATE "C" NOT NULL,
    wrapped bytea NOT NULL,
    CONSTRAINT one_secret_per_name PRIMARY KEY (name)
);

GRANT SELECT, INSERT ON personal.secrets TO daybook_intake;

-- Erasing a person deletes their key, in the transaction that appends person.erased.
GRANT DELETE ON personal.people TO daybook_intake;

-- Whoever may read the log may verify it.
GRANT SELECT ON log.counters TO daybook_intake, daybook_triage, daybook_notification, daybook_reporting, daybook_relay;
