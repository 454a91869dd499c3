-- The log: what happened, once, in order. Keys start with the lane everywhere, so that lanes can be spread over machines.
-- Codes and names sort by bytes (COLLATE "C"): a locale's comparison costs more than the rest of an index's descent.

CREATE SCHEMA log;

-- The head of each lane. Writers lock its row, so position order is commit order.
CREATE TABLE log.lanes (
    lane        smallint    PRIMARY KEY CHECK (lane BETWEEN 0 AND 15),
    position    bigint      NOT NULL DEFAULT 0,
    hash        bytea       NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    recorded_at timestamptz NOT NULL DEFAULT '2000-01-01Z'
) WITH (fillfactor = 10);  -- a head is rewritten by every append; free space keeps the update on its page

INSERT INTO log.lanes (lane) SELECT generate_series(0, 15);

CREATE TABLE log.events (
    lane           smallint    NOT NULL,
    position       bigint      NOT NULL,
    client         text COLLATE "C"        NOT NULL,
    sequence       bigint      NOT NULL,
    number         bigint,
    stream         uuid        NOT NULL,
    version        integer     NOT NULL CHECK (version > 0),
    id             uuid        NOT NULL,
    type           text COLLATE "C"        NOT NULL,
    schema_version smallint    NOT NULL,
    actor          text COLLATE "C"        NOT NULL,
    causation      text COLLATE "C",
    origin         text COLLATE "C"        NOT NULL CHECK (origin IN ('live', 'import', 'demo', 'practice')),
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    trace          text,
    payload        bytea       NOT NULL,
    hash           bytea       NOT NULL,
    CONSTRAINT one_event_per_position PRIMARY KEY (lane, position),
    CONSTRAINT one_event_per_stream_version UNIQUE (lane, stream, version),
    CONSTRAINT one_event_per_client_sequence UNIQUE (lane, client, sequence),
    -- Ids carry their lane and clients have theirs, as contracts/subjects.py says; a reader looks nowhere else.
    CONSTRAINT streams_lie_in_their_lane CHECK (get_byte(uuid_send(stream), 15) & 15 = lane),
    CONSTRAINT clients_lie_in_their_lane CHECK (get_byte(sha256(convert_to(client, 'UTF8')), 0) & 15 = lane)
);

-- Sealed text does not compress; trying costs time at every append.
ALTER TABLE log.events ALTER COLUMN payload SET STORAGE EXTERNAL;

-- ACME-1042: the client's running ticket number leads to the stream without asking another lane.
CREATE UNIQUE INDEX one_stream_per_ticket_number ON log.events (lane, client, number) WHERE number IS NOT NULL;

-- The last sequence and ticket number of each client, under its lane's lock. Both can be had from the events by their
-- indexes, but asking an index for its last entry reads a whole page of entries: 21 us against 6 for this row.
CREATE TABLE log.counters (
    lane     smallint NOT NULL,
    client   text     COLLATE "C" NOT NULL,
    sequence bigint   NOT NULL,
    number   bigint   NOT NULL,
    PRIMARY KEY (lane, client)
) WITH (fillfactor = 40);

-- What was asked, once and for ever: the same id answers with the first result.
CREATE TABLE log.commands (
    lane        smallint    NOT NULL,
    scope       text COLLATE "C"        NOT NULL,
    command     text COLLATE "C"        NOT NULL,
    fingerprint bytea       NOT NULL,
    answer      bytea       NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT one_answer_per_command PRIMARY KEY (lane, scope, command)
);

-- contracts/ownership.py, written here by `daybook provision`; the append function asks it.
CREATE TABLE log.ownership (
    role text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    PRIMARY KEY (role, type)
);

-- How far each consumer has come in each lane; committed together with its effects.
CREATE TABLE log.cursors (
    lane     smallint NOT NULL,
    consumer text COLLATE "C"     NOT NULL,
    position bigint   NOT NULL,
    PRIMARY KEY (lane, consumer)
) WITH (fillfactor = 50);

-- Events that a consumer could not digest, for people to look at and to replay. While one waits, its stream waits.
CREATE TABLE log.dead_letters (
    lane        smallint    NOT NULL,
    consumer    text COLLATE "C"        NOT NULL,
    position    bigint      NOT NULL,
    stream      uuid        NOT NULL,
    type        text COLLATE "C"        NOT NULL,
    error       text        NOT NULL,
    attempts    integer     NOT NULL,
    failed_at   timestamptz NOT NULL,
    replayed_at timestamptz,
    CONSTRAINT one_dead_letter_per_event PRIMARY KEY (lane, consumer, position)
);

-- Which relay publishes a lane. The epoch grows with every change of hands.
CREATE TABLE log.leases (
    lane       smallint    NOT NULL,
    purpose    text COLLATE "C"        NOT NULL,
    holder     uuid        NOT NULL,
    epoch      bigint      NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT one_holder_per_lane PRIMARY KEY (lane, purpose)
) WITH (fillfactor = 50);

-- Persons: the key that seals what is about them, wrapped by the desk's master key, and how to find them again.
CREATE SCHEMA personal;

CREATE TABLE personal.people (
    lane    smallint NOT NULL,
    person  uuid     NOT NULL,
    client  text COLLATE "C"     NOT NULL,
    handle  bytea    NOT NULL,  -- HMAC of the address, or of the source's name for the person: equal persons, unreadable
    wrapped bytea    NOT NULL,  -- the person's AES-256 key under the master key; the row is deleted when they are erased
    PRIMARY KEY (lane, person),
    CONSTRAINT one_person_per_client_and_handle UNIQUE (lane, client, handle)
);
