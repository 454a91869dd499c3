-- One link of a lane's hash chain: SHA-256(previous, length-prefixed envelope, payload); contracts/envelope.py says the same.
CREATE FUNCTION log.link(state bytea, head_of_lane bytea, envelope bytea, payload bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN sha256(coalesce(head_of_lane, state) || int4send(octet_length(envelope)) || envelope || payload);
END
$$;

-- timestamptz_send gives microseconds since 2000-01-01 UTC in eight bytes, at no cost.

-- A plain aggregate, run as a window over a call's events: each row sees the chain up to itself. A lane's first event
-- brings the head of its lane and so starts the next chain.
CREATE AGGREGATE log.chain(head_of_lane bytea, envelope bytea, payload bytea) (SFUNC = log.link, STYPE = bytea);

-- What a writer gives for one event. One array of these costs the writer's driver a third of an array a column.
CREATE TYPE log.new_event AS (
    lane smallint, lane_nth integer,                           -- counts this call's events in their lane from 1
    client text COLLATE "C", client_nth integer,               -- … and in their client
    numbered_nth integer,                                      -- … and the client's new tickets; 0 where none is born
    append integer, stream uuid, version integer, id uuid, type text COLLATE "C", schema_version smallint, actor text,
    causation text, origin text,
    occurred timestamptz,                                      -- null: now
    trace text, head bytea, payload bytea
);

CREATE TYPE log.new_command AS (
    append integer, lane smallint, scope text COLLATE "C", command text COLLATE "C", fingerprint bytea, answer bytea
);

-- The append: every waiting append of a process in one call and one commit.
--
-- Events come ordered by lane and, inside a lane, by append; `append` numbers the appends. An append is the events of
-- one command: all in one lane, all or none. No stream and no command id may stand in two appends of one call: the
-- caller keeps the later one for its next call.
--
-- Either everything is written, and one row a client says behind which position, sequence and number its events of this
-- call stand; or nothing is, and one row an append says why it can't be written, so that the caller calls again with
-- the others at once:
--   conflict   a stream has grown since it was read, or the events do not follow each other
--   backwards  an event says that it happened before the last one of its stream
--   duplicate  the command was done before; `answer` is its first result
--   other_body the command id was used before, with another body
-- The locks on the lanes' heads are released when the commit is visible: whoever sees position n sees all before it.
--
-- The wide columns pass through one scan only: sorting and materialising them cost more than the indexes.
CREATE FUNCTION log.append(p_lanes smallint[], p_events log.new_event[], p_commands log.new_command[]) RETURNS TABLE (
    append integer, outcome text, answer bytea,
    lane smallint, client text, position_before bigint, sequence_before bigint, number_before bigint, recorded timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    now_here   timestamptz;
    conflicts  integer[];
    backwards  integer[];
    late       uuid[];         -- streams whose last event lies in the future of this clock …
    late_until timestamptz[];  -- … and when that event happened: nothing of theirs happens before it
    refused    boolean := false;
    miscounted bigint;
    unowned    text;
BEGIN
    PERFORM 1 FROM log.lanes WHERE lane = ANY (p_lanes) ORDER BY lane FOR UPDATE;
    now_here := clock_timestamp();

    -- What must not be written. The usual call finds nothing here.
    IF cardinality(p_commands) > 0 THEN
        RETURN QUERY
        SELECT c.append, CASE WHEN d.fingerprint = c.fingerprint THEN 'duplicate' ELSE 'other_body' END, d.answer,
               NULL::smallint, NULL, NULL::bigint, NULL::bigint, NULL::bigint, NULL::timestamptz
        FROM unnest(p_commands) AS c
        JOIN log.commands d ON d.lane = c.lane AND d.scope = c.scope AND d.command = c.command;
        refused := FOUND;
    END IF;

    SELECT array_agg(a.append) FILTER (WHERE a.first <> coalesce(l.version, 0) + 1 OR a.gap <> 0),
           array_agg(a.append) FILTER (WHERE a.occurred < l.occurred_at AND a.first = l.version + 1),
           array_agg(a.stream) FILTER (WHERE l.occurred_at > now_here),
           array_agg(l.occurred_at) FILTER (WHERE l.occurred_at > now_here)
    INTO conflicts, backwards, late, late_until
    FROM (SELECT e.append, e.lane, e.stream, min(e.version) AS first, min(e.occurred) AS occurred,
                 max(e.version) - min(e.version) + 1 - count(*) AS gap
          FROM unnest(p_events) AS e GROUP BY e.append, e.lane, e.stream) a
    LEFT JOIN LATERAL (
        SELECT e.version, e.occurred_at FROM log.events e
        WHERE e.lane = a.lane AND e.stream = a.stream ORDER BY e.version DESC LIMIT 1
    ) l ON true;

    IF refused OR conflicts IS NOT NULL OR backwards IS NOT NULL THEN
        RETURN QUERY
        SELECT b.append, b.outcome, NULL::bytea,
               NULL::smallint, NULL, NULL::bigint, NULL::bigint, NULL::bigint, NULL::timestamptz
        FROM (SELECT unnest(conflicts), 'conflict' UNION ALL SELECT unnest(backwards), 'backwards') AS b (append, outcome);
        RETURN;
    END IF;

    RETURN QUERY
    SELECT NULL::integer, 'ok', NULL::bytea, c.lane, c.client, g.position, coalesce(k.sequence, 0), coalesce(k.number, 0),
           greatest(now_here, g.recorded_at)
    FROM (SELECT DISTINCT e.lane, e.client FROM unnest(p_events) AS e) c
    JOIN log.lanes g ON g.lane = c.lane
    LEFT JOIN log.counters k ON k.lane = c.lane AND k.client = c.client;

    WITH given AS (
        SELECT e.lane, g.position + e.lane_nth AS position, e.client, coalesce(k.sequence, 0) + e.client_nth AS sequence,
               CASE WHEN e.numbered_nth > 0 THEN coalesce(k.number, 0) + e.numbered_nth END AS number,
               e.stream, e.version, e.id, e.type, e.schema_version, e.actor, e.causation, e.origin,
               coalesce(e.occurred, greatest(now_here, g.recorded_at,
                   CASE WHEN late IS NOT NULL
                        THEN (SELECT max(u.until) FROM unnest(late, late_until) AS u (stream, until) WHERE u.stream = e.stream) END
               )) AS occurred_at,
               greatest(now_here, g.recorded_at) AS recorded_at, e.trace, e.head, e.payload,
               CASE WHEN e.lane_nth = 1 THEN g.hash END AS head_of_lane, e.i
        FROM unnest(p_events) WITH ORDINALITY
             AS e (lane, lane_nth, client, client_nth, numbered_nth, append, stream, version, id, type, schema_version,
                   actor, causation, origin, occurred, trace, head, payload, i)
        JOIN log.lanes g ON g.lane = e.lane AND g.lane = ANY (p_lanes)
        LEFT JOIN log.counters k ON k.lane = e.lane AND k.client = e.client
        WHERE e.type IN (SELECT o.type FROM log.ownership o WHERE o.role = session_user)
    ), written AS (
        INSERT INTO log.events AS w (lane, position, client, sequence, number, stream, version, id, type, schema_version,
                                     actor, causation, origin, occurred_at, recorded_at, trace, payload, hash)
        SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version,
               e.actor, e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload,
               log.chain(e.head_of_lane,
                         e.head || int8send(e.position) || int8send(e.sequence) || int8send(coalesce(e.number, 0))
                         || timestamptz_send(e.occurred_at) || timestamptz_send(e.recorded_at),
                         e.payload) OVER (ORDER BY e.i)
        FROM given e
        RETURNING w.lane, w.position, w.client, w.sequence, w.number, w.recorded_at, w.hash
    ), heads AS (
        SELECT DISTINCT ON (w.lane) w.lane, w.position, w.hash, w.recorded_at, count(*) OVER (PARTITION BY w.lane) AS events
        FROM written w ORDER BY w.lane, w.position DESC
    ), headed AS (
        UPDATE log.lanes g SET position = h.position, hash = h.hash, recorded_at = h.recorded_at
        FROM heads h WHERE g.lane = h.lane
    ), counts AS (
        SELECT w.lane, w.client, max(w.sequence) AS sequence, coalesce(max(w.number), 0) AS number, count(*) AS events,
               count(w.number) AS numbers
        FROM written w GROUP BY w.lane, w.client
    ), before AS (
        SELECT c.*, coalesce(k.sequence, 0) AS last_sequence, coalesce(k.number, 0) AS last_number, k.client IS NULL AS fresh
        FROM counts c LEFT JOIN log.counters k ON k.lane = c.lane AND k.client = c.client
    ), counted_on AS (
        UPDATE log.counters k SET sequence = b.sequence, number = greatest(k.number, b.number)
        FROM before b WHERE k.lane = b.lane AND k.client = b.client
    ), counted_first AS (
        INSERT INTO log.counters (lane, client, sequence, number)
        SELECT b.lane, b.client, b.sequence, b.number FROM before b WHERE b.fresh
    ), answered AS (
        INSERT INTO log.commands (lane, scope, command, fingerprint, answer, recorded_at)
        SELECT c.lane, c.scope, c.command, c.fingerprint, c.answer, now_here FROM unnest(p_commands) AS c
    )
    SELECT abs(cardinality(p_events) - (SELECT sum(h.events) FROM heads h))
           + (SELECT count(*) FROM heads h JOIN log.lanes g ON g.lane = h.lane WHERE h.position - g.position <> h.events)
           + (SELECT count(*) FROM before b
              WHERE b.sequence - b.last_sequence <> b.events OR b.number - b.last_number <> b.numbers AND b.numbers > 0)
    INTO miscounted;

    IF miscounted IS DISTINCT FROM 0 THEN
        SELECT string_agg(DISTINCT e.type, ', ') INTO unowned FROM unnest(p_events) AS e
        WHERE NOT EXISTS (SELECT 1 FROM log.ownership o WHERE o.role = session_user AND o.type = e.type);
        IF unowned IS NOT NULL THEN
            RAISE EXCEPTION '% may not append %', session_user, unowned
                USING ERRCODE = 'insufficient_privilege', HINT = 'contracts/ownership.py says who owns an event type.';
        END IF;
        RAISE EXCEPTION 'the events of an append are not counted as log.new_event says' USING ERRCODE = 'data_exception';
    END IF;
END
$$;

REVOKE ALL ON FUNCTION log.append FROM PUBLIC;

-- A command that changed nothing leaves no event, and is remembered all the same: its answer stands whatever happens
-- afterwards. Returns the first one. The lane's lock keeps it apart from an append of the same command.
CREATE FUNCTION log.remember(p_lane smallint, p_scope text, p_command text, p_fingerprint bytea, p_answer bytea)
RETURNS TABLE (fingerprint bytea, answer bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM 1 FROM log.lanes WHERE lane = p_lane FOR UPDATE;
    INSERT INTO log.commands (lane, scope, command, fingerprint, answer, recorded_at)
    VALUES (p_lane, p_scope, p_command, p_fingerprint, p_answer, clock_timestamp())
    ON CONFLICT ON CONSTRAINT one_answer_per_command DO NOTHING;
    RETURN QUERY
    SELECT c.fingerprint, c.answer FROM log.commands c
    WHERE c.lane = p_lane AND c.scope = p_scope AND c.command = p_command;
END
$$;

REVOKE ALL ON FUNCTION log.remember FROM PUBLIC;
