-- Who is signed in. Sessions use real time, also where the desk's clock is the log's.

CREATE SCHEMA desk;

CREATE TABLE desk.sessions (
    id         bytea       NOT NULL CONSTRAINT one_session_per_cookie PRIMARY KEY,  -- SHA-256 of the cookie, not the cookie
    token      bytea       NOT NULL,  -- the agent's bearer token, sealed with a key that only the cookie gives
    agent      uuid        NOT NULL,
    name       text        NOT NULL,
    role       text        NOT NULL,
    level      text        NOT NULL,
    csrf       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT a_session_ends_after_it_began CHECK (expires_at > created_at)
);

CREATE INDEX sessions_by_end ON desk.sessions (expires_at);

GRANT USAGE ON SCHEMA desk TO daybook_desk;
GRANT SELECT, INSERT, DELETE ON desk.sessions TO daybook_desk;
