-- Who may call: bearer tokens of programs and sessions of people. Only a digest is kept; a token is shown once.
CREATE SCHEMA access;

CREATE TABLE access.tokens (
    digest     bytea       PRIMARY KEY,  -- SHA-256 of 256 random bits: nothing to guess, so no slow hash
    id         uuid        NOT NULL,
    name       text        NOT NULL,
    role       text        NOT NULL CHECK (role IN ('administrator', 'manager', 'lead', 'agent', 'auditor', 'intake', 'subscriber')),
    clients    text[],                   -- null: all clients
    origin     text        NOT NULL CHECK (origin IN ('live', 'import', 'demo', 'practice')),
    scopes     text[]      NOT NULL DEFAULT '{}',
    agent      uuid,                     -- the person of the desk whom it stands for
    session    boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT one_token_per_id UNIQUE (id)
);

CREATE INDEX sessions_by_end ON access.tokens (expires_at) WHERE session;

-- Whose reference it is: ACME-1042 leads to one client, for ever. Claimed in the transaction that appends the client's
-- event; a client that changed its prefix before its first ticket has both.
CREATE TABLE access.prefixes (
    prefix text NOT NULL,
    client text NOT NULL,
    CONSTRAINT one_client_per_prefix PRIMARY KEY (prefix)
);

GRANT USAGE ON SCHEMA access TO daybook_intake, daybook_reporting;
GRANT SELECT, INSERT, DELETE, UPDATE (revoked_at) ON access.tokens TO daybook_intake;
GRANT SELECT ON access.tokens TO daybook_reporting;
GRANT SELECT, INSERT, UPDATE (prefix) ON access.prefixes TO daybook_intake;
GRANT SELECT ON access.prefixes TO daybook_reporting;
