-- One link of a lane's hash chain: SHA-256(previous, length-prefixed envelope, payload); contracts/envelope.py says the same.
CREATE FUNCTION log.link(state bytea, head_of_lane bytea, envelope bytea, payload bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN sha256(coalesce(state, head_of_lane) || int4send(octet_length(envelope)) || envelope || payload);
END
$$;

-- timestamptz_send gives microseconds since 2000-01-01 UTC in eight bytes, at no cost.
-- A plain aggregate, run as a window over a lane's new events: each row sees the chain up to itself.
CREATE AGGREGATE log.chain(head_of_lane bytea, envelope bytea, payload bytea) (SFUNC = log.link, STYPE = bytea);

-- What a writer gives for one event. One array of these costs the writer's driver a third of an array a column.
CREATE TYPE log.new_event AS (
    append integer, lane smallint, client text, stream uuid, version integer, id uuid, type text, schema_version smallint,
    actor text, causation text, origin text,
    occurred timestamptz,  -- null: now
    trace text,
    numbered boolean,      -- takes the client's next ticket number
    head bytea, payload bytea
);

CREATE TYPE log.new_command AS (
    append integer, lane smallint, scope text, command text, fingerprint bytea, answer bytea
);

-- The append: every waiting append of a process in one call and one commit.
--
-- Events come ordered by lane and, inside a lane, by append; `append` numbers the appends. An append is the events of one command: all in one lane, all or none. No stream and no command id may stand
-- in two appends of one call: the caller keeps the later one for its next call.
--
-- One row returns for each append: `ok` and where its last event stands, or why it was not written:
--   conflict   a stream has grown since it was read, or the events do not follow each other
--   backwards  an event says that it happened before the last one of its stream
--   duplicate  the command was done before; `answer` is its first result
--   other_body the command id was used before, with another body
-- The locks on the lanes' heads are released when the commit is visible: whoever sees position n sees all before it.
CREATE FUNCTION log.append(p_events log.new_event[], p_commands log.new_command[]
) RETURNS TABLE (
    append integer, outcome text, last_position bigint, last_sequence bigint, ticket_number bigint,
    recorded timestamptz, occurred timestamptz, answer bytea
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    now_here     timestamptz;
    refused      text;
    bad          integer[];
    bad_outcomes text[];
    bad_answers  bytea[];
BEGIN
    SELECT string_agg(DISTINCT e.type, ', ') INTO refused
    FROM unnest(p_events) AS e
    WHERE NOT EXISTS (SELECT 1 FROM log.ownership o WHERE o.role = session_user AND o.type = e.type);
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION '% may not append %', session_user, refused
            USING ERRCODE = 'insufficient_privilege', HINT = 'contracts/ownership.py says who owns an event type.';
    END IF;

    PERFORM 1 FROM log.lanes WHERE lane IN (SELECT e.lane FROM unnest(p_events) AS e) ORDER BY lane FOR UPDATE;
    now_here := clock_timestamp();

    -- What must not be written. The usual call finds nothing here.
    WITH asked AS (
        SELECT u.append, u.lane, u.stream, u.version, u.occurred,
               row_number() OVER same_stream AS nth,
               lag(u.occurred) OVER same_stream AS before
        FROM unnest(p_events) WITH ORDINALITY
             AS u (append, lane, client, stream, version, id, type, schema_version, actor, causation,
                   origin, occurred, trace, numbered, head, payload, i)
        WINDOW same_stream AS (PARTITION BY u.append, u.stream ORDER BY u.i)
    ), judged AS (
        SELECT c.append,
               CASE WHEN d.fingerprint = c.fingerprint THEN 'duplicate' ELSE 'other_body' END AS outcome, d.answer, 1 AS rank
        FROM unnest(p_commands) AS c
        JOIN log.commands d ON d.lane = c.lane AND d.scope = c.scope AND d.command = c.command
        UNION ALL
        SELECT a.append, CASE WHEN a.version <> coalesce(l.version, 0) + a.nth THEN 'conflict' ELSE 'backwards' END, NULL, 2
        FROM asked a
        LEFT JOIN LATERAL (
            SELECT e.version, e.occurred_at FROM log.events e
            WHERE e.lane = a.lane AND e.stream = a.stream ORDER BY e.version DESC LIMIT 1
        ) l ON true
        WHERE a.version <> coalesce(l.version, 0) + a.nth OR a.occurred < l.occurred_at OR a.occurred < a.before
    ), first AS (
        SELECT DISTINCT ON (j.append) j.append, j.outcome, j.answer FROM judged j ORDER BY j.append, j.rank
    )
    SELECT array_agg(f.append), array_agg(f.outcome), array_agg(f.answer) INTO bad, bad_outcomes, bad_answers FROM first f;

    RETURN QUERY
    WITH given AS (
        SELECT u.*, g.position AS lane_position, g.hash AS lane_hash, greatest(now_here, g.recorded_at) AS recorded
        FROM unnest(p_events) WITH ORDINALITY
             AS u (append, lane, client, stream, version, id, type, schema_version, actor, causation,
                   origin, occurred, trace, numbered, head, payload, i)
        JOIN log.lanes g ON g.lane = u.lane
        WHERE bad IS NULL OR u.append <> ALL (bad)
    ), counters AS MATERIALIZED (
        SELECT c.client,
               coalesce((SELECT e.sequence FROM log.events e WHERE e.lane = c.lane AND e.client = c.client
                         ORDER BY e.sequence DESC LIMIT 1), 0) AS sequence,
               CASE WHEN c.numbered THEN
                   coalesce((SELECT e.number FROM log.events e WHERE e.lane = c.lane AND e.client = c.client
                             AND e.number IS NOT NULL ORDER BY e.number DESC LIMIT 1), 0) END AS number
        FROM (SELECT g.lane, g.client, bool_or(g.numbered) AS numbered FROM given g GROUP BY g.lane, g.client) c
    ), counted AS (
        SELECT g.*,
               g.lane_position + row_number() OVER (PARTITION BY g.lane ORDER BY g.i) AS position,
               c.sequence + row_number() OVER (PARTITION BY g.client ORDER BY g.i) AS sequence,
               CASE WHEN g.numbered
                    THEN c.number + count(*) FILTER (WHERE g.numbered) OVER (PARTITION BY g.client ORDER BY g.i) END AS number,
               coalesce(g.occurred, greatest(g.recorded, (
                   SELECT e.occurred_at FROM log.events e
                   WHERE g.occurred IS NULL AND g.version > 1 AND e.lane = g.lane AND e.stream = g.stream
                   ORDER BY e.version DESC LIMIT 1))) AS occurred_at
        FROM given g JOIN counters c ON c.client = g.client
    ), placed AS MATERIALIZED (
        SELECT c.*,
               log.chain(c.lane_hash,
                         c.head || int8send(c.position) || int8send(c.sequence) || int8send(coalesce(c.number, 0))
                         || timestamptz_send(c.occurred_at) || timestamptz_send(c.recorded),
                         c.payload) OVER (PARTITION BY c.lane ORDER BY c.i) AS hash
        FROM counted c
    ), written AS (
        INSERT INTO log.events (lane, position, client, sequence, number, stream, version, id, type, schema_version,
                                actor, causation, origin, occurred_at, recorded_at, trace, payload, hash)
        SELECT p.lane, p.position, p.client, p.sequence, p.number, p.stream, p.version, p.id, p.type, p.schema_version,
               p.actor, p.causation, p.origin, p.occurred_at, p.recorded, p.trace, p.payload, p.hash
        FROM placed p ORDER BY p.i
    ), headed AS (
        UPDATE log.lanes h SET position = p.position, hash = p.hash, recorded_at = p.recorded
        FROM (SELECT DISTINCT ON (p.lane) p.lane, p.position, p.hash, p.recorded
              FROM placed p ORDER BY p.lane, p.position DESC) p
        WHERE h.lane = p.lane
    ), answered AS (
        INSERT INTO log.commands (lane, scope, command, fingerprint, answer, recorded_at)
        SELECT c.lane, c.scope, c.command, c.fingerprint, c.answer, now_here
        FROM unnest(p_commands) AS c
        WHERE bad IS NULL OR c.append <> ALL (bad)
    )
    SELECT p.append, 'ok', max(p.position), max(p.sequence), max(p.number), max(p.recorded), max(p.occurred_at), NULL::bytea
    FROM placed p GROUP BY p.append
    UNION ALL
    SELECT b.append, b.outcome, NULL, NULL, NULL, NULL, NULL, b.answer
    FROM unnest(bad, bad_outcomes, bad_answers) AS b (append, outcome, answer);
END
$$;

REVOKE ALL ON FUNCTION log.append FROM PUBLIC;
