-- The incident radar: who holds it, and what it knows. One row each, in the desk's own lane (contracts/subjects.py).

-- A lease with expiry: a frozen holder is replaced. What it writes afterwards is refused by the epoch.
CREATE TABLE triage.radar_lead (
    lane       smallint    NOT NULL,
    holder     uuid        NOT NULL,
    epoch      bigint      NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT one_radar_a_desk PRIMARY KEY (lane)
) WITH (fillfactor = 20);  -- renewed once a second

-- The radar's exact state, and the position of each lane up to which it has read: both or neither. Words stand in it as
-- keyed hashes, or in clear once clients of three different people have used them.
CREATE TABLE triage.radar_state (
    lane      smallint    NOT NULL,
    positions bigint[]    NOT NULL,  -- of lanes 0 to 15
    state     bytea       NOT NULL,
    tickets   bigint      NOT NULL,
    saved_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT one_radar_state_a_desk PRIMARY KEY (lane)
);
ALTER TABLE triage.radar_state ALTER COLUMN state SET STORAGE EXTERNAL;  -- compressed already

GRANT USAGE ON SCHEMA triage TO daybook_triage;
GRANT SELECT, INSERT, UPDATE ON triage.radar_lead, triage.radar_state TO daybook_triage;
