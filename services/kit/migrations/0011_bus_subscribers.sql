-- Programs outside that read one client's events over NATS: each has a stream of its own, which the relay fills from the
-- log. The row goes with its token: revoked or ended there, it is dead here.
CREATE TABLE access.bus_subscribers (
    token     uuid     NOT NULL,
    lane      smallint NOT NULL,
    client    text     COLLATE "C" NOT NULL,
    key       text     NOT NULL,            -- the public half; the program alone has the other
    begins    bigint   NOT NULL,            -- the client's sequence behind which it began
    filled    bigint   NOT NULL,            -- up to here the stream was filled
    position  bigint   NOT NULL,            -- up to here everything was acknowledged: where a wiped stream begins again
    told_at   timestamptz NOT NULL DEFAULT clock_timestamp(),  -- when the relay last wrote these two
    closed_at timestamptz,                  -- since when there is no stream any more
    CONSTRAINT one_bus_subscriber_per_token PRIMARY KEY (token)
);

CREATE VIEW access.bus_subscribers_living AS
SELECT s.token, s.lane, s.client, s.key, s.begins, s.filled, s.position, s.told_at
FROM access.bus_subscribers s
JOIN access.tokens t ON t.id = s.token
WHERE s.closed_at IS NULL AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp());

GRANT USAGE ON SCHEMA access TO daybook_relay;
GRANT SELECT, INSERT, DELETE ON access.bus_subscribers TO daybook_intake;
GRANT SELECT ON access.bus_subscribers_living TO daybook_intake, daybook_relay, daybook_reporting;
GRANT SELECT, UPDATE (filled, position, told_at, closed_at) ON access.bus_subscribers TO daybook_relay;
GRANT SELECT ON access.bus_subscribers TO daybook_reporting;
