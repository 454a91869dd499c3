CREATE SCHEMA IF NOT EXISTS triage;

-- What became of the urgency that requesters stated: one row a ticket, in the order of the lane, each with how many of
-- the client's claims were confirmed and denied with it. So the count at any position is one row, whoever asks when,
-- and an event that is handled again writes nothing.
CREATE TABLE triage.claims (
    lane      smallint NOT NULL,
    client    text COLLATE "C" NOT NULL,
    position  bigint   NOT NULL,
    ticket    uuid     NOT NULL,
    confirmed integer  NOT NULL,
    denied    integer  NOT NULL,
    CONSTRAINT one_claim_per_position PRIMARY KEY (lane, client, position),
    CONSTRAINT one_claim_per_ticket UNIQUE (lane, ticket)
);

GRANT USAGE ON SCHEMA triage TO daybook_triage;
GRANT SELECT, INSERT ON triage.claims TO daybook_triage;
