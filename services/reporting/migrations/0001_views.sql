-- The views of reporting. Each lives in a schema of its own that is made by a function, so that `daybook rebuild` can
-- make a second one beside it, fill it from the log and give it the first one's name. Names of tables are never
-- qualified in queries: a connection's search_path says which version it means.
CREATE SCHEMA reporting;

-- How far each view has digested each lane. Its row is locked first by whoever writes to the view, in every transaction.
CREATE TABLE reporting.progress (
    lane        smallint    NOT NULL,
    view        text        COLLATE "C" NOT NULL,
    position    bigint      NOT NULL DEFAULT 0,
    recorded_at timestamptz NOT NULL DEFAULT '2000-01-01Z',  -- of the event at that position
    PRIMARY KEY (lane, view)
) WITH (fillfactor = 20);

INSERT INTO reporting.progress (lane, view)
SELECT lane, view FROM generate_series(0, 15) AS lane, unnest(ARRAY['directory', 'queue', 'search']) AS view;

-- Which version of a view is read.
CREATE TABLE reporting.views (
    view     text        COLLATE "C" PRIMARY KEY,
    version  integer     NOT NULL DEFAULT 1,
    built_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    checksum text
);

INSERT INTO reporting.views (view) VALUES ('directory'), ('queue'), ('search');

-- How far a version under construction has come. First a lane is loaded up to `upto`: the queue stream by stream, the
-- others by position. Once all lanes are loaded the tables get their indexes; then `position` follows the lane.
CREATE TABLE reporting.builds (
    lane     smallint NOT NULL,
    view     text     COLLATE "C" NOT NULL,
    shape    text     NOT NULL,  -- of the functions that made the tables: another shape is begun anew, not continued
    upto     bigint   NOT NULL,
    stream   uuid     NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',  -- the last one loaded
    loaded   bigint   NOT NULL DEFAULT 0,  -- events
    position bigint   NOT NULL DEFAULT 0,
    indexed  boolean  NOT NULL DEFAULT false,
    PRIMARY KEY (lane, view)
);

GRANT USAGE ON SCHEMA reporting TO daybook_reporting;
GRANT SELECT, UPDATE ON reporting.progress TO daybook_reporting;
GRANT SELECT ON reporting.views, reporting.builds TO daybook_reporting;

-- What a checksum of a view is made of: eight bytes of a row's SHA-256. Their sum does not depend on the rows' order.
CREATE FUNCTION reporting.row_sum(line text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('x' || encode(substr(sha256(convert_to(line, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint::numeric;

GRANT EXECUTE ON FUNCTION reporting.row_sum TO daybook_reporting;
