-- Policy replays that were asked for over the API, with their results, the last hundred of them. They belong to the desk
-- and not to a client, and are looked up by their own id. A process beats while it works on a replay; one whose beat has
-- stopped has died with its process, and whoever looks next says so.
CREATE TABLE reporting.whatif (
    id          uuid        PRIMARY KEY,
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    asked_by    text COLLATE "C" NOT NULL,  -- the token's or session's id
    clients     text[] COLLATE "C",  -- whose tickets it reads; null: all. Who may not see all of them does not see it
    asked       jsonb       NOT NULL,
    state       text COLLATE "C" NOT NULL DEFAULT 'waiting'
                CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    beat_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    tickets     bigint      NOT NULL DEFAULT 0,
    total       bigint      NOT NULL DEFAULT 0,
    events      bigint      NOT NULL DEFAULT 0,
    finished_at timestamptz,
    problem     text,
    result      bytea
);
CREATE INDEX whatif_by_time ON reporting.whatif (asked_at DESC, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON reporting.whatif TO daybook_reporting;
