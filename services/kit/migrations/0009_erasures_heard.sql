-- Whoever holds opened keys asks every second who was erased of late.
GRANT SELECT ON personal.erasures TO daybook_intake, daybook_triage, daybook_notification, daybook_reporting;
CREATE INDEX erasures_by_time ON personal.erasures (erased_at);

-- An erasure that is done again, because a key came back, is compacted again.
GRANT UPDATE (compacted_at) ON personal.erasures TO daybook_intake;
