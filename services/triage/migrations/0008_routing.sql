-- What the consumer `routing` goes by: the routes that clients and the desk have, and who has how much to do. Both follow
-- from the log up to its cursor, and are written in the transaction that moves it.
CREATE TABLE triage.routes (
    lane     smallint NOT NULL,
    client   text COLLATE "C" NOT NULL,
    position bigint   NOT NULL,  -- of the event that set them
    told     text     NOT NULL,  -- its data, as JSON: no word of a person
    CONSTRAINT one_set_of_routes_per_client PRIMARY KEY (lane, client)
);

-- Open tickets that somebody has. Kept as soon as anybody has routes, and not before.
CREATE TABLE triage.assignments (
    lane    smallint NOT NULL,
    ticket  uuid     NOT NULL,
    agent   uuid     NOT NULL,
    version integer  NOT NULL,  -- of the ticket's event that says so
    CONSTRAINT one_assignment_per_ticket PRIMARY KEY (lane, ticket)
);

CREATE INDEX assignments_by_agent ON triage.assignments (agent);

GRANT SELECT, INSERT, UPDATE ON triage.routes TO daybook_triage;
GRANT SELECT, INSERT, UPDATE, DELETE ON triage.assignments TO daybook_triage;
