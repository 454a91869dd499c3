-- Which lanes' wake-ups are all known. A desk that was read back from an export has none: timers fill a lane from the
-- log, a page of tickets a transaction, before anything of it that nobody touches could come true unseen.
CREATE TABLE triage.wake_ups_known (
    lane  smallint PRIMARY KEY,
    after uuid     NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',  -- filled up to this ticket
    whole boolean  NOT NULL DEFAULT true
);

INSERT INTO triage.wake_ups_known (lane) SELECT generate_series(0, 15);

GRANT SELECT, UPDATE ON triage.wake_ups_known TO daybook_triage;
