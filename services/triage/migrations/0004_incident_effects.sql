-- How far the effects of incidents have come in the desk's own lane: letters asked for, priorities judged again.
CREATE TABLE triage.incident_effects (
    lane     smallint PRIMARY KEY,
    position bigint   NOT NULL
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE ON triage.incident_effects TO daybook_triage;
